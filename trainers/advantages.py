"""Credit inside a group: rewards to advantages, and the set-level credit of proposals. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence

# Below this spread a group counts as constant, and a standard deviation is not divided by.
FLAT = 1e-8


def is_constant(rewards: Sequence[float]) -> bool:
    """Whether a group carries no signal."""
    return max(rewards) - min(rewards) < FLAT


def group_advantages(rewards: Sequence[float], kind: str) -> list[float]:
    """Advantages of one group: `mean` (Dr. GRPO), `std` (GRPO, ddof 1, + 1e-6), `rloo` (leave-one-out baseline).

    >>> group_advantages([1, 0, 0, 0], "mean"), [round(a, 4) for a in group_advantages([1, 0, 0, 0], "rloo")]
    ([0.75, -0.25, -0.25, -0.25], [1.0, -0.3333, -0.3333, -0.3333])
    >>> [round(a, 4) for a in group_advantages([1, 0, 0, 0], "std")]
    [1.5, -0.5, -0.5, -0.5]
    """
    size = len(rewards)
    mean = math.fsum(rewards) / size
    centred = [reward - mean for reward in rewards]
    if size == 1 or is_constant(rewards):
        return [0.0] * size
    if kind == "mean":
        return centred
    if kind == "rloo":
        return [size / (size - 1) * value for value in centred]
    if kind == "std":
        deviation = math.sqrt(math.fsum(value * value for value in centred) / (size - 1))
        return [value / (deviation + 1e-6) for value in centred]
    raise ValueError(f"Unknown advantage '{kind}'; known: mean, std, rloo.")


def leave_one_out(success: Sequence[float]) -> list[float]:
    """Each member's contribution to the set's coverage C = 1 - prod(1 - p): c_i = p_i * prod over j != i of (1 - p_j).

    Over draws *with* their duplicates, a second copy of a proposal contributes nothing: repeating oneself doesn't pay.

    >>> leave_one_out([.5, .5, 0]), leave_one_out([1, .5]), leave_one_out([1., 1., 0.])
    ([0.25, 0.25, 0.0], [0.5, 0.0], [0.0, 0.0, 0.0])
    """
    return [p * math.prod(1 - other for j, other in enumerate(success) if j != i) for i, p in enumerate(success)]


def mixed_credit(success: Sequence[float], set_credit: float) -> list[float]:
    """(1 - lambda) * p_i + lambda * c_i: c_i alone vanishes for everybody once one proposal always works.

    >>> mixed_credit([1, .5], .5)
    [0.75, 0.25]
    """
    return [(1 - set_credit) * p + set_credit * c for p, c in zip(success, leave_one_out(success), strict=True)]
