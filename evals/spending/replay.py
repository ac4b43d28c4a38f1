"""`budget=auto` measured on kept trees: the policy replayed, its prices, and the fixed splits beside it.

In what order a policy asks does not depend on its price, so one replay gives every budget.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evals.spending.pools import Depths, Pool
from rlad.reasoning.budget_policy import BudgetPolicy


@dataclass(frozen=True)
class Step:
    """A state through which a replay went."""

    depths: Depths
    asked: int
    """Abstractions that were looked for: one more than there are where that was in vain."""
    tokens: int
    rate: float
    """What the best action here gains per token; a policy whose price is not below it stops."""
    own: int = 0
    """Of the tokens those that a player that chooses has generated."""
    choices: int = 0
    """How often it was asked."""
    selected: Hashable | None = None
    """The answer that is selected in view of what it said; None = the selection rule's."""


Choice = tuple[Hashable, int]
"""The answer that a player chose, and the tokens that it generated for that."""
Walk = Generator[Depths, Choice | None, list[Step]]


def walked(policy: BudgetPolicy, pool: Pool, least: float = 0.0) -> Walk:
    """All states of a tree, from its first solution until the pool has no more or nothing gains more than `least` per
    token, the lowest price that is asked about. Yields the state in which the player that chooses is asked, and is sent
    its choice; None = it cannot be asked there.

    Where the pool has fewer abstractions than were looked for, a policy that looks for one more pays for that too.
    """
    depths: list[int] = []
    path: list[Step] = []
    asked = own = choices = 0
    heard, silent = None, False
    while True:
        more = max(0, len(pool.tokens) + (pool.rest > 0) - asked)
        room = [i for i, depth in enumerate(depths) if depth < len(pool.tokens[i])]
        standing = replace(pool.standing(depths, asked), heard=heard)
        action = policy.best(standing, more, room, asks=not silent)
        if action.kind == "selector" and action.rate > least:
            choice = yield tuple(depths)
            silent = choice is None
            if silent:
                continue
        if any(depths) or asked > len(pool.tokens):
            selected = policy.selected(standing) if heard else None
            tokens = pool.cost(depths, asked) + own
            path.append(Step(tuple(depths), asked, tokens, action.rate, own, choices, selected))
        if action.kind == "stop" or (path and action.rate <= least):
            return path or [Step((), 0, 0, 0.0)]
        if action.kind == "selector":
            heard, own, choices = policy.heard(standing, choice[0]), own + choice[1], choices + 1
            continue
        silent = False
        if action.kind == "solution":
            depths[action.branch] += 1
            continue
        asked += 1
        if len(depths) < len(pool.tokens):
            depths.append(0)


def replay(
    policy: BudgetPolicy, pool: Pool, least: float = 0.0, choice: Callable[[Depths], Choice | None] = lambda _: None
) -> list[Step]:
    """What `walked` gives, where `choice` says what a player chose in a state; None where nobody knows."""
    walk = walked(policy, pool, least)
    try:
        depths = next(walk)
        while True:
            depths = walk.send(choice(depths))
    except StopIteration as end:
        return end.value


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
