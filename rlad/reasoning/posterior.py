"""How likely each answer of a growing tree is to be right, and what more samples would change about that.

A small model of a problem, whose numbers are counted on validation problems (`Statistics`). One answer is right. An
abstraction leads to it with a probability q that depends on how hard the problem is and on π_abs of the abstraction,
else to a wrong answer, all of which are alike; a solution gives the answer its abstraction leads to with probability
`follow`. Everything follows by Bayes' rule. Wrong answers are not alike in truth, so agreement says less than the model
thinks: `sharpness` below 1 flattens its likelihoods until the posterior is calibrated on the validation problems.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
SIMULATIONS = 128
"""Continuations by which the worth of further abstractions is estimated; always the same random numbers."""
_NEW = object()
"""An answer unlike all others."""
AHEAD = (1, 2, 4, 6)
"""Further abstractions that are thought ahead: one more often cannot turn a vote that four can."""


@dataclass(frozen=True)
class Statistics:
    """What validation problems say of a pair."""

    levels: tuple[float, ...]
    """Success rates of abstractions on equally many problems each, from hard to easy; each above 0 and below 1."""
    follow: float
    """Probability that a solution gives the answer that its abstraction leads to."""
    collision: float
    """Probability that a wrong answer is one particular wrong answer."""
    abstraction_tokens: tuple[float, ...]
    """Tokens to draw the first, second ... different abstraction, duplicates included; the last holds for all later."""
    solution_tokens: float
    """Tokens of a solution."""
    slope: float = 0.0
    """Power of π_abs / its geometric mean in the odds that an abstraction leads to the right answer."""
    centre: float = 0.0
    """log of that mean, nats."""
    sharpness: float = 1.0
    """Power of the model's likelihoods."""

    def abstraction_cost(self, number: int) -> float:
        """Tokens of the abstraction after `number` others, with one solution.

        >>> Statistics((0.5,), 1.0, 0.1, (4.0, 8.0), 20.0).abstraction_cost(5)
        28.0
        """
        return self.abstraction_tokens[min(number, len(self.abstraction_tokens) - 1)] + self.solution_tokens


@dataclass(frozen=True)
class Seen:
    """An abstraction and the answers of its solutions so far; None = no answer could be read."""

    answers: tuple[Hashable | None, ...]
    proposal: float | None = None
    """log π_abs at temperature 1, nats; None where nobody said."""


class Posterior:
    """The probabilities of the answers of one tree.

    >>> statistics = Statistics((0.5,), 1.0, 0.1, (4.0,), 20.0)
    >>> two_to_one = Posterior(statistics, [Seen(("A",)), Seen(("B",)), Seen(("A",))])
    >>> {answer: round(p, 4) for answer, p in two_to_one.of.items()}  # A : B : each of 9 others = 100 : 10 : 1
    {'A': 0.8403, 'B': 0.084}
    """

    def __init__(self, statistics: Statistics, branches: Sequence[Seen]):
        self.statistics, self.branches = statistics, branches
        self._stray = max(1e-9, 1 - statistics.follow)
        self.answers = list(dict.fromkeys(a for one in branches for a in one.answers if a is not None))
        self._place = {answer: place for place, answer in enumerate(self.answers)}
        others = max(1.0, 1 / statistics.collision + 1 - len(self.answers))
        logs = sum((self._branch(one) for one in branches), np.zeros((len(self.answers) + 1, len(statistics.levels))))
        self.logs: Values = statistics.sharpness * logs
        """(K + 1, levels): log-likelihoods of the K answers given so far, then of any one other answer."""
        self.others = others
        """How many answers nobody has given."""

    def _odds(self, proposal: float | None) -> Values:
        """q at every level, of an abstraction."""
        s = self.statistics
        shift = 0.0 if proposal is None else s.slope * (proposal - s.centre)
        rate = np.asarray(s.levels)
        return 1 / (1 + (1 - rate) / rate * np.exp(-np.clip(shift, -30, 30)))

    def _branch(self, one: Seen) -> Values:
        """log P(its solutions' answers | the right answer, level), (K + 1, levels)."""
        s, q = self.statistics, self._odds(one.proposal)
        given = Counter(answer for answer in one.answers if answer is not None)
        total, stray = given.total(), self._stray * s.collision
        # P(the solutions' answers | the abstraction leads to this answer), and to one that none of them gives
        own = {answer: s.follow**hits * stray ** (total - hits) for answer, hits in given.items()}
        other = stray**total
        rest = max(0.0, 1 - s.collision * len(own)) * other
        every = s.collision * sum(own.values()) + rest
        found = np.empty((len(self.answers) + 1, len(q)))
        found[:] = q * other + (1 - q) * every
        for answer, said in own.items():
            if answer in self._place:
                found[self._place[answer]] = q * said + (1 - q) * (every + s.collision * (other - said))
        return np.log(found)

    @cached_property
    def joint(self) -> Values:
        """(K + 1, levels): P(answer, level) of the K answers, then of all others together."""
        logs = self.logs.copy()
        logs[-1] += np.log(self.others)
        weights = np.exp(logs - logs.max())
        return weights / weights.sum()

    @property
    def of(self) -> dict[Hashable, float]:
        """P(it is right) of every answer given so far."""
        return dict(zip(self.answers, self.joint.sum(1)[:-1].tolist(), strict=True))

    @property
    def best(self) -> float:
        """P(the likeliest answer is right); 0 without an answer."""
        return max(self.of.values(), default=0.0)

    def gain_of_solution(self, branch: int) -> float:
        """By how much one more solution under a branch raises `best` in expectation, exactly."""
        power, one, before = self.statistics.sharpness, self.branches[branch], self._branch(self.branches[branch])
        value, left = 0.0, 1.0
        for answer in self.answers:
            after = self._branch(Seen((*one.answers, answer), one.proposal)) - before
            chance = float((self.joint * np.exp(after)).sum())
            moved = (self.joint * np.exp(power * after)).sum(1)
            value += chance * float(moved[:-1].max() / moved.sum())
            left -= chance
        changed = [*self.branches]
        changed[branch] = Seen((*one.answers, _NEW), one.proposal)
        value += max(0.0, left) * Posterior(self.statistics, changed).best
        return max(0.0, value - self.best)

    def gains_of_abstractions(self) -> Values:
        """By how much so many further abstractions (`AHEAD`), with a solution each, raise `best`, by simulation.

        A continuation gains the probability of its own best answer less that of today's, so one that changes nothing
        counts exactly 0.
        """
        s, seen, steps = self.statistics, len(self.answers), AHEAD[-1]
        rng, rows = np.random.default_rng(0), np.arange(SIMULATIONS)
        # Columns: answers so far; the right one if nobody has given it; a new wrong one for every step; all the rest.
        logs = np.concatenate([self.logs[:-1], np.repeat(self.logs[-1:], steps + 2, 0)])
        logs[-1] += np.log(max(1e-9, self.others - steps - 1))
        state = np.repeat(logs[None], SIMULATIONS, 0)
        flat = rng.choice(self.joint.size, SIMULATIONS, p=self.joint.ravel())
        truth, level = np.unravel_index(flat, self.joint.shape)  # row K, "some other", is column K: the same place
        q = self._odds(None)
        hit = q * s.follow + (1 - q) * self._stray * s.collision
        miss = s.collision * (q * self._stray + (1 - q) * (s.follow + (1 - s.collision) * self._stray))
        ratio = s.sharpness * np.log(hit / miss)  # what speaks against all answers alike changes nothing ...
        against = s.sharpness * np.log(miss)  # ... but the level
        given = np.zeros((SIMULATIONS, logs.shape[0]), bool)
        given[:, :seen] = True
        leader = int(np.argmax(self.joint.sum(1)[:-1])) if seen else None
        gains = []
        for step in range(1, steps + 1):
            right = rng.random(SIMULATIONS) < (q * s.follow)[level]
            wrong = given.copy()
            wrong[rows, truth] = False
            old = rng.random(SIMULATIONS) < wrong.sum(1) * s.collision
            picked = np.argmax(wrong * rng.random(wrong.shape), 1)
            answer = np.where(right, truth, np.where(old, picked, seen + step))
            given[rows, answer] = True
            state += against
            state[rows, answer] += ratio
            if step in AHEAD:
                weights = np.exp(state - state.max((1, 2), keepdims=True)).sum(2)
                shares = weights / weights.sum(1, keepdims=True)
                best = np.where(given, shares, 0.0).max(1)
                gains.append(float((best - (shares[:, leader] if leader is not None else 0.0)).mean()))
        return np.array(gains)
