"""What advantages are made of: moments, returns, and the set-level credit of proposals. Pure functions.

`@advantage` declares how a group's rewards become advantages: group_baselines.py, reinforce_pp.py and their kin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

# Below this spread a group counts as constant, and a standard deviation is not divided by.
FLAT = 1e-8


def is_constant(rewards: Sequence[float]) -> bool:
    """Whether a group carries no signal."""
    return max(rewards) - min(rewards) < FLAT


def kl_returns(reward: float, kl: Sequence[float], coefficient: float) -> list[float]:
    """Return of every token when each pays for its KL: reward - coefficient * (sum of kl from here to the end).

    The plain form of REINFORCE++ (2501.03262), kl = log pi - log pi_reference of the sampled tokens, nats.

    >>> kl_returns(1.0, [0.5, 0.0, 1.0], 0.1)
    [0.85, 0.9, 0.9]
    """
    returns, rest = [], 0.0
    for value in reversed(kl):
        rest += value
        returns.append(reward - coefficient * rest)
    return returns[::-1]


def moments(values: Sequence[float], weights: Sequence[float]) -> tuple[float, float, float]:
    """(sum of weights, weighted sum, weighted sum of squares): added up over ranks they give mean and deviation.

    >>> moments([1.0, -1.0], [2.0, 1.0])
    (3.0, 1.0, 3.0)
    """
    pairs = list(zip(values, weights, strict=True))
    return math.fsum(weights), math.fsum(w * v for v, w in pairs), math.fsum(w * v * v for v, w in pairs)


def mean_and_deviation(total: float, first: float, second: float) -> tuple[float, float]:
    """From summed moments; ddof 0. A deviation of zero is given as 1, so that nothing is divided by it.

    Whitening the advantages of the groups (1, 0) and (1, 1), which are .5, -.5, 0, 0, over sequences and over tokens of
    lengths 1, 1, 4, 4:

    >>> for weights in ([1, 1, 1, 1], [1, 1, 4, 4]):
    ...     mean, deviation = mean_and_deviation(*moments([0.5, -0.5, 0.0, 0.0], weights))
    ...     print([round((a - mean) / deviation, 4) for a in (0.5, -0.5, 0.0)])
    [1.4142, -1.4142, 0.0]
    [2.2361, -2.2361, 0.0]
    """
    mean = first / total
    deviation = math.sqrt(max(0.0, second / total - mean * mean))
    return mean, deviation if deviation > FLAT else 1.0


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
