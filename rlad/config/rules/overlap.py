"""What rollouts beside updates (`launch.overlap`) ask of the run."""

from __future__ import annotations

from rlad.config import ROLES, ConfigError, RunConfig
from rlad.config.rules.groups import learning_roles

BESIDE = ("shared", "lora", "server")
"""Placements of engines that work while the ranks do."""


def check_overlap(config: RunConfig) -> None:
    """Raises ConfigError where nothing could sample beside an update, or nothing corrects for the older weights."""
    if not config.launch.overlap:
        return
    engine = config.engine
    if engine.kind != "vllm" or engine.placement not in BESIDE:
        raise ConfigError(
            f"launch.overlap=1 samples while players learn, which engine.kind={engine.kind} with engine.placement="
            f"{engine.placement} does not: set engine.kind=vllm and engine.placement={', '.join(BESIDE[:-1])} or "
            f"{BESIDE[-1]}."
        )
    if config.cotrain.schedule.lag:
        raise ConfigError(
            "cotrain.schedule.lag solves with a snapshot inside the ranks, which learn at that time with "
            "launch.overlap=1; use one of the two."
        )
    for role in learning_roles(config):
        player = config.players[role]
        if role in ROLES and player.old_logprobs == "trainer" and player.mismatch.kind == "none":
            raise ConfigError(
                f"launch.overlap=1 learns from samples of older weights, for which nothing corrects the {role} player: "
                f"set {role}.mismatch.kind=truncated, or {role}.old_logprobs=sampler."
            )
