"""Further solutions where the outcome is uncertain: how many each group of a step gets after a first round. Pure.

A group is what shares a prompt: the solutions with one abstraction, or of a problem where the solver learns alone. Its
pass rate has the prior Beta(prior, prior); s of n right make it Beta(s + prior, n - s + prior). A step's further
solutions go one by one to the group whose posterior variance is largest; one that has been given some counts as if its
mean had stayed and its evidence grown. So groups that are settled get none, and none takes all.

How many a group gets depends on its own outcomes, and means over a number of samples that depends on them are biased.
What holds all the same stands at `unbiased_rate` and in trainers/credit/staged.py.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

Key = tuple[float, int, int]
"""(-worth, group, number of the further solution), sorted as they are given."""


def worth(right: int, sampled: int, number: int, prior: float) -> float:
    """Posterior variance of a pass rate before its `number`-th further solution (from 1).

    >>> worth(1, 2, 1, 1.0), worth(0, 2, 1, 1.0), worth(1, 2, 2, 1.0)      # Beta(2, 2), Beta(1, 3)
    (0.05, 0.0375, 0.041666666666666664)
    """
    a, b = right + prior, sampled - right + prior
    return a * b / ((a + b) ** 2 * (a + b + number))


def further_solutions(right: Sequence[int], first: int, budget: int, most: int, prior: float) -> list[list[int]]:
    """Row g: how many further solutions group g gets had 0, 1, ... `first` of its own first ones been right.

    right: how many of each group's `first` solutions are right. budget: further ones of all groups together, of which a
    group gets at most `most`; what nobody can take stays unspent. Ties go to the earlier group.

    Of three groups with 0, 1 and 2 of 2 right, the second gets both further ones: .050, then .042, against .0375.

    >>> table = further_solutions([0, 1, 2], first=2, budget=2, most=4, prior=1.0)
    >>> [row[own] for row, own in zip(table, [0, 1, 2])]
    [0, 2, 0]
    >>> table[0]        # one right would have made it level with the second, and each had got one
    [0, 1, 0]
    """
    groups = [_keys(g, own, first, most, prior) for g, own in enumerate(right)]
    ranked = sorted(key for keys in groups for key in keys)
    return [
        [_admitted(_keys(g, own, first, most, prior), groups[g], ranked, budget) for own in range(first + 1)]
        for g in range(len(right))
    ]


def _keys(group: int, right: int, first: int, most: int, prior: float) -> list[Key]:
    return [(-worth(right, first, number, prior), group, number) for number in range(1, most + 1)]


def _admitted(keys: list[Key], instead_of: list[Key], ranked: list[Key], budget: int) -> int:
    """How many of a group's `keys` are among the first `budget` of all, had they been its own instead of those."""
    for number, key in enumerate(keys):
        others = bisect_left(ranked, key) - bisect_left(instead_of, key)
        if others + number >= budget:
            return number
    return len(keys)


def unbiased_rate(right: int, further: int, row: Sequence[int]) -> float:
    """A pass rate's unbiased estimate after a first round and `further` solutions, `right` of all of them right.

    row: the group's row of `further_solutions`. The share of right ones is biased where the first round decides how
    many follow: a group that stops at 0 of 2 stays at 0, one at 1 of 2 is pulled back to its rate. This is the expected
    share among the first ones, given where the group has ended (Girshick, Mosteller and Savage 1946).

    First rounds of 2, a further one behind 1 right alone: 1 of 3 can only have been 1 of the first 2.

    >>> unbiased_rate(1, 1, [0, 1, 0]), unbiased_rate(2, 0, [0, 1, 0]), unbiased_rate(0, 0, [0, 1, 0])
    (0.5, 1.0, 0.0)
    >>> unbiased_rate(1, 1, [1, 1, 1])       # always one more: the plain share
    0.3333333333333333
    """
    first = len(row) - 1
    ways = {
        own: math.comb(first, own) * math.comb(further, right - own)
        for own in range(min(first, right) + 1)
        if row[own] == further
    }
    return sum(own / first * count for own, count in ways.items()) / sum(ways.values())
