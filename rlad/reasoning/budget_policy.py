"""Where the next tokens of a tree go: another abstraction, a solution under one, a player that chooses, or nowhere.

The objective is P(the selected answer is right) less `price` times the tokens spent. Every step takes the action with
the largest expected gain in that probability per token (rlad/reasoning/posterior.py), and stops when no action gains
more than the price: the vote is settled, or nothing that is still to come would settle it. Proposing and solving are
two actions: an abstraction costs a fraction of its solution, and one whose votes could not turn the vote is left
unsolved. A player that chooses among the answers (the selector) is asked where its word is worth most per token, alone
or behind further solutions; it may be asked anew when there are other answers. A price is the rate at which a mean
budget is exchanged between problems; it is fitted on validation problems so that their mean is the budget
(`prices_of`).
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rlad.reasoning.posterior import AHEAD, Posterior, Standing, Statistics
from rlad.reasoning.selecting import Choosing, Heard

SPENDING = "budget.json"
"""Where a run's folder keeps what a sweep found out for the policy."""

REPEATS = 0.98
"""Where solutions repeat their abstraction's answer more often, and that adds no vote, a second one is no plan."""


@dataclass(frozen=True)
class Action:
    """What to ask for next."""

    kind: Literal["abstraction", "solution", "selector", "stop"]
    rate: float
    """Expected gain in P(the selected answer is right) per token."""
    tokens: float = 0.0
    """What it is expected to cost."""
    branch: int | None = None
    """Where the solution is asked for."""


@dataclass(frozen=True)
class BudgetPolicy:
    """Spends tokens where they are worth most. The same for a server's trees and a sweep's replayed ones."""

    statistics: Statistics
    price: float = 0.0
    """Gain per token below which the tree is done; 0 = until nothing is gained any more."""
    player: Choosing | None = None
    """One that may be asked to choose among the answers; None = there is none."""

    def best(
        self, standing: Standing, abstractions: int = AHEAD[-1], room: Sequence[int] = (), asks: bool = True
    ) -> Action:
        """The action with the largest gain per token, whatever the price.

        Args:
            standing: the tree so far.
            abstractions: how many more there may be.
            room: the branches under which there may be a solution, or a further one.
            asks: whether the player that chooses may be asked, where the policy has one.

        >>> from math import log
        >>> from rlad.reasoning.posterior import COUNTING, Seen
        >>> policy = BudgetPolicy(COUNTING)
        >>> policy.best(Standing()).kind, policy.best(Standing((Seen(),), {}), room=[0]).kind
        ('abstraction', 'solution')
        >>> doubted = policy.best(Standing((Seen(("A",)), Seen(("B",))), {"A": 0.0, "B": 0.0})).rate
        >>> policy.best(Standing((Seen(("A",)),) * 8, {"A": log(8)})).rate < doubted / 100
        True
        >>> from rlad.reasoning.selecting import EXAMPLE
        >>> tie = Standing((Seen(("A",)), Seen(("B",))), {"A": 0.0, "B": 0.0})  # A .4, B .4, .2 that nobody gave
        >>> action = BudgetPolicy(COUNTING, player=EXAMPLE).best(tie)
        >>> action.kind, action.tokens, round(action.rate * action.tokens, 6)  # "B": B .4 * .8, A .4 * .1
        ('selector', 6.0, 0.28)
        """
        posterior = Posterior(self.statistics, standing, self.player)
        found = []
        for alike in self._plans(posterior, abstractions, room):
            costs = np.cumsum([[self._cost(standing, place) for place in plan] for plan in alike], axis=1)
            steps = np.array([ahead - 1 for ahead in AHEAD if ahead <= costs.shape[1]])
            rates = (posterior.gains(alike)[:, steps] / costs[:, steps]).max(1)
            if asks and self.player and standing.heard is None:
                then = costs[:, steps] + [self.player.cost(len(standing.votes) + step + 1) for step in steps]
                rates = np.maximum(rates, (posterior.gains(alike, asking=True)[:, steps] / then).max(1))
            found += zip(rates.tolist(), costs[:, 0].tolist(), [plan[0] for plan in alike], strict=True)
        asked = posterior.asking() if asks else None
        if asked and asked[0] / asked[1] > max((rate for rate, *_ in found), default=0.0):
            return Action("selector", asked[0] / asked[1], asked[1])
        if not found:
            return Action("stop", 0.0)
        rate, cost, place = max(found, key=lambda one: one[0])
        new = place >= len(standing.branches)
        return Action("abstraction" if new else "solution", rate, cost, None if new else place)

    def heard(self, standing: Standing, choice: Hashable) -> Heard:
        """What the player has said by choosing an answer in a tree as it stands."""
        shown = Posterior(self.statistics, standing, self.player).shown()
        return Heard(choice, shown if choice in shown else (*shown[:-1], choice))

    def selected(self, standing: Standing) -> Hashable | None:
        """The answer that is selected, in view of what the player has said."""
        return Posterior(self.statistics, standing, self.player).choice

    def _cost(self, standing: Standing, place: int) -> float:
        """Expected tokens of a solution, with its abstraction where that is still to come."""
        new = place >= len(standing.branches)
        return self.statistics.abstraction_cost(place) if new else self.statistics.solution_tokens

    def _plans(self, posterior: Posterior, abstractions: int, room: Sequence[int]) -> list[list[list[int]]]:
        """What could be done next, and what after it, by places: new abstractions; the likeliest ones that nobody has
        solved with, then new ones; one more solution where the fewest are, of the likeliest answer, then new ones.

        Plans of one length stand together.
        """
        branches, worth = posterior.standing.branches, posterior.of

        def hope(i: int) -> tuple[int, float]:
            answers = branches[i].answers
            return len(answers), -max(worth.get(answer, 0.0) for answer in answers)

        unsolved = sorted((i for i in room if not branches[i].answers), key=lambda i: -(branches[i].proposal or 0.0))
        again = sorted((i for i in room if branches[i].answers), key=hope)[:1]
        if self.statistics.follow > REPEATS and self.statistics.echo < 1 - REPEATS:
            again = []
        starts = [[]] * (abstractions > 0) + [one for one in (unsolved, again) if one]
        later = range(len(branches), len(branches) + min(abstractions, AHEAD[-1]))
        plans = [[*start, *later][: AHEAD[-1]] for start in starts]
        return [[plan for plan in plans if len(plan) == length] for length in sorted({len(plan) for plan in plans})]

    def next(
        self,
        standing: Standing,
        left: float,
        abstractions: int = AHEAD[-1],
        room: Sequence[int] = (),
        asks: bool = True,
    ) -> Action:
        """The action to take with `left` tokens below the ceiling; a first solution is always worth its price."""
        action = self.best(standing, abstractions, room, asks)
        if action.tokens > left or (standing.solved and action.rate <= self.price):
            return Action("stop", action.rate)
        return action


def prices_of(prices: Sequence[tuple[float, float]], tokens: float) -> list[tuple[float, float]]:
    """(price, share of the problems) by which `tokens` a problem are spent on average; `prices` are (mean tokens,
    price), cheapest trees first.

    Between two that were measured the problems are shared out, as many states may have the same price; beyond the
    dearest trees it is their price, and below the cheapest theirs.

    >>> prices_of([(20.0, 0.01), (40.0, 0.001)], 25.0), prices_of([(20.0, 0.01), (40.0, 0.001)], 99.0)
    ([(0.01, 0.75), (0.001, 0.25)], [(0.001, 1.0)])
    """
    at = bisect_left([mean for mean, _ in prices], tokens)
    if at in (0, len(prices)):
        return [(prices[min(at, len(prices) - 1)][1], 1.0)]
    (low, dear), (high, cheap) = prices[at - 1], prices[at]
    share = (tokens - low) / (high - low)
    return [(dear, 1 - share), (cheap, share)]


@dataclass(frozen=True)
class Spending:
    """What a sweep found out about a pair: its statistics, and what mean budgets cost."""

    statistics: Statistics
    prices: tuple[tuple[float, float], ...]
    """(mean tokens, price), the fewest tokens first."""
    rule: str
    """The selection rule whose votes these numbers are of."""
    player: Choosing | None = None
    """A player that chooses, where the sweep asked one along the policy's way."""
    asking_prices: tuple[tuple[float, float], ...] = ()
    """The prices of the policy that may ask it."""

    @classmethod
    def read(cls, path: Path) -> Spending:
        """From a run's budget.json. Raises OSError where there is none and ValueError for a damaged one."""
        try:
            kept = json.loads(path.read_text())
            found = cls(Statistics(**_tuples(kept["statistics"])), _prices(kept["prices"]), kept["rule"])
            if own := kept.get("selector"):
                player = Choosing(**_tuples(own["statistics"]))
                return replace(found, player=player, asking_prices=_prices(own["prices"]))
            return found
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"'{path}' is not what a sweep with sweep.budget_policy=true writes: {error}.") from error

    def policy(self, tokens: float | None, place: float = 0.0, asks: bool = False) -> BudgetPolicy:
        """The policy that spends so many tokens a problem on average; None = as many as gain anything.

        `place` in [0, 1) is where the problem stands among all, where two prices share them out: any random number.
        `asks`: the player that chooses is there to be asked.
        """
        player = self.player if asks else None
        if tokens is None:
            return BudgetPolicy(self.statistics, player=player)
        prices = prices_of(self.asking_prices if player else self.prices, tokens)
        return BudgetPolicy(self.statistics, prices[0 if place < prices[0][1] else -1][0], player)


def _tuples(kept: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()}


def _prices(kept: Sequence[Sequence[float]]) -> tuple[tuple[float, float], ...]:
    return tuple((float(tokens), float(price)) for tokens, price in kept)
