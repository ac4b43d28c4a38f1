"""Lists of abstractions against independent distinct draws in a sweep, at equal generated tokens.

A list that was written for the grid's widest cell is cut behind its n-th different item: what comes before does not
depend on what comes after, so these are the tokens of stopping there. How likely a list's items are says nothing of
π_abs, so both sides vote by majority; beside it stands the independent draws' own best rule.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evals.cells.rows import breadth_covered
from evals.cells.selecting import BREADTH, Book
from evals.samples.judged import BreadthSamples
from evals.samples.trees import Sampled
from evals.spending.replay import mixture
from evals.statistics import estimators as est
from evals.statistics.rounding import rounded
from rlad.config import RunConfig

MODE = "joint"


def joint_rows(run: RunConfig, sampled: Sampled, book: Book) -> list[dict[str, Any]]:
    """One row per checkpoint, temperature and cell: a list's tokens, coverage and majority, and those of the best fixed
    splits of independent draws at the same mean tokens, with paired differences."""
    rows = []
    independent = sampled.of("distinct")
    for checkpoint, conditions in sampled.of(MODE).items():
        drawn = {one[0].temperature: BreadthSamples.of(*one) for one in independent[checkpoint]}
        for condition, records in conditions:
            lists = BreadthSamples.of(condition, records)
            rows += [_row(lists, drawn[condition.temperature], book, n, m, run) for n, m in run.sweep.grid]
    return rows


def _row(lists: BreadthSamples, drawn: BreadthSamples, book: Book, n: int, m: int, run: RunConfig) -> dict[str, Any]:
    tokens, resamples = lists.spent(n, m), run.sweep.bootstrap
    shapes = [(k, depth) for k, most in enumerate(drawn.depth, start=1) for depth in range(1, most + 1)]
    spent = [float(drawn.spent(*shape).mean()) for shape in shapes]
    found: dict[str, Any] = {
        "checkpoint": lists.checkpoint, "label": lists.label, "temperature": lists.temperature, "n": n, "m": m,
        "tokens_per_problem": rounded(tokens.mean()),
        "distinct": rounded(np.mean([len(problem.correct[:n]) for problem in lists.problems])),
    }  # fmt: skip
    option = book.best(lists.checkpoint, BREADTH, [drawn.temperature])
    measures = {
        "coverage": lambda side, k, depth: np.array(breadth_covered(side, k, depth)),
        "majority": lambda side, k, depth: side.accuracy(k, depth, "majority"),
    }
    rivals = measures | {"best_rule": lambda side, k, depth: side.accuracy(k, depth, option.rule, option.keys)}
    own = {name: measure(lists, n, m) for name, measure in measures.items()}
    own["best_rule"] = own["majority"]
    for name, measure in rivals.items():
        columns = [measure(drawn, *shape) for shape in shapes]
        shares = mixture(spent, [float(column.mean()) for column in columns], float(tokens.mean()))
        rival = sum((share * columns[i] for i, share in shares.items()), np.zeros(len(tokens)))
        gap = est.paired_difference(own[name], rival, resamples=resamples)
        found[name] = {
            "joint": rounded(own[name].mean()), "independent": rounded(rival.mean()),
            "difference": rounded(gap.estimate), "ci95": rounded(gap.ci95),
        }  # fmt: skip
    return found | {"rule": option.rule}
