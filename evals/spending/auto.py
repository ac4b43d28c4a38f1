"""`budget=auto` in a sweep: priced on validation trees, replayed on test trees, against every fixed n x m."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.cells.selecting import BREADTH, Book, Sides
from evals.samples.judged import BreadthSamples
from evals.samples.trees import CHOSEN, Sampled
from evals.spending.asking import consulted
from evals.spending.pools import Depths, Pool
from evals.spending.replay import Choice, Step, mixture, prices, replay, stopped
from evals.spending.statistics import statistics
from evals.statistics import estimators as est
from evals.statistics.rounding import rounded
from rlad.reasoning.budget_policy import SPENDING, BudgetPolicy, prices_of

Values = NDArray[np.float64]
Split = tuple[int, int, Values, Values]
"""n, m, tokens (P,) and accuracy (P,) of a fixed split."""
BUDGETS = 3
"""Mean budgets at which policy and fixed splits are compared, evenly between the smallest and the largest split: once
in tokens, and once in their logarithm, where it is decided whether a second and a third abstraction are worth it."""


def spending(
    book: Book, valid: Sides, test: Sides, resamples: int, sampled: Sampled | None = None
) -> dict[str, Any] | None:
    """What `sweep.json` says of the policy, by the rule and temperature that select best; None where there is no tree
    of a validation problem with an abstraction in it.

    `statistics` and `prices` are what a server needs to grow trees by it. Where `sampled` has a player that chooses and
    was asked along the policy's way, `selector` says the same of the policy that may ask it.
    """
    checkpoint = next((name for name in ("cotrained", "warmstart") if (name, BREADTH) in test), None)
    if checkpoint is None or (checkpoint, BREADTH) not in valid:
        return None
    several = test[checkpoint, BREADTH]
    option = book.best(checkpoint, BREADTH, [side.samples.temperature for side in several])
    known, own = (
        next(side.samples for side in sides[checkpoint, BREADTH] if side.samples.temperature == option.temperature)
        for sides in (valid, test)
    )
    pools, test_pools = (pools_of(samples, option.rule, option.keys) for samples in (known, own))
    if not any(pool.grown.branches for pool in pools):
        return None
    counted = statistics(pools)
    splits = [fixed_splits(samples, option.rule, option.keys) for samples in (known, own)]
    head = {
        "checkpoint": checkpoint, "label": own.label, "rule": option.rule, "temperature": option.temperature,
        "problems": len(test_pools), "priced_on": len(pools), "statistics": asdict(counted),
    }  # fmt: skip
    table, taken = _replayed(BudgetPolicy(counted), pools, test_pools, splits[1])
    rows = [{"budget": rounded(budget)} | _row(one, *splits, resamples) for budget, one in taken.items()]
    found = head | {"prices": _priced(table), "rows": rows}
    if heard := sampled and consulted(book.run, sampled, checkpoint, option.temperature, pools):
        policy = BudgetPolicy(counted, player=heard.player)
        table, asking = _replayed(policy, pools, test_pools, splits[1], heard.choice)
        rows = [
            {"budget": rounded(budget)} | _row(one, *splits, resamples) | _asking_row(one, taken[budget], resamples)
            for budget, one in asking.items()
        ]
        found["selector"] = {
            "statistics": asdict(heard.player), "prices": _priced(table), "lacking": len(heard.lacking), "rows": rows
        }  # fmt: skip
    return found


def _priced(table: Sequence[tuple[float, float]]) -> list[list[float]]:
    return [[rounded(tokens), price] for tokens, price in table]


@dataclass(frozen=True)
class Taken:
    """What a policy did at one mean budget, problem by problem: (P,) each, means over its prices."""

    tokens: Values
    right: Values
    abstractions: Values
    solutions: Values
    own: Values
    """Of the tokens those that a player that chooses has generated."""
    choices: Values
    """How often it was asked."""
    most_tokens: int


def _unasked(split: str, problem: int) -> Callable[[Depths], Choice | None]:
    return lambda depths: None


def _replayed(
    policy: BudgetPolicy,
    pools: Sequence[Pool],
    test_pools: Sequence[Pool],
    fixed: Sequence[Split],
    choice: Callable[[str, int], Callable[[Depths], Choice | None]] = _unasked,
) -> tuple[list[tuple[float, float]], dict[float, Taken]]:
    """A policy's prices by the validation pools, and what it did with the test pools, by mean budget. `choice` says for
    a split's problem what a player chose there."""
    table = prices([replay(policy, pool, choice=choice("validation", i)) for i, pool in enumerate(pools)])
    asked = {budget: prices_of(table, budget) for budget in _budgets(fixed)}
    least = min(price for shared in asked.values() for price, _ in shared)
    paths = [replay(policy, pool, least, choice("test", i)) for i, pool in enumerate(test_pools)]
    return table, {budget: _taken(test_pools, paths, shared) for budget, shared in asked.items()}


def _taken(pools: Sequence[Pool], paths: Sequence[Sequence[Step]], prices: Sequence[tuple[float, float]]) -> Taken:
    found, most = np.zeros((6, len(pools))), 0
    for price, share in prices:
        ends = [stopped(path, price) for path in paths]
        right = [pool.accuracy(end.depths, end.asked, end.selected) for pool, end in zip(pools, ends, strict=True)]
        columns = [
            (end.tokens, one, end.asked, sum(end.depths), end.own, end.choices)
            for one, end in zip(right, ends, strict=True)
        ]
        found += share * np.array(columns, float).T
        most = max(most, *(end.tokens for end in ends))
    return Taken(*found, most)


def _asking_row(taken: Taken, without: Taken, resamples: int) -> dict[str, Any]:
    """What the player had a part in, and the policy that cannot ask it at the same mean budget."""
    gap = est.paired_difference(taken.right, without.right, resamples=resamples)
    return {
        "choices": rounded(taken.choices.mean()), "own_tokens": rounded(taken.own.mean()),
        "without": {
            "tokens": rounded(without.tokens.mean()), "accuracy": rounded(without.right.mean()),
            "difference": rounded(gap.estimate), "ci95": rounded(gap.ci95),
        },
    }  # fmt: skip


UNPRICED = "budget=auto was not replayed: no validation problem has a tree with an abstraction in it to price it by."


UNASKED = (
    "budget=auto was replayed without the {role}: what it chooses where the policy asks it is sampled by a new sweep "
    "with sweep.budget_policy=true, not by measuring kept trees again."
)
LACKING = (
    "budget=auto was to ask the {role} {count} times where these trees keep no choice of it (they were sampled under "
    "another rule or other keys), and went on without; sweep anew for its numbers."
)


def spending_warnings(sampled: Sampled, measured: dict[str, Any] | None) -> list[str]:
    """What to say of a policy that was not replayed, or not with the player that chooses."""
    if measured is None:
        return [UNPRICED]
    if "selector" in measured:
        count, role = measured["selector"]["lacking"], measured["selector"]["statistics"]["role"]
        return [LACKING.format(role=role, count=count)] if count else []
    modes = dict.fromkeys(one.mode for one in sampled.conditions if one.checkpoint == measured["checkpoint"])
    return [UNASKED.format(role=mode.removeprefix(CHOSEN)) for mode in modes if mode.startswith(CHOSEN)]


def keep_spending(folder: Path, measured: dict[str, Any] | None) -> None:
    """Leaves in a run's folder what a server needs, where the policy was measured."""
    if measured:
        kept = {name: measured[name] for name in ("rule", "statistics", "prices")}
        if "selector" in measured:
            kept["selector"] = {name: measured["selector"][name] for name in ("statistics", "prices")}
        (folder / SPENDING).write_text(json.dumps(kept, indent=1) + "\n")


def pools_of(samples: BreadthSamples, select: str, keys: Any = None) -> list[Pool]:
    """The pools of all problems, those without an abstraction too, under a selection rule."""
    return [Pool(problem.grown, select, keys) for problem in samples.problems]


def fixed_splits(samples: BreadthSamples, select: str, keys: Any) -> list[Split]:
    """Every n x m that the trees were grown for."""
    shapes = [(n, m) for n, most in enumerate(samples.depth, start=1) for m in range(1, most + 1)]
    return [(n, m, _paid(samples, n, m), samples.accuracy(n, m, select, keys)) for n, m in shapes]


def _paid(samples: BreadthSamples, n: int, m: int) -> Values:
    """Tokens of the very samples that vote; a policy is charged in the same way."""
    return np.array([p.spent(n) + sum(sum(row[:m]) for row in p.tokens[:n]) for p in samples.problems], float)


def _budgets(fixed: Sequence[Split]) -> list[float]:
    means = [float(tokens.mean()) for _, _, tokens, _ in fixed]
    ends = min(means), max(means)
    found = {*np.linspace(*ends, BUDGETS + 2)[1:-1].tolist(), *np.geomspace(*ends, BUDGETS + 2)[1:-1].tolist()}
    return sorted(found)


def _row(taken: Taken, known: Sequence[Split], fixed: Sequence[Split], resamples: int) -> dict[str, Any]:
    """The policy at one mean budget beside fixed splits at the tokens that it really spent: those that are best on the
    test problems themselves, and those that the validation problems (`known`) would have had one take."""
    return {
        "tokens": rounded(taken.tokens.mean()), "most_tokens": taken.most_tokens,
        "abstractions": rounded(taken.abstractions.mean()), "solutions": rounded(taken.solutions.mean()),
        "accuracy": rounded(taken.right.mean()), **_rival(fixed, fixed, taken, resamples),
        "foreseen": _rival(known, fixed, taken, resamples),
    }  # fmt: skip


def _rival(known: Sequence[Split], fixed: Sequence[Split], taken: Taken, resamples: int) -> dict[str, Any]:
    """The mixture of splits that is best by `known`, what it comes to in `fixed`, and the policy's paired gain."""
    means, values = [s[2].mean() for s in known], [s[3].mean() for s in known]
    shares = mixture(means, values, float(taken.tokens.mean()))
    rival = sum((share * fixed[i][3] for i, share in shares.items()), np.zeros(len(taken.right)))
    gap = est.paired_difference(taken.right, rival, resamples=resamples)
    return {
        "fixed": rounded(rival.mean()),
        "splits": [[fixed[i][0], fixed[i][1], rounded(share)] for i, share in shares.items()],
        "difference": rounded(gap.estimate), "ci95": rounded(gap.ci95),
    }  # fmt: skip
