"""`budget=auto` in a sweep: priced on validation trees, replayed on test trees, against every fixed n x m."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals import estimators as est
from evals.budget import Pool, Step, mixture, prices, replay, statistics, stopped
from evals.cells import rounded
from evals.samples import BreadthProblem, BreadthSamples, first_candidates
from evals.selecting import BREADTH, Book, Sides
from rlad.reasoning.budget_policy import SPENDING, BudgetPolicy, price_of
from rlad.reasoning.scores import under
from rlad.selection import credit

Values = NDArray[np.float64]
BUDGETS = 3
"""Mean budgets at which policy and fixed splits are compared, evenly between the smallest and the largest split."""


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
    pools = pools_of(known)
    grown = [pool for pool in pools if pool.answers]
    if not grown:
        return None
    counted = statistics(grown)
    policy = BudgetPolicy(counted)
    table = prices([replay(policy, pool) for pool in pools])
    test_pools = pools_of(own)
    paths = [replay(policy, pool) for pool in test_pools]
    fixed = fixed_splits(own, option.rule, option.keys)
    head = {
        "checkpoint": checkpoint, "label": own.label, "rule": option.rule, "temperature": option.temperature,
        "problems": len(paths), "priced_on": len(pools), "statistics": asdict(counted),
        "prices": [[rounded(tokens), price] for tokens, price in table],
    }  # fmt: skip
    return head | {"rows": [_row(own, paths, fixed, table, budget, option, resamples) for budget in _budgets(fixed)]}


UNPRICED = "budget=auto was not replayed: no validation problem has a tree with an abstraction in it to price it by."


def keep_spending(folder: Path, measured: dict[str, Any] | None) -> None:
    """Leaves in a run's folder what a server needs, where the policy was measured."""
    if measured:
        kept = {name: measured[name] for name in ("statistics", "prices")}
        (folder / SPENDING).write_text(json.dumps(kept, indent=1) + "\n")


def pools_of(samples: BreadthSamples) -> list[Pool]:
    """The pools of all problems, those without an abstraction too."""
    return [Pool.of(problem.grown) for problem in samples.problems]


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
    return np.linspace(min(means), max(means), BUDGETS + 2)[1:-1].tolist()


def right_at(problem: BreadthProblem, step: Step, select: str, keys: Any) -> float:
    """Accuracy of the selected answer where a policy stopped."""
    if not step.depths or problem.grown is None:
        return 0.0
    draws = problem.grown.draws
    proposals = list(zip(draws.branch, draws.text, draws.model_logprob, strict=True))[: problem.stop(step.asked)]
    rows = zip(problem.grown.branches, problem.correct, step.depths, strict=False)
    candidates, flags = [], []
    for index, (branch, correct, depth) in enumerate(rows):
        candidates += first_candidates(under(index, proposals, depth), branch.solutions, depth)
        flags += correct[:depth]
    return credit(select, candidates, flags, keys)


def _row(samples, paths, fixed: Sequence[Split], table, budget: float, option, resamples: int) -> dict[str, Any]:
    """The policy at one mean budget beside the best fixed splits at the tokens that it really spent."""
    ends = [stopped(path, price_of(table, budget)) for path in paths]
    tokens = np.array([end.tokens for end in ends], float)
    right = np.array([
        right_at(problem, end, option.rule, option.keys) for problem, end in zip(samples.problems, ends, strict=True)
    ])  # fmt: skip
    means, values = [s[2].mean() for s in fixed], [s[3].mean() for s in fixed]
    shares = mixture(means, values, float(tokens.mean()))
    rival = sum((share * fixed[i][3] for i, share in shares.items()), np.zeros(len(right)))
    gap = est.paired_difference(right, rival, resamples=resamples)
    return {
        "budget": rounded(budget), "tokens": rounded(tokens.mean()), "most_tokens": int(tokens.max()),
        "abstractions": rounded(np.mean([end.asked for end in ends])),
        "solutions": rounded(np.mean([sum(end.depths) for end in ends])),
        "accuracy": rounded(right.mean()), "fixed": rounded(rival.mean()),
        "splits": [[fixed[i][0], fixed[i][1], rounded(share)] for i, share in shares.items()],
        "difference": rounded(gap.estimate), "ci95": rounded(gap.ci95),
    }  # fmt: skip
