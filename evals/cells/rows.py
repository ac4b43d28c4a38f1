"""From judged samples to what `sweep.json` says: cells, curves, paired comparisons and the triple.

A cell is one way to spend test-time tokens: plain samples (n = 0) or n distinct abstractions with m solutions each.
It keeps one value per problem beside its JSON row, so that two cells can be compared problem by problem.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.cells.lattice import PoolCells
from evals.samples.judged import BreadthSamples, PlainSamples
from evals.samples.trees import Condition, Grown
from evals.statistics import estimators as est
from evals.statistics.rounding import rounded


@dataclass
class Cell:
    """One row of `sweep.json` and, beside it, its values per problem."""

    row: dict[str, Any]
    accuracy: NDArray[np.float64] = field(repr=False)
    covered: NDArray[np.float64] = field(repr=False)
    tokens: NDArray[np.float64] = field(repr=False)


@lru_cache(4096)
def _interval(values: bytes, resamples: int) -> est.Interval:
    """The interval of a column of float64; the same column stands in many cells (coverage under every rule)."""
    return est.bootstrap(np.frombuffer(values), resamples=resamples)


def _cell(head: dict[str, Any], accuracy, covered, tokens, latency, resamples: int) -> Cell:
    voted = _interval(np.asarray(accuracy, float).tobytes(), resamples)
    passed = _interval(np.asarray(covered, float).tobytes(), resamples)
    row = head | {
        "tokens_per_problem": round(float(np.mean(tokens)), 2),
        "latency": round(float(np.mean(latency)), 2),
        "accuracy": rounded(voted.estimate),
        "ci95": rounded(voted.ci95),
        "pass_at_k": rounded(passed.estimate),
        "pass_ci95": rounded(passed.ci95),
        "problems": len(covered),
    }
    return Cell(row, np.asarray(accuracy, float), np.asarray(covered, float), np.asarray(tokens, float))


def plain_cell(
    samples: PlainSamples, m: float, resamples: int = 2000, select: str = "majority", rule_keys: Any = None
) -> Cell:
    """m plain samples per problem; m is fractional where a token budget asks for it (see `plain_at_budget`)."""
    head = {
        "checkpoint": samples.checkpoint, "label": samples.label, "mode": "plain", "n": 0, "m": round(m, 3),
        "select": select, "temperature": samples.temperature,
    }  # fmt: skip
    tokens = m * samples.tokens.mean(1)
    right = samples.accuracy(m, select, rule_keys)
    return _cell(head, right, samples.covered(m), tokens, samples.latency(m), resamples)


def plain_at_budget(
    samples: PlainSamples, budget: float, resamples: int = 2000, select: str = "majority", rule_keys: Any = None
) -> Cell:
    """As many plain samples as `budget` generated tokens per problem buy on average."""
    return plain_cell(samples, est.samples_for_budget(samples.tokens, budget), resamples, select, rule_keys)


def best_plain_at_budget(runs: Sequence[PlainSamples], budget: float, resamples: int = 2000) -> Cell:
    """Plain sampling at the temperature that covers most at this budget, chosen on the test problems: in its favour."""
    return max((plain_at_budget(run, budget, resamples) for run in runs), key=lambda cell: cell.covered.mean())


def breadth_covered(samples: BreadthSamples, n: int, m: int) -> list[float]:  # (P,)
    """Coverage of every problem by a cell, of all the solutions that there are under its abstractions (unbiased)."""
    found = []
    for problem in samples.problems:
        right = problem.correct[:n]
        found.append(est.set_coverage([len(row) for row in right], [sum(row) for row in right], m))
    return found


def breadth_cell(
    samples: BreadthSamples,
    n: int,
    m: int,
    select: str = "majority",
    resamples: int = 2000,
    rule_keys: Any = None,
    pool: PoolCells | None = None,
) -> Cell:
    """The first n distinct abstractions, m solutions each; drawing stops at the n-th distinct one.

    Tokens count every proposal drawn until then, duplicates too, and the solutions. Accuracy is the selected answer's
    over the first m solutions of each abstraction, coverage uses all solutions there are (unbiased). `pool`: all cells
    under this rule, where they have been measured together.
    """
    samples.require_cell(n, m)
    distinct = [len(problem.correct[:n]) for problem in samples.problems]
    head = {
        "checkpoint": samples.checkpoint, "label": samples.label, "mode": "abstractions", "n": n, "m": m,
        "select": select, "temperature": samples.temperature, "distinct": round(float(np.mean(distinct)), 3),
    }  # fmt: skip
    if pool is not None:
        columns = (column[:, n - 1, m - 1] for column in (pool.accuracy, pool.covered, pool.tokens, pool.latency))
        return _cell(head, *columns, resamples)
    accuracy, tokens = samples.accuracy(n, m, select, rule_keys), samples.spent(n, m)
    return _cell(head, accuracy, breadth_covered(samples, n, m), tokens, samples.latency(n, m), resamples)


def against_plain(
    found: Sequence[Cell], runs: Sequence[PlainSamples], keys: Callable[[float], Any], resamples: int = 2000
) -> None:
    """Adds to cells of one rule what sets them apart from plain sampling at equal tokens: paired differences in
    accuracy and coverage with intervals, and p corrected for the number of cells (Holm).

    Plain sampling has the temperature that is best at the cell's tokens on these very problems: in its favour. `keys`
    gives those of the rule at one of its temperatures.
    """
    for name, column in (("", "accuracy"), ("pass_", "covered")):
        tests = []
        for cell in found:
            rivals = []
            for run in runs:
                k = min(est.samples_for_budget(run.tokens, float(cell.tokens.mean())), run.samples)
                rivals.append(run.covered(k) if name else run.accuracy(k, cell.row["select"], keys(run.temperature)))
            rival = max(rivals, key=lambda values: values.mean())
            gap = est.paired_difference(getattr(cell, column), rival, resamples=resamples)
            cell.row |= {f"{name}difference": rounded(gap.estimate), f"{name}difference_ci95": rounded(gap.ci95)}
            tests.append(est.paired_p(getattr(cell, column), rival))
        for cell, p in zip(found, est.holm(tests), strict=True):
            cell.row[f"{name}p_holm"] = rounded(p)


def curve(samples: PlainSamples) -> dict[str, Any]:
    """Coverage and majority accuracy of plain sampling for every k = 1..N: what any budget is read off from later."""
    ks = range(1, samples.samples + 1)
    return {
        "checkpoint": samples.checkpoint,
        "label": samples.label,
        "temperature": samples.temperature,
        "tokens_per_sample": round(samples.tokens_per_sample, 4),
        "pass_at_k": [rounded(samples.covered(k).mean()) for k in ks],
        "accuracy": [rounded(samples.accuracy(k).mean()) for k in ks],
    }


def comparison(name: str, a: Cell, b: Cell, what: str = "covered", resamples: int = 2000) -> dict[str, Any]:
    """Paired difference a - b of two cells in `what` ("covered" or "accuracy") over the same problems."""
    gap = est.paired_difference(getattr(a, what), getattr(b, what), resamples=resamples)
    measure = {"covered": "pass_at_k", "accuracy": "accuracy"}[what]
    return {
        "name": name, "measure": measure, "difference": rounded(gap.estimate), "ci95": rounded(gap.ci95),
        "a": _reference(a.row, measure), "b": _reference(b.row, measure),
    }  # fmt: skip


def _reference(row: dict[str, Any], measure: str) -> dict[str, Any]:
    names = ("checkpoint", "label", "mode", "n", "m", "temperature", "tokens_per_problem", measure)
    return {name: row[name] for name in names}


def triple(bare: NDArray, guided: NDArray, resamples: int = 2000) -> dict[str, Any]:
    """Accuracy without, with (mean over abstractions) and with the best abstraction (2510.02263).

    `bare` (P, S) and `guided` (P, K, s), flags of correct solutions under i.i.d. abstractions. "Best" is an oracle
    over abstractions and inflated by noise, so `best_control` gives what the same oracle reports over K random blocks
    of s *bare* samples (None where S < K * s).
    """
    flags, under = np.asarray(bare, float), np.asarray(guided, float)
    per_abstraction = under.mean(-1)  # (P, K)
    columns = {
        "without": flags.mean(1), "with_mean": per_abstraction.mean(1), "with_best": per_abstraction.max(1),
    }  # fmt: skip
    blocks, size = under.shape[1:]
    if flags.shape[1] >= blocks * size:
        columns["best_control"] = est.best_of_blocks(flags, blocks, size)
    result: dict[str, Any] = {"abstractions": blocks, "solutions": size, "best_control": None}
    for name, column in columns.items():
        interval = est.bootstrap(column, resamples=resamples)
        result |= {name: rounded(interval.estimate), f"{name}_ci95": rounded(interval.ci95)}
    return result


def iid_flags(condition: Condition, records: Sequence[Grown]) -> NDArray[np.bool_]:
    """Correctness under i.i.d. abstractions, (P, K, s). A draw that is no abstraction solves nothing."""
    found = np.zeros((len(records), len(condition.depth), condition.depth[0]), bool)
    for flags, grown in zip(found, records, strict=True):
        for k, branch in enumerate(grown.branches):
            flags[k] = branch.solutions.correct
    return found
