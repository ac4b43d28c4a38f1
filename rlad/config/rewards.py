"""Keys of `cotrain.rlcr` and the other rewards beyond the verdict."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class RlcrConfig:
    """`solution.reward=rlcr`: correctness less the Brier score of a stated confidence (2507.16806)."""

    malformed: float = -2.0
    """Reward of a solution that states no confidence from 0 to 1."""
