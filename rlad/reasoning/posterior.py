"""How likely each answer of a growing tree is to be right, and what more samples would change about that.

What counts is the answer that the selection rule selects, so the state of a tree is what the rule sees: the votes of
every answer. An answer is right with odds that are a power of its votes, and some share is left for the answers that
nobody gave, which falls as abstractions are solved: a conditional logit (Luce's choice), fitted on validation trees
(`Statistics`). What a sample would bring follows by simulation: a vote as large as its abstraction's π_abs foretells,
for the right answer as often as it is found there on validation problems. Where a player that chooses has spoken, or
may be asked, its word is evidence beside the votes (rlad/reasoning/selecting.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, log

import numpy as np
from numpy.typing import NDArray

from rlad.reasoning.selecting import Choosing, Heard, worth, worths

Values = NDArray[np.float64]
AHEAD = (1, 2, 4)
"""Further abstractions that are thought ahead: one more often cannot turn a vote that four can."""
SIMULATIONS = 64
"""Continuations by which the worth of further samples is estimated."""
_HIT, _OTHER, _VOTE, _ECHO = np.random.default_rng(0).random((4, AHEAD[-1], SIMULATIONS))
_PROPOSAL = np.random.default_rng(1).standard_normal((AHEAD[-1], SIMULATIONS))
_TRUTH = np.random.default_rng(2).random(SIMULATIONS)
"""Always the same random numbers: what is worth more here is not so by luck."""
_LEAST = -1e4
"""Stands for the logarithm of no votes."""


@dataclass(frozen=True)
class Statistics:
    """What validation problems say of a pair under a selection rule. Logarithms are natural."""

    vote_power: float
    """Power of an answer's votes in its odds of being right."""
    unseen: float
    """log odds of all answers together that nobody gave, after one abstraction."""
    unseen_power: float
    """Power of the number of solved abstractions in those."""
    success: tuple[float, ...]
    """How often a solution under the first, second ... different abstraction is right; the last holds for all later."""
    alike: float
    """How much that says of one problem, in abstractions: problems differ as beta distributions of this weight do."""
    collision: float
    """Probability that a wrong solution gives one particular wrong answer."""
    silent: float
    """Share of the wrong solutions whose answer cannot be read."""
    proposals: tuple[float, ...]
    """Mean log π_abs of the first, second ... different abstraction; the last holds for all later."""
    proposal_spread: float
    """Standard deviation of log π_abs from that."""
    vote: float
    """log of a first solution's vote, at π_abs = 1."""
    vote_slope: float
    """Power of π_abs in that vote."""
    vote_noise: tuple[float, ...]
    """Equally likely deviations of the vote's logarithm, ascending."""
    vote_most: float
    """log of the largest vote."""
    follow: float
    """Probability that another solution under an abstraction repeats the answer."""
    echo: float
    """What such a repetition adds to the votes of the first: 1 where everybody votes, 0 where equal texts vote once."""
    abstraction_tokens: tuple[float, ...]
    """Tokens to draw the first, second ... different abstraction, duplicates included; the last holds for all later."""
    solution_tokens: float
    """Tokens of a solution."""

    def at(self, name: str, number: int) -> float:
        """What one of the tuples holds for the abstraction after `number` others."""
        values = getattr(self, name)
        return values[min(number, len(values) - 1)]

    def abstraction_cost(self, number: int) -> float:
        """Tokens of the abstraction after `number` others, with one solution."""
        return self.at("abstraction_tokens", number) + self.solution_tokens


@dataclass(frozen=True)
class Seen:
    """An abstraction and the answers of its solutions so far, none if nobody solved with it; None = unreadable."""

    answers: tuple[Hashable | None, ...] = ()
    proposal: float | None = None
    """log π_abs at temperature 1, nats; None where nobody said."""


@dataclass(frozen=True)
class Standing:
    """What is known of a tree while it grows."""

    branches: tuple[Seen, ...] = ()
    votes: Mapping[Hashable, float] = field(default_factory=dict)
    """log of every answer's votes under the selection rule."""
    heard: Heard | None = None
    """What a player that chooses has said last; None where it was not asked."""

    @property
    def solved(self) -> int:
        """Abstractions with a solution."""
        return sum(bool(one.answers) for one in self.branches)


class Posterior:
    """The probabilities of the answers of one tree.

    >>> from rlad.reasoning.posterior import COUNTING
    >>> two_to_one = Standing((Seen(("A",)), Seen(("B",)), Seen(("A",))), {"A": log(2), "B": 0.0})
    >>> {answer: round(p, 4) for answer, p in Posterior(COUNTING, two_to_one).of.items()}  # 2^2 : 1^2 : 3^-1 others
    {'A': 0.75, 'B': 0.1875}
    """

    def __init__(self, statistics: Statistics, standing: Standing, player: Choosing | None = None):
        """`player`: one that may be asked to choose, or was; None = there is none, and only votes count."""
        self.statistics, self.standing, self.player = statistics, standing, player
        self.answers = list(standing.votes)
        self._votes = np.maximum(_LEAST, list(standing.votes.values()))
        self._told = self._evidence()
        self._voted = self._shares(self._votes[None], np.full((1, 1), standing.solved))[0]
        self._chances = self._weighed(self._voted[None], len(self.answers))[0]
        self._led = np.array(
            [sum(answer in one.answers for one in standing.branches) for answer in self.answers], float
        )
        """How many abstractions led to each answer."""
        self._leader = int(np.argmax(self._ranks(self._votes[None]))) if self.answers else None

    def _evidence(self) -> Values | None:
        """log P(what the player said | it is right) of every answer, and last of one that it was not shown; None where
        it said nothing."""
        heard = self.standing.heard
        if heard is None or self.player is None:
            return None
        row = self.player.likelihoods(len(heard.shown))[heard.shown.index(heard.choice)]
        places = [heard.shown.index(one) if one in heard.shown else len(heard.shown) for one in self.answers]
        return np.log(row[[*places, len(heard.shown)]])

    def _added(self, columns: int) -> Values:
        """The evidence of so many columns: known answers, and new ones that nobody had given when the player spoke."""
        known = len(self.answers)
        return np.append(self._told[:known], np.full(columns - known, self._told[known]))

    def _weighed(self, shares: Values, answers: int) -> Values:
        """Shares by the votes, of so many answers and of all others, in view of what the player said."""
        if self._told is None:
            return shares
        weighed = shares * np.exp(self._added(answers + 1))
        return weighed / weighed.sum(1, keepdims=True)

    def _ranks(self, votes: Values) -> Values:
        """By what the selected answer is the first: the votes, or with what the player said the chances."""
        return votes if self._told is None else self.statistics.vote_power * votes + self._added(votes.shape[1])

    def _shares(self, votes: Values, solved: Values) -> Values:
        """P(right) of K answers by their log votes (S, K), -inf for one that is not given, and of all others together
        when so many abstractions are solved (S, 1)."""
        s = self.statistics
        rest = s.unseen + s.unseen_power * np.log(np.maximum(1, solved))
        logs = np.concatenate([s.vote_power * votes, rest], 1)
        shares = np.exp(logs - logs.max(1, keepdims=True))
        return shares / shares.sum(1, keepdims=True)

    @property
    def of(self) -> dict[Hashable, float]:
        """P(it is right) of every answer given so far."""
        return dict(zip(self.answers, self._chances.tolist(), strict=False))

    @property
    def selected(self) -> float:
        """P(the selected answer is right); 0 without an answer."""
        return 0.0 if self._leader is None else float(self._chances[self._leader])

    @property
    def choice(self) -> Hashable | None:
        """The selected answer: the likeliest one where a player has chosen, else the first by its votes."""
        return None if self._leader is None else self.answers[self._leader]

    def shown(self) -> tuple[Hashable, ...]:
        """What the player would be shown now: the vote's leader, and of the others the most frequent ones."""
        given = Counter(one for branch in self.standing.branches for one in branch.answers if one is not None)
        first = self.answers[int(np.argmax(self._votes))]
        others = sorted((one for one in given if one != first), key=lambda one: -given[one])
        return (first, *others[: self.player.shown - 1])

    def asking(self) -> tuple[float, float] | None:
        """(by how much `selected` rises in expectation when the player is asked now, tokens); None where it cannot be
        asked: there are not two answers, or it has seen these. A second choice takes the place of the first.

        >>> from rlad.reasoning.posterior import COUNTING
        >>> from rlad.reasoning.selecting import EXAMPLE
        >>> votes = Standing((Seen(("A",)), Seen(("B",)), Seen(("A",))), {"A": log(2), "B": 0.0})  # A .75, B .1875
        >>> gain, tokens = Posterior(COUNTING, votes, EXAMPLE).asking()
        >>> round(gain, 6), tokens  # only "B" changes the answer: B .1875 * .8 = .15, A .75 * .1 = .075
        (0.075, 6.0)
        >>> said = Standing(votes.branches, votes.votes, Heard("B", ("A", "B")))
        >>> after = Posterior(COUNTING, said, EXAMPLE)
        >>> after.choice, round(after.selected, 4), after.asking()  # .15 of .15 + .075 + .0625 * .5
        ('B', 0.5854, None)
        """
        if self.player is None or len(self.answers) < 2:
            return None
        shown, heard = self.shown(), self.standing.heard
        if heard is not None and set(heard.shown) == set(shown):
            return None
        voted = dict(zip(self.answers, self._voted.tolist(), strict=False))
        # Rules that filter leave answers without a vote, which the player is shown all the same.
        gain = worth(self.player, [voted.get(one, 0.0) for one in shown])
        if heard is not None:
            gain += voted[shown[0]] - self.selected
        return gain, self.player.cost(len(shown))

    def gains(self, plans: Sequence[Sequence[int]], asking: bool = False) -> Values:
        """By how much plans raise `selected` in expectation after each of their steps: (plans, steps); with `asking`
        where the player, which has not spoken yet, is asked after the step.

        A step is a solution, under a branch by its place; places beyond the branches are abstractions still to come. A
        branch that has a solution already may only come first. A continuation gains the chance of what is then
        selected less that of what is selected today, so one that changes nothing counts exactly 0.
        """
        known, steps, ways = len(self.answers), len(plans[0]), len(plans)
        rows = np.arange(ways * SIMULATIONS)
        votes = np.full((len(rows), known + steps), -inf)
        votes[:, :known] = self._votes
        drawn = np.tile(np.searchsorted(np.cumsum(self._chances), _TRUTH), ways)
        truth = np.where(drawn < known, drawn, -1)  # -1: an answer that nobody has given
        hits, solved = np.append(self._led, 0.0)[truth], np.full((len(rows), 1), float(self.standing.solved))
        gains = np.zeros((ways, steps))
        for step in range(steps):
            numbers = [plan[step] for plan in plans]
            right = np.tile(_HIT[step], ways) < self._success(numbers, hits, solved[:, 0])
            silent = ~right & np.tile(_OTHER[step] >= 1 - self.statistics.silent, ways)
            vote = np.where(silent, -inf, self._sampled(step, numbers))
            place = self._placed(step, right, truth, votes > -inf, known)
            fresh = np.repeat([self._fresh(number) for number in numbers], SIMULATIONS)
            if not fresh.all():
                self._repeat(numbers, fresh, place, vote)
            truth = np.where(right & (place == known + step), place, truth)
            votes[rows, place] = np.logaddexp(votes[rows, place], vote)
            solved, hits = solved + fresh[:, None], hits + right
            shares = self._weighed(self._shares(votes, solved), known + steps)
            first = self._ranks(votes).argmax(1)
            found = np.where(votes.max(1) > -inf, shares[rows, first], 0.0)
            if asking:
                found = found + worths(self.player, shares[:, :-1], votes > -inf, first)
            before = 0.0 if self._leader is None else shares[:, self._leader]
            gains[:, step] = (found - before).reshape(ways, SIMULATIONS).mean(1)
        return gains

    def _fresh(self, number: int) -> bool:
        """Whether nobody has solved with an abstraction yet."""
        return number >= len(self.standing.branches) or not self.standing.branches[number].answers

    def _success(self, numbers: Sequence[int], hits: Values, solved: Values) -> Values:
        """P(right) of solutions to come: a beta distribution's, after as many hits among those that are solved."""
        s = self.statistics
        prior = np.repeat([s.alike * s.at("success", number) for number in numbers], SIMULATIONS)
        return (prior + hits) / (s.alike + solved)

    def _sampled(self, step: int, numbers: Sequence[int]) -> Values:
        """log votes of solutions to come."""
        s, branches = self.statistics, self.standing.branches
        said = [branches[number].proposal if number < len(branches) else None for number in numbers]
        means = [s.at("proposals", number) if one is None else one for number, one in zip(numbers, said, strict=True)]
        spread = [s.proposal_spread if one is None else 0.0 for one in said]
        proposal = np.repeat(means, SIMULATIONS) + np.repeat(spread, SIMULATIONS) * np.tile(_PROPOSAL[step], len(said))
        noise = np.asarray(s.vote_noise)[(np.tile(_VOTE[step], len(said)) * len(s.vote_noise)).astype(int)]
        return np.minimum(s.vote + s.vote_slope * np.minimum(proposal, 0.0) + noise, s.vote_most)

    def _placed(self, step: int, right: NDArray[np.bool_], truth, given, known: int):
        """The columns of the answers to come: of one that was given, or of a new one."""
        wrong = given.copy()
        rows = np.flatnonzero(truth >= 0)
        wrong[rows, truth[rows]] = False
        collision = min(self.statistics.collision, 1 / given.shape[1])
        rank = (np.tile(_OTHER[step], len(right) // SIMULATIONS) / collision).astype(int)
        picked = np.argmax(np.cumsum(wrong, 1) > rank[:, None], 1)  # the rank-th wrong answer; beyond them, a new one
        place = np.where(~right & (rank < wrong.sum(1)), picked, known + step)
        return np.where(right & (truth >= 0), truth, place)

    def _repeat(self, numbers: Sequence[int], fresh: NDArray[np.bool_], place, vote: Values) -> None:
        """Where branches are solved with again, in place: mostly their own answers, which may add nothing."""
        s, same = self.statistics, ~fresh & np.tile(_ECHO[0] < self.statistics.follow, len(numbers))
        for i, number in enumerate(numbers):
            part = slice(i * SIMULATIONS, (i + 1) * SIMULATIONS)
            if fresh[part][0]:
                continue
            own = next((answer for answer in self.standing.branches[number].answers if answer is not None), None)
            if own is None or s.echo <= 0:
                vote[part][same[part]] = -inf
            else:
                place[part][same[part]] = self.answers.index(own)
                vote[part][same[part]] += log(s.echo)


COUNTING = Statistics(
    vote_power=2.0, unseen=0.0, unseen_power=-1.0, success=(0.4,), alike=2.0,
    collision=0.1, silent=0.0, proposals=(-3.0,), proposal_spread=1.0, vote=0.0, vote_slope=0.0, vote_noise=(0.0,),
    vote_most=0.0, follow=0.9, echo=1.0, abstraction_tokens=(5.0,), solution_tokens=25.0,
)  # fmt: skip
"""Made-up numbers of a pair whose answers are counted, for examples."""
