"""Sections of a player for what composes with every loss and reward; a method chosen by name has its keys in its file.

Formulas, sources and traps: docs/methods.md. Numbers are the papers' or, where those disagree, say whose they are.
"""

from __future__ import annotations

from dataclasses import dataclass

from rlad.config.registry import key


@dataclass
class ForkingConfig:
    """Policy gradient only on the tokens of highest entropy, "80/20" (2506.01939); composes with every loss."""

    share: float = key(1.0, above=0, most=1)
    """Share of tokens that keeps its policy gradient; the paper's is 0.2, and 1 switches it off."""
    denominator: str = key("all", one_of=("all", "kept"))
    """all (the paper: divide by all tokens) or kept (the authors' code: about 1/share times larger gradients)."""


@dataclass
class MismatchConfig:
    """Importance weights pi_trainer / pi_sampler of before the update; they multiply the policy loss."""

    kind: str = key("none", one_of=("none", "truncated", "masked"))
    """none, truncated (TIS: min(w, high)) or masked (MIS, IcePop: 0 outside [low, high], else w)."""
    level: str = key("token", one_of=("token", "sequence", "geometric"))
    """token, sequence (product over the sequence) or geometric (its per-token geometric mean)."""
    low: float | None = key(None, least=0, most=1)
    """Lower bound of a weight; None = 0.5, or 0.999 at level=geometric."""
    high: float | None = key(None, least=1)
    """Upper bound of a weight; None = 2, or 1.001 at level=geometric."""
    opsm: float | None = key(None, least=0)
    """Off-policy sequence masking: drop sequences with A < 0 and mean log(pi_sampler/pi) above this, nats."""


@dataclass
class DiversityConfig:
    """A bonus for abstractions that work and differ from the problem's other ones."""

    weight: float = key(0.0, least=0)
    """bonus = weight * novelty * success; 0 = off."""
    measure: str = key("form", one_of=("form", "wording"))
    """form (share of the other draws with another canonical form) or wording (distance of character trigrams)."""
