"""What a run's abstractions are worth to another solver: each source beside plain sampling with as many tokens.

A source of abstractions stands where a sweep has a checkpoint, so rules, temperatures and keys are chosen on validation
problems as there, differences are paired by problem, and p is corrected for the number of comparisons (Holm).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.cells.rows import Cell, best_plain_at_budget
from evals.cells.selecting import BREADTH, PLAIN, Book, Side, Sides, book_of, cell_of, duel
from evals.cells.temperatures import drawn_accuracy
from evals.samples.judged import BreadthSamples, PlainSamples
from evals.samples.trees import Sampled
from evals.statistics import estimators as est
from evals.statistics.rounding import rounded
from evals.transfer.solvers import CHECKPOINT
from evals.transfer.sources import LABELS
from rlad.config import RunConfig

Values = NDArray[np.float64]  # (P,)
MEASURES = {"single": "one solution", "selected": "selected answer", "covered": "coverage"}
"""A measure -> in words."""


def sides_of(run: RunConfig, sampled: Sampled, split: str) -> Sides:
    """(source, way) -> its samples at every temperature: with the abstractions of the source at the grid's largest
    cell, and the same solver's plain samples with as many tokens."""
    found: Sides = {}
    plain = [PlainSamples.of(*one) for one in sampled.of("plain", split).get(CHECKPOINT, [])]
    for source, conditions in sampled.of("distinct", split).items():
        runs = [BreadthSamples.of(*one) for one in conditions]
        shape = _shape(run, source, runs[0])
        found[source, BREADTH] = [Side(one, shape) for one in runs]
        if plain:
            budget = float(runs[0].spent(*shape).mean())
            sides = [Side(one, None, min(budget, one.samples * one.tokens_per_sample)) for one in plain]
            found[source, PLAIN] = sides
    return found


def _shape(run: RunConfig, source: str, samples: BreadthSamples) -> tuple[int, int]:
    if source == "oracle":
        return 1, samples.depth[0]
    n, m = max(run.sweep.grid, key=lambda cell: samples.spent(*cell).mean())
    return n, m


def largest(run: RunConfig, sampled: Sampled, split: str) -> float:
    """Most tokens per problem that a source's abstractions and their solutions take at any temperature: as many are
    sampled without abstractions."""
    several = [side for found in sides_of(run, sampled, split).values() for side in found if side.shape]
    return max(float(side.samples.spent(*side.shape).mean()) for side in several)


def measure(run: RunConfig, sampled: Sampled) -> dict[str, Any]:
    """What transfer.json holds beside its head: a row for each source and the differences between sources."""
    known, resamples = sides_of(run, sampled, "test"), run.sweep.bootstrap
    test = book_of(run, "test", known)
    book = test
    if sampled.of("distinct", "validation"):
        book = book_of(run, "validation", sides_of(run, sampled, "validation"))
        test = book_of(run, "test", known, book)
    sources = [source for source, way in known if way == BREADTH]
    rows, columns = [], {}
    for source in sources:
        row, columns[source] = _row(book, known, source, resamples)
        rows.append(row)
    _corrected(rows)
    return {"sources": rows, "own_minus": _own_minus(columns, resamples), "warnings": book.skipped}


def _row(book: Book, known: Sides, source: str, resamples: int) -> tuple[dict[str, Any], dict[str, Values]]:
    """A source's numbers beside plain sampling's, and its columns by measure."""
    fought = duel(book, known, source, resamples)
    _, cell = cell_of(book, known[source, BREADTH], source, BREADTH, None, resamples)
    side = next(one for one in known[source, BREADTH] if one.samples.temperature == fought["temperature"])
    _, rival = cell_of(book, _at(known[source, PLAIN], cell), source, PLAIN, None, resamples)
    plain = [one.samples for one in known[source, PLAIN]]
    own = {"single": _single(side.samples), "selected": cell.accuracy, "covered": cell.covered}
    others = {
        "single": max((one.correct.mean(1) for one in plain), key=lambda values: values.mean()),
        "selected": rival.accuracy,
        "covered": best_plain_at_budget(plain, _affordable(cell, plain), resamples).covered,
    }
    head = ("rule", "keys", "temperature", "plain_rule", "plain_keys", "plain_temperature", "n", "m", "plain_m")
    row = {"source": source, "label": LABELS[source], "problems": fought["problems"], "chosen_on": book.split}
    row |= {name: fought[name] for name in (*head, "tokens", "plain_tokens", "plain_majority", "random")}
    row["distinct"] = cell.row["distinct"]
    for name in MEASURES:
        value = est.bootstrap(own[name], resamples=resamples)
        row |= {name: rounded(value.estimate), f"{name}_ci95": rounded(value.ci95)}
        row |= {f"plain_{name}": rounded(others[name].mean())} | _difference(name, own[name], others[name], resamples)
    return row, own


def _at(several: Sequence[Side], cell: Cell) -> list[Side]:
    return [Side(one.samples, None, _affordable(cell, [one.samples])) for one in several]


def _affordable(cell: Cell, plain: Sequence[PlainSamples]) -> float:
    """The tokens of a cell, or of all plain samples where those are fewer."""
    return min(float(cell.tokens.mean()), *(one.samples * one.tokens_per_sample for one in plain))


def _single(samples: BreadthSamples) -> Values:
    """(P,) how often one solution under one abstraction as it is drawn is right."""
    return np.array([drawn_accuracy(problem.grown) for problem in samples.problems])


def _difference(name: str, one: Values, other: Values, resamples: int) -> dict[str, Any]:
    gap = est.paired_difference(one, other, resamples=resamples)
    return {
        f"{name}_difference": rounded(gap.estimate), f"{name}_difference_ci95": rounded(gap.ci95),
        f"{name}_p_holm": est.paired_p(one, other),
    }  # fmt: skip


def _corrected(rows: Sequence[dict[str, Any]]) -> None:
    """Corrects p for the number of rows, measure by measure."""
    for name in MEASURES:
        for row, p in zip(rows, est.holm([row[f"{name}_p_holm"] for row in rows]), strict=True):
            row[f"{name}_p_holm"] = rounded(p)


def _own_minus(columns: dict[str, dict[str, Values]], resamples: int) -> list[dict[str, Any]]:
    """The run's own abstractions against those of every other source, in the same cells."""
    own = columns.get("own")
    rows = [
        {"source": source} | {key: value for name in MEASURES
                              for key, value in _difference(name, own[name], other[name], resamples).items()}
        for source, other in columns.items() if own is not None and source != "own"
    ]  # fmt: skip
    _corrected(rows)
    return rows
