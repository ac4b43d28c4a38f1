"""Where a player stands when credit is given, and what a shaping may ask of its next update."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Standing:
    """Numbers of the whole step before, the same on every rank."""

    entropy: float | None = None
    """Nats per token in the newest update; None before the first."""
    reward: float | None = None
    """Mean reward of the rollouts that this update learnt from; None where there is none."""
    progress: float = 0.0
    """Share of the training that is done, 0 to 1: of its steps or of its token budget, whichever is further."""


@dataclass(frozen=True)
class Control:
    """What the next update is done with instead of what the configuration says; 1 changes nothing."""

    kl: float = 1.0
    """Multiplies `kl_coef`."""
    rate: float = 1.0
    """Multiplies the learning rate."""


UNTOUCHED = Control()
