"""Keys that have another name now: whoever uses the old one is told the new one."""

from __future__ import annotations

CLIPPING = "ROLE.ppo_clip.{0} (dr_grpo, gppo and ce_gppo have bounds of their own)"

RENAMED: dict[str, str] = {
    "ROLE.kl": "ROLE.kl_coef",
    "ROLE.entropy": "ROLE.entropy_coef",
    "ROLE.clip_low": CLIPPING.format("clip_low"),
    "ROLE.clip_high": CLIPPING.format("clip_high"),
    "ROLE.dual_clip": "ROLE.ppo_clip.dual_clip (dr_grpo and gppo have one of their own)",
    "cotrain.broaden": "cotrain.sft_phase",
    "cotrain.refills": "cotrain.dynamic_sampling",
    "cotrain.rlcr": "solution.rlcr",
    "cotrain.hill": "abstraction.hill",
    "cotrain.r3": "abstraction.r3",
    "cotrain.diversity": "abstraction.diversity",
    "cotrain.effective_rank": "abstraction.effective_rank or solution.effective_rank",
}
"""Old key -> new key; ROLE stands for every role's section, and a section for all keys in it."""


def renamed(name: str, roles: tuple[str, ...] | list[str]) -> str | None:
    """The new name of a dotted key, or None for one that never had another.

    >>> renamed("solution.kl", ["abstraction", "solution"]), renamed("cotrain.rlcr", []), renamed("cotrain.steps", [])
    ('solution.kl_coef', 'solution.rlcr', None)
    """
    role, _, rest = name.partition(".")
    new = RENAMED.get(f"ROLE.{rest}" if role in roles else name)
    return new and new.replace("ROLE", role)


METHODS: dict[tuple[str, str], str] = {("rule", "weighted"): "weighted_majority"}
"""(kind, old name) -> the name that a method has now."""
