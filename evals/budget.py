"""`budget=auto` measured on kept trees: a pair's statistics, and the policy replayed.

A pool holds what was sampled for one problem; a policy is replayed by handing it the pool's abstractions in their order
of drawing and their solutions in theirs, so nothing is sampled again and tokens are those that were generated. In what
order a policy asks does not depend on its price, so one replay gives every budget.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations, pairwise
from math import log

import numpy as np
from scipy import stats

from evals.trees import Draws, Grown
from rlad.reasoning.budget_policy import BudgetPolicy
from rlad.reasoning.posterior import Posterior, Seen, Statistics

LEVELS = 4
SLOPES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)
SHARPNESS = (0.15, 0.3, 0.5, 0.75, 1.0)
FITTED = 120
"""Problems on which slope and sharpness are chosen; the rest of the statistics are of all."""


@dataclass(frozen=True)
class Pool:
    """What was sampled for one problem: different abstractions in the order of drawing, and solutions under each."""

    proposals: tuple[float | None, ...]
    """log π_abs at temperature 1 of each, nats."""
    drawing: tuple[int, ...]
    """Tokens drawn from the abstraction before it up to each, duplicates and failures included."""
    answers: tuple[tuple[Hashable | None, ...], ...]
    right: tuple[tuple[bool, ...], ...]
    tokens: tuple[tuple[int, ...], ...]
    """Of the solutions under each."""
    rest: int = 0
    """Tokens of the proposals after the last different one, where more were looked for."""

    @classmethod
    def of(cls, grown: Grown) -> Pool:
        """The pool of a sweep's tree; of an abstraction that was proposed in several texts, all of them together."""
        draws, solutions = grown.draws, [branch.solutions for branch in grown.branches]
        firsts = [draws.branch.index(i) for i in range(len(solutions))]
        ends = [0, *(first + 1 for first in firsts)]
        drawing = tuple(sum(draws.tokens[start:end]) for start, end in pairwise(ends))
        chances = [_chance(draws, i) for i in range(len(solutions))]
        answers, right, tokens = ([tuple(getattr(s, name)) for s in solutions] for name in ("key", "correct", "tokens"))
        rest = sum(draws.tokens[ends[-1] :])
        return cls(tuple(chances), drawing, tuple(answers), tuple(right), tuple(tokens), rest)

    def cost(self, depths: Sequence[int], asked: int = 0) -> int:
        """Tokens of the first abstractions with so many solutions under each; `asked`: how many were looked for."""
        looked = self.rest if asked > len(self.answers) else 0
        return looked + self._cost(depths)

    def _cost(self, depths: Sequence[int]) -> int:
        return sum(self.drawing[: len(depths)]) + sum(
            sum(tokens[:depth]) for tokens, depth in zip(self.tokens, depths, strict=False)
        )

    def seen(self, depths: Sequence[int]) -> list[Seen]:
        """What a policy knows of them."""
        rows = zip(self.answers, self.proposals, depths, strict=False)
        return [Seen(answers[:depth], proposal) for answers, proposal, depth in rows]


def _chance(draws: Draws, branch: int) -> float | None:
    """log π_abs of a branch, nats; None where it is not known of each of its texts."""
    if not draws.model_logprob:  # kept by a sweep that did not ask for it
        return None
    columns = zip(draws.branch, draws.text, draws.model_logprob, strict=True)
    said = {text: value for at, text, value in columns if at == branch}
    return None if None in said.values() else float(np.logaddexp.reduce(list(said.values())))


Depths = tuple[int, ...]
"""Solutions under the first, second ... abstraction: a state of a tree."""


@dataclass(frozen=True)
class Step:
    """A state through which a replay went."""

    depths: Depths
    asked: int
    """Abstractions that were looked for: one more than there are where that was in vain."""
    tokens: int
    rate: float
    """What the best action here gains per token; a policy whose price is not below it stops."""


def replay(policy: BudgetPolicy, pool: Pool) -> list[Step]:
    """All states of a tree, from its first abstraction until the pool has no more or nothing gains anything.

    Where the pool has fewer abstractions than were looked for, a policy that looks for one more pays for that too.
    """
    depths: list[int] = []
    path: list[Step] = []
    asked = 0
    while True:
        more = max(asked, len(depths)) < len(pool.answers) + (pool.rest > 0)
        room = [i for i, depth in enumerate(depths) if depth < len(pool.answers[i])]
        action = policy.best(pool.seen(depths), more, room)
        if asked:
            path.append(Step(tuple(depths), asked, pool.cost(depths, asked), action.rate))
        if action.kind == "stop" or (asked and action.rate <= 0):
            return path or [Step((), 0, 0, 0.0)]
        if action.kind == "solution":
            depths[action.branch] += 1
            continue
        asked += 1
        if len(depths) < len(pool.answers):
            depths.append(1)


def stopped(path: Sequence[Step], price: float) -> Step:
    """Where a policy of a price stops on a path.

    >>> path = [Step((1,), 1, 30, 0.02), Step((1, 1), 2, 60, 0.001), Step((1, 1, 1), 3, 90, 0.005)]
    >>> stopped(path, 0.01).tokens, stopped(path, 0.0).tokens
    (60, 90)
    """
    return next((step for step in path if step.rate <= price), path[-1])


def prices(paths: Sequence[Sequence[Step]], points: int = 40) -> list[tuple[float, float]]:
    """(mean tokens, price) of prices spread over the rates that occurred, the fewest tokens first."""
    rates = np.array([step.rate for path in paths for step in path])
    found: dict[float, float] = {}
    for price in np.unique(np.quantile(rates, np.linspace(0, 1, points)))[::-1].tolist():
        mean = float(np.mean([stopped(path, price).tokens for path in paths]))
        found.setdefault(round(mean, 3), price)
    return sorted(found.items())


# -------------------------------------------------------------------------------------- what validation problems say
def statistics(pools: Sequence[Pool]) -> Statistics:
    """The numbers of `Statistics` by counting; slope and sharpness by the log score of the right answer."""
    flags = [[row[0] for row in pool.right] for pool in pools]
    widest = max(len(pool.drawing) for pool in pools)
    drawn = [[pool.drawing[i] for pool in pools if len(pool.drawing) > i] for i in range(widest)]
    known = [value for pool in pools for value in pool.proposals if value is not None]
    counted = Statistics(
        levels=levels([sum(row) / len(row) for row in flags], [len(row) for row in flags]),
        follow=follow(pools),
        collision=collision(pools),
        abstraction_tokens=tuple(float(np.mean(column)) for column in drawn),
        solution_tokens=float(np.mean([t for pool in pools for row in pool.tokens for t in row])),
        centre=float(np.mean(known)) if known else 0.0,
    )
    slopes = SLOPES if known else (0.0,)
    tried = [replace(counted, slope=slope, sharpness=power) for slope in slopes for power in SHARPNESS]
    return max(tried, key=lambda one: _log_likelihood(one, pools[:FITTED]))


def levels(rates: Sequence[float], sizes: Sequence[int], count: int = LEVELS) -> tuple[float, ...]:
    """Quantiles of problems' success rates, by a beta distribution with the moments of what was observed.

    The spread of observed rates that comes from counting few samples is taken out first.

    >>> levels([0.5, 0.5], [8, 8])  # less spread than counting alone would give: all problems are alike
    (0.5, 0.5, 0.5, 0.5)
    """
    observed, sizes = np.asarray(rates, float), np.asarray(sizes, float)
    mean = float(np.clip(observed.mean(), 0.01, 0.99))
    noise = float((1 / sizes).mean())
    # Var(observed) = Var(p) (1 - noise) + mean (1 - mean) noise
    spread = (float(observed.var()) - mean * (1 - mean) * noise) / max(1e-9, 1 - noise)
    if spread <= 1e-6:
        return (mean,) * count
    weight = max(0.05, mean * (1 - mean) / spread - 1)
    places = (np.arange(count) + 0.5) / count
    found = stats.beta.ppf(places, mean * weight, (1 - mean) * weight)
    return tuple(float(value) for value in np.clip(found, 0.005, 0.995))


def follow(pools: Sequence[Pool]) -> float:
    """The root of how often two solutions under an abstraction agree; .95 where there is only one under each."""
    rows = [[answer for answer in row if answer is not None] for pool in pools for row in pool.answers]
    same = [a == b for row in rows for a, b in combinations(row, 2)]
    return float(np.clip(np.sqrt(np.mean(same)), 0.3, 0.995)) if same else 0.95


def collision(pools: Sequence[Pool]) -> float:
    """How often two wrong answers under different abstractions are one; at least once in 1,000."""
    same = []
    for pool in pools:
        firsts = [(answers[0], right[0]) for answers, right in zip(pool.answers, pool.right, strict=True)]
        wrong = [answer for answer, right in firsts if not right and answer is not None]
        same += [a == b for a, b in combinations(wrong, 2)]
    return float(np.clip(np.mean(same), 1e-3, 0.5)) if same else 0.05


def _log_likelihood(one: Statistics, pools: Sequence[Pool]) -> float:
    """Sum over problems of log P(what is right), nats, when half and when all of a problem's abstractions are known."""
    total = 0.0
    for pool in pools:
        pairs = zip(chain(*pool.answers), chain(*pool.right), strict=True)
        right = {answer for answer, flag in pairs if flag}
        for known in {max(1, len(pool.answers) // 2), len(pool.answers)}:
            posterior = Posterior(one, pool.seen([1] * known))
            chance = sum(p for answer, p in posterior.of.items() if answer in right)
            total += log(max(1e-12, chance or posterior.joint[-1].sum()))
    return total


# ------------------------------------------------------------------------------------------------ against fixed splits
def mixture(means: Sequence[float], values: Sequence[float], tokens: float) -> dict[int, float]:
    """The best fixed splits at `tokens` on average, with their shares of the problems: at most two.

    `means` and `values` are the splits' mean tokens and values. Problems may be shared out between two of them, so this
    is a point of the upper concave hull; a share that is missing from the sum of 1 answers nothing at no cost.

    >>> mixture([10.0, 20.0, 30.0], [0.2, 0.21, 0.3], 20.0), mixture([10.0], [0.2], 50.0), mixture([10.0], [0.2], 5.0)
    ({0: 0.5, 2: 0.5}, {0: 1.0}, {0: 0.5})
    """
    reached = [i for i, mean in enumerate(means) if mean <= tokens]
    beyond = [i for i, mean in enumerate(means) if mean > tokens]
    found = [(values[i], {i: 1.0}) for i in reached]
    for high in beyond:
        for low in [*reached, None]:
            start, worth = (0.0, 0.0) if low is None else (means[low], values[low])
            share = (tokens - start) / (means[high] - start)
            both = {high: share} if low is None else {low: 1 - share, high: share}
            found.append((worth * (1 - share) + values[high] * share, both))
    return max(found, key=lambda one: one[0])[1]
