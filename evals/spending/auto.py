"""`budget=auto` in a sweep: priced on validation trees, replayed on test trees, against every fixed n x m."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.cells.selecting import BREADTH, Book, Sides
from evals.samples.judged import BreadthSamples
from evals.spending.pools import Pool
from evals.spending.replay import Step, mixture, prices, replay, stopped
from evals.spending.statistics import statistics
from evals.statistics import estimators as est
from evals.statistics.rounding import rounded
from rlad.reasoning.budget_policy import SPENDING, BudgetPolicy, prices_of

Values = NDArray[np.float64]
BUDGETS = 3
"""Mean budgets at which policy and fixed splits are compared, evenly between the smallest and the largest split: once
in tokens, and once in their logarithm, where it is decided whether a second and a third abstraction are worth it."""


def spending(book: Book, valid: Sides, test: Sides, resamples: int) -> dict[str, Any] | None:
    """What `sweep.json` says of the policy, by the rule and temperature that select best; None where there is no tree
    of a validation problem with an abstraction in it.

    `statistics` and `prices` are what a server needs to grow trees by it.
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
    policy = BudgetPolicy(counted)
    table = prices([replay(policy, pool) for pool in pools])
    splits = [fixed_splits(samples, option.rule, option.keys) for samples in (known, own)]
    head = {
        "checkpoint": checkpoint, "label": own.label, "rule": option.rule, "temperature": option.temperature,
        "problems": len(test_pools), "priced_on": len(pools), "statistics": asdict(counted),
        "prices": [[rounded(tokens), price] for tokens, price in table],
    }  # fmt: skip
    asked = {budget: prices_of(table, budget) for budget in _budgets(splits[1])}
    least = min(price for shared in asked.values() for price, _ in shared)
    paths = [replay(policy, pool, least) for pool in test_pools]
    taken = {budget: _taken(test_pools, paths, shared) for budget, shared in asked.items()}
    return head | {
        "rows": [{"budget": rounded(budget)} | _row(one, *splits, resamples) for budget, one in taken.items()]
    }


@dataclass(frozen=True)
class Taken:
    """What a policy did at one mean budget, problem by problem: (P,) each, means over its prices."""

    tokens: Values
    right: Values
    abstractions: Values
    solutions: Values
    most_tokens: int


def _taken(pools: Sequence[Pool], paths: Sequence[Sequence[Step]], prices: Sequence[tuple[float, float]]) -> Taken:
    found, most = np.zeros((4, len(pools))), 0
    for price, share in prices:
        ends = [stopped(path, price) for path in paths]
        right = [pool.accuracy(end.depths, end.asked) for pool, end in zip(pools, ends, strict=True)]
        tokens, asked = [end.tokens for end in ends], [end.asked for end in ends]
        found += share * np.array([tokens, right, asked, [sum(end.depths) for end in ends]], float)
        most = max(most, *tokens)
    return Taken(*found, most)


UNPRICED = "budget=auto was not replayed: no validation problem has a tree with an abstraction in it to price it by."


def keep_spending(folder: Path, measured: dict[str, Any] | None) -> None:
    """Leaves in a run's folder what a server needs, where the policy was measured."""
    if measured:
        kept = {name: measured[name] for name in ("rule", "statistics", "prices")}
        (folder / SPENDING).write_text(json.dumps(kept, indent=1) + "\n")


def pools_of(samples: BreadthSamples, select: str, keys: Any = None) -> list[Pool]:
    """The pools of all problems, those without an abstraction too, under a selection rule."""
    return [Pool(problem.grown, select, keys) for problem in samples.problems]


Split = tuple[int, int, Values, Values]
"""n, m, tokens (P,) and accuracy (P,) of a fixed split."""


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
