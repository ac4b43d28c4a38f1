"""Leave-one-out advantages that hold where outcomes decide how many samples a group has (`cotrain.adaptive`, ours)."""

from __future__ import annotations

import math

from rlad.config.registry import advantage
from trainers.credit.attempts import Attempts


@advantage("staged", roles=("solution",), reads="attempts", stopping=True, source="2402.14740")
def staged(group: Attempts) -> list[float]:
    """Rewards less the mean of the others that do not depend on them: rloo where there was one round.

    A baseline may be anything that its own sample has no part in. A sample of the first round has a part in how many
    further ones there are, so its baseline is the mean of the first round's others; a further sample has no part in
    anything, so its baseline is the mean of all others. Alone in the first round, a sample teaches nothing itself.

    Then the expected sum of advantage times score is (expected number of the group's samples that have a baseline)
    times the gradient of its pass rate: the direction of every group is unbiased, and groups weigh by how many
    solutions they get, uncertain ones more. A leave-one-out over both rounds is not: with a first round of two, it
    would call the third sample's failure evidence about why there was a third.

    >>> staged(Attempts([1, 0, 0], ["a"] * 3, [0.0] * 3))                          # one round: rloo
    [1.0, -0.5, -0.5]
    >>> staged(Attempts([1, 0, 1, 0], ["a"] * 4, [0.0] * 4, [False, False, True, True]))
    [1.0, -1.0, 0.6666666666666667, -0.6666666666666666]
    """
    further = group.further or [False] * len(group.rewards)
    total, count = math.fsum(group.rewards), len(group.rewards)
    first = [reward for reward, later in zip(group.rewards, further, strict=True) if not later]
    total_first, count_first = math.fsum(first), len(first)
    return [
        _less(reward, total, count) if later else _less(reward, total_first, count_first)
        for reward, later in zip(group.rewards, further, strict=True)
    ]


def _less(reward: float, total: float, count: int) -> float:
    return reward - (total - reward) / (count - 1) if count > 1 else 0.0
