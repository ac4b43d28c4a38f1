"""Credit inside a group: rewards to advantages, and the set-level credit of proposals. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rlad.config.methods import ADVANTAGES

# Below this spread a group counts as constant, and a standard deviation is not divided by.
FLAT = 1e-8


def is_constant(rewards: Sequence[float]) -> bool:
    """Whether a group carries no signal."""
    return max(rewards) - min(rewards) < FLAT


def group_advantages(rewards: Sequence[float], kind: str) -> list[float]:
    """Advantages of one group, by the first step of each kind; those of the batch are scaled further, over all groups.

    `mean` (Dr. GRPO, 2503.20783), `std` (GRPO, 2402.03300: ddof 1, + 1e-6), `rloo` (2402.14740: minus the mean of the
    others); `batch_std` and `reinforce_pp_baseline` centre, `reinforce_pp` leaves the rewards as they are.

    >>> group_advantages([1, 0, 0, 0], "mean"), [round(a, 4) for a in group_advantages([1, 0, 0, 0], "rloo")]
    ([0.75, -0.25, -0.25, -0.25], [1.0, -0.3333, -0.3333, -0.3333])
    >>> [round(a, 4) for a in group_advantages([1, 0, 0, 0], "std")]
    [1.5, -0.5, -0.5, -0.5]
    """
    size = len(rewards)
    if kind == "reinforce_pp":
        return [float(reward) for reward in rewards]
    mean = math.fsum(rewards) / size
    centred = [reward - mean for reward in rewards]
    if size == 1 or is_constant(rewards):
        return [0.0] * size
    if kind in ("mean", "batch_std", "reinforce_pp_baseline"):
        return centred
    if kind == "rloo":
        return [size / (size - 1) * value for value in centred]
    if kind == "std":
        deviation = math.sqrt(math.fsum(value * value for value in centred) / (size - 1))
        return [value / (deviation + 1e-6) for value in centred]
    raise ValueError(f"Unknown advantage '{kind}'; known: {', '.join(ADVANTAGES)}.")


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
