"""Where the next tokens of a tree go: another abstraction, another solution under one, or nowhere.

The objective is P(the selected answer is right) less `price` times the tokens spent. Every step takes the action with
the largest expected gain in that probability per token (rlad/reasoning/posterior.py), and stops when no action gains
more than the price: the posterior over the answers is settled, or nothing that is still to come would settle it. A
price is the rate at which a mean budget is exchanged between problems; it is fitted on validation problems so that
their mean is the budget (`price_of`).
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from rlad.reasoning.posterior import AHEAD, Posterior, Seen, Statistics

SPENDING = "budget.json"
"""Where a run's folder keeps what a sweep found out for the policy."""
DOUBTED = 2
"""Branches under which another solution is considered: those of the likeliest answers with the fewest solutions."""


@dataclass(frozen=True)
class Action:
    """What to ask for next."""

    kind: Literal["abstraction", "solution", "stop"]
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

    def best(self, branches: Sequence[Seen], abstractions: bool = True, room: Sequence[int] = ()) -> Action:
        """The action with the largest gain per token, whatever the price.

        Args:
            branches: the abstractions so far, each with at least one solution.
            abstractions: whether there may be further ones.
            room: the branches under which there may be further solutions.

        >>> policy = BudgetPolicy(Statistics((0.5,), 0.95, 0.1, (4.0,), 20.0))
        >>> policy.best([]).kind, policy.best([Seen(("A",)), Seen(("B",))]).kind
        ('abstraction', 'abstraction')
        >>> settled = [Seen(("A",))] * 8
        >>> policy.best(settled).rate < 1e-5 < policy.best(settled[:1]).rate
        True
        """
        posterior = Posterior(self.statistics, branches)
        found = []
        if abstractions:
            costs = np.cumsum([self.statistics.abstraction_cost(len(branches) + i) for i in range(AHEAD[-1])])
            rates = posterior.gains_of_abstractions() / costs[np.array(AHEAD) - 1]
            found.append(Action("abstraction", float(rates.max()), float(costs[0])))
        for branch in self._doubted(posterior, room):
            cost = self.statistics.solution_tokens
            found.append(Action("solution", posterior.gain_of_solution(branch) / cost, cost, branch))
        return max(found, key=lambda action: action.rate, default=Action("stop", 0.0))

    def next(
        self, branches: Sequence[Seen], left: float, abstractions: bool = True, room: Sequence[int] = ()
    ) -> Action:
        """The action to take with `left` tokens below the ceiling; a first abstraction is always worth its price."""
        action = self.best(branches, abstractions, room)
        if action.tokens > left or (branches and action.rate <= self.price):
            return Action("stop", action.rate)
        return action

    @staticmethod
    def _doubted(posterior: Posterior, room: Sequence[int]) -> list[int]:
        """The branches under which another solution could change most."""
        worth = posterior.of

        def hope(i: int) -> tuple[int, float]:
            answers = posterior.branches[i].answers
            return len(answers), -max(worth.get(answer, 0.0) for answer in answers)

        return sorted(room, key=hope)[:DOUBTED]


def price_of(prices: Sequence[tuple[float, float]], tokens: float) -> float:
    """The price that spends `tokens` a problem on average; `prices` are (mean tokens, price), cheapest trees first.

    Between two that were measured it is the line between them; beyond the dearest trees it is their price.

    >>> price_of([(20.0, 0.01), (40.0, 0.001)], 30.0), price_of([(20.0, 0.01), (40.0, 0.001)], 99.0)
    (0.0055, 0.001)
    """
    at = bisect_left([mean for mean, _ in prices], tokens)
    if at == 0:
        return prices[0][1]
    if at == len(prices):
        return prices[-1][1]
    (low, dear), (high, cheap) = prices[at - 1], prices[at]
    return dear + (cheap - dear) * (tokens - low) / (high - low)


@dataclass(frozen=True)
class Spending:
    """What a sweep found out about a pair: its statistics, and what mean budgets cost."""

    statistics: Statistics
    prices: tuple[tuple[float, float], ...]
    """(mean tokens, price), the fewest tokens first."""

    @classmethod
    def read(cls, path: Path) -> Spending:
        """From a run's budget.json. Raises OSError where there is none and ValueError for a damaged one."""
        try:
            kept = json.loads(path.read_text())
            numbers = {
                name: tuple(value) if isinstance(value, list) else value for name, value in kept["statistics"].items()
            }
            return cls(Statistics(**numbers), tuple((float(tokens), float(price)) for tokens, price in kept["prices"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"'{path}' is not what a sweep with sweep.budget_policy=true writes: {error}.") from error

    def policy(self, tokens: float | None) -> BudgetPolicy:
        """The policy that spends so many tokens a problem on average; None = as many as gain anything."""
        return BudgetPolicy(self.statistics, price_of(self.prices, tokens) if tokens is not None else 0.0)
