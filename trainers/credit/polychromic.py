"""The polychromic objective (2509.25424): sets of attempts are paid for being right and different at once."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from rlad.config.registry import advantage, key
from trainers.credit.attempts import Attempts
from trainers.credit.group_baselines import mean
from trainers.credit.pass_at_k import set_fits


@dataclass
class PolychromicKeys:
    """The size of the sets."""

    k: int = key(4, least=1)
    """Attempts of a set, at most a group's; 1 = the advantage `mean`."""


@advantage(
    "polychromic",
    keys=PolychromicKeys,
    reads="attempts",
    check=set_fits("polychromic"),
    source="2509.25424, 2604.17654",
)
def polychromic(group: Attempts, keys: PolychromicKeys) -> list[float]:
    """Mean of f over all sets of k that hold an attempt, less the mean of f over all sets.

    f(S) = (mean reward of S) * (share of different strategies in S). An attempt that fails may earn something, where it
    makes sets with right ones more diverse; of right ones alike each is worth less.

    Two right by one strategy and one wrong by another, k = 2: the sets are worth 1 * 1/2, 1/2 * 1 and 1/2 * 1, so all
    three attempts have a mean of .5 and no advantage. With the third right too: 1/2, 1, 1, with means .75, .75, 1.

    >>> polychromic(Attempts([1, 1, 0], ["a", "a", "b"], [0.0] * 3), PolychromicKeys(k=2))
    [0.0, 0.0, 0.0]
    >>> [round(a, 4) for a in polychromic(Attempts([1, 1, 1], ["a", "a", "b"], [0.0] * 3), PolychromicKeys(k=2))]
    [-0.0833, -0.0833, 0.1667]

    Where we differ from the papers: 2509.25424 samples some sets from a vine of rollouts and gives a set's advantage
    to its members; the mean over all sets of the group (2604.17654's marginal advantage) is that with less variance,
    and is counted here, not sampled. Strategies are told apart as in uniqueness.py, not by a language model. A group
    whose rewards are all the same still teaches, so it stays under `cotrain.drop_constant_groups`.
    """
    k = min(keys.k, len(group.rewards))
    return mean([set_value(group, i, k) for i in range(len(group.rewards))])


def set_value(group: Attempts, i: int, k: int) -> float:
    """Mean of f over all sets of k attempts that hold attempt i, counted in closed form.

    By linearity it is 1/k^2 times the sum over members j and strategies c of R_j * P(j and c are in the set | i is).

    >>> set_value(Attempts([1, 1, 0], ["a", "a", "b"], [0.0] * 3), 2, 2)
    0.5
    """
    size, counts = len(group.rewards), Counter(group.strategies)
    own = group.rewards[i] * _different(group, (i,), counts, k)
    if k == 1:
        return own
    together = (k - 1) / (size - 1)
    others = (
        group.rewards[j] * together * _different(group, (i, j), counts, k)
        for j in range(size)
        if j != i and group.rewards[j]
    )
    return math.fsum([own, *others]) / k**2


def _different(group: Attempts, held: tuple[int, ...], counts: Counter[str], k: int) -> float:
    """Expected number of strategies in a set of k that holds the attempts `held`, the others drawn at random."""
    known = {group.strategies[i] for i in held}
    rest, drawn = len(group.rewards) - len(held), k - len(held)
    missed = (math.comb(rest - count, drawn) for name, count in counts.items() if name not in known)
    sets = math.comb(rest, drawn)
    return len(known) + sum(1 - miss / sets for miss in missed)
