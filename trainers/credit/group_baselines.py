"""Advantages against a baseline of the group: `@advantage` functions from the rewards of one group to its advantages.

An advantage is `advantage(rewards) -> advantages`, with `keys=` where it declares keys. `step_scale` says what happens
to them over all groups of a step afterwards (whitening.py): nothing, or division by the step's deviation. One declared
with `reads="attempts"` is handed the group as `Attempts` (attempts.py), which also tells its samples apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from rlad.config.registry import advantage
from trainers.credit.advantages import is_constant


@advantage("mean", source="2503.20783")
def mean(rewards: Sequence[float]) -> list[float]:
    """Rewards less the group's mean (Dr. GRPO); a constant group and a group of one are worth 0.

    >>> mean([1, 0, 0, 0])
    [0.75, -0.25, -0.25, -0.25]
    """
    if is_constant(rewards):
        return [0.0] * len(rewards)
    average = math.fsum(rewards) / len(rewards)
    return [reward - average for reward in rewards]


@advantage("std", source="2402.03300")
def std(rewards: Sequence[float]) -> list[float]:
    """Rewards less the group's mean, divided by its deviation (GRPO: ddof 1, + 1e-6).

    >>> [round(a, 4) for a in std([1, 0, 0, 0])]
    [1.5, -0.5, -0.5, -0.5]
    """
    centred = mean(rewards)
    if not any(centred):
        return centred
    deviation = math.sqrt(math.fsum(value * value for value in centred) / (len(centred) - 1))
    return [value / (deviation + 1e-6) for value in centred]


@advantage("rloo", source="2402.14740")
def rloo(rewards: Sequence[float]) -> list[float]:
    """Rewards less the mean of the group's others.

    >>> [round(a, 4) for a in rloo([1, 0, 0, 0])]
    [1.0, -0.3333, -0.3333, -0.3333]
    """
    size = len(rewards)
    return [size / (size - 1) * value if value else 0.0 for value in mean(rewards)]


@advantage("batch_std", step_scale="deviation", source="2510.13786")
def batch_std(rewards: Sequence[float]) -> list[float]:
    """Rewards less the group's mean; divided by the deviation of all sequences of the step (ScaleRL)."""
    return mean(rewards)


BASELINES = {"std": std, "mean": mean}
"""The two that others start from, whose own files then reweigh what a group's members earn."""
