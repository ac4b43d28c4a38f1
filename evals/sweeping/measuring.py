"""What a sweep's samples say: cells, comparisons, which rule selects best. No model is asked anything."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from evals.cells import rows as cell_math
from evals.cells.calibration import calibration_row
from evals.cells.lattice import PoolCells
from evals.cells.rows import Cell
from evals.cells.scoring import score_rows
from evals.cells.selecting import BREADTH, PLAIN, Book, Sides, book_of, rule_rows, selection, sides
from evals.cells.temperatures import Choice, best_temperature, guided_choices, plain_choices, tokens_of, warnings
from evals.samples.judged import BreadthSamples, PlainSamples
from evals.samples.trees import Sampled
from evals.spending.auto import spending, spending_warnings
from evals.spending.choosing import chosen_rows
from evals.spending.decoding import decoding_choices, decoding_rows
from evals.spending.joint import MODE, as_draws, joint_rows, left_out
from evals.spending.splits import splits
from rlad.config import RunConfig

QUESTIONS = {
    "base": "Does breadth beat plain sampling from the base?",
    "cotrained": "Does breadth beat plain sampling from the co-trained solver?",
    "kept": "Was coverage with abstractions kept (co-trained minus base)?",
}

ON_TEST = "(plain sampling's temperature chosen on the test problems)"


def budgets_of(run: RunConfig, sampled: Sampled, split: str = "test") -> list[float]:
    """Tokens per problem of the grid's cells, of the co-trained pair where there is one: plain sampling's budgets."""
    runs = _main_pair(sampled, split)[:1]
    return sorted({round(tokens_of(one, n, m), 2) for one in runs for n, m in run.sweep.grid})


def largest_budget(run: RunConfig, sampled: Sampled, split: str = "test") -> float:
    """Most tokens per problem of a cell, at any temperature; 0 where nothing was solved with abstractions."""
    runs = _main_pair(sampled, split)
    return max((round(tokens_of(one, n, m), 2) for one in runs for n, m in run.sweep.grid), default=0.0)


def _main_pair(sampled: Sampled, split: str) -> list[BreadthSamples]:
    grown = sampled.of("distinct", split)
    return [BreadthSamples.of(*one) for one in grown.get("cotrained", grown.get("warmstart", []))]


def measure(run: RunConfig, sampled: Sampled) -> dict[str, Any]:
    """What sweep.json holds, from samples alone."""
    resamples = run.sweep.bootstrap
    book, test, known = books(run, sampled)
    plain = {name: [side.samples for side in several] for (name, way), several in known.items() if way == PLAIN}
    measured = {
        name: _breadth_cells(several[0].samples, plain.get(name, []), run, book)
        for (name, way), several in known.items()
        if way == BREADTH
    }
    budgets = budgets_of(run, sampled)
    on_test = plain_choices(sampled, max(budgets, default=0.0), "test")
    tuned = guided_choices(run, sampled, "validation")
    if sampled.of("plain", "validation"):
        tuned += plain_choices(sampled, largest_budget(run, sampled, "validation"), "validation")
    result: dict[str, Any] = {"meta": _meta(run), "cells": [], "comparisons": [], "triple": {}, "curves": []}
    for name, runs in plain.items():
        result["cells"] += [cell.row for cell in measured.get(name, [])]
        result["cells"] += _plain_rows(runs, budgets, run, book)
        result["curves"] += [cell_math.curve(samples) for samples in runs]
        if run.solution.states_confidence:
            result.setdefault("calibration", []).extend(calibration_row(samples) for samples in runs)
        for iid in sampled.of("iid").get(name, []):
            at = best_temperature(tuned or on_test, name, "plain", "accuracy")
            bare = next(samples for samples in runs if samples.temperature == at)
            result["triple"][name] = cell_math.triple(bare.correct, cell_math.iid_flags(*iid), resamples)
    if "cotrained" in measured:
        result["comparisons"] = _comparisons(measured, plain, tuned, resamples)
    unsure = _unsure(book, known)
    result["rules"] = rule_rows(book, known, resamples)
    valid = sides(run, sampled, "validation", largest_budget(run, sampled, "validation"))
    result["splits"] = splits(book, valid, known, resamples)
    result["selection"] = selection(book, test, known, resamples)
    if run.sweep.budget_policy:
        result["budget"] = spending(book, valid, known, resamples, sampled)
    if sampled.of(MODE):
        own, _, lists = books(run, as_draws(sampled), lenient=True)
        result["joint"] = joint_rows(run, own, lists, book, known)
        unsure += left_out(own, book)
        if own.split != "test" or book.split != "test":  # else it has been said of both
            unsure += _unsure(own, lists, "lists of abstractions")
    if rows := decoding_rows(sampled, book, test, known, resamples):
        result["decoding"] = rows
    if rows := chosen_rows(sampled, book, known, resamples):
        result["choosers"] = rows
    result["scores"] = _score_rows(known, resamples)
    decoded = decoding_choices(sampled)
    result["temperatures"] = [choice.row() for choice in [*tuned, *on_test, *decoded]]
    result["warnings"] = warnings([*(tuned or on_test), *decoded]) + book.skipped + unsure + thin(result["cells"])
    if run.sweep.budget_policy:
        result["warnings"] += spending_warnings(sampled, result["budget"])
    return result


def books(run: RunConfig, sampled: Sampled, budget: float = 0.0, lenient: bool = False) -> tuple[Book, Book, Sides]:
    """The rules judged on the validation problems (on the test problems where there are none), the same judged on the
    test problems, and the sides of the test problems. Plain samples are judged at the grid's largest cell; of a run
    without abstractions at `budget` tokens, 0 = all of them. `lenient` as in `book_of`."""
    known = sides(run, sampled, "test", largest_budget(run, sampled) or budget)
    valid = sides(run, sampled, "validation", largest_budget(run, sampled, "validation") or budget)
    if not set(known) <= set(valid):
        test = book_of(run, "test", known, lenient=lenient)
        return test, test, known
    book = book_of(run, "validation", valid, lenient=lenient)
    return book, book_of(run, "test", known, book, lenient), known


def _unsure(book: Book, known: Sides, whose: str = "") -> list[str]:
    """A sentence where rules were chosen on the very problems on which they are reported, and for every temperature
    that was best on the validation problems and not sampled on these; `whose` they are, where not everything's."""
    if book.split == "test" and (len(book.rules) > 1 or any(len(several) > 1 for several in known.values())):
        return [
            f"Rules and temperatures of the selected answer{whose and f' of {whose}'} were chosen on the test problems "
            "themselves, which flatters them: there are no samples of validation problems."
        ]
    return [
        f"{several[0].samples.label}, {whose or way}: T {best.temperature:g} selects best on the validation problems "
        "and was not sampled on the test problems; sweep anew for it."
        for (checkpoint, way), several in known.items()
        if (best := book.best(checkpoint, way, [one.temperature for one in book.options[checkpoint, way]])).temperature
        not in [side.samples.temperature for side in several]
    ]


def thin(cells: Sequence[dict[str, Any]]) -> list[str]:
    """A sentence for every model and temperature whose budgets do not buy one plain sample.

    >>> row = {"mode": "plain", "label": "base", "temperature": 0.7, "m": 0.4, "tokens_per_problem": 9.0}
    >>> thin([row, row | {"m": 0.8, "tokens_per_problem": 18.0}, row | {"m": 1.5}, row | {"mode": "abstractions"}])
    ['base, plain at T 0.7: 9 tokens buy 0.4 of a sample; below one its numbers lie on the line from nothing to one.']
    """
    found: dict[tuple[str, float], dict[str, Any]] = {}
    for row in cells:
        if row["mode"] == "plain" and row["m"] < 1:
            least = found.setdefault((row["label"], row["temperature"]), row)
            if row["m"] < least["m"]:
                found[row["label"], row["temperature"]] = row
    return [
        f"{label}, plain at T {temperature:g}: {row['tokens_per_problem']:g} tokens buy {row['m']:g} of a sample; "
        "below one its numbers lie on the line from nothing to one."
        for (label, temperature), row in found.items()
    ]


def _score_rows(known: Sides, resamples: int) -> list[dict[str, Any]]:
    rows = []
    for (checkpoint, way), several in known.items():
        for side in several:
            head = {"checkpoint": checkpoint, "label": side.samples.label, "mode": way}
            candidates, correct = side.candidates()
            rows += score_rows(head | {"temperature": side.samples.temperature}, candidates, correct, resamples)
    return rows


MANY = 16
"""Cells of a grid beyond which further rules than the first are compared at its largest cell alone."""


def _breadth_cells(samples: BreadthSamples, plain: list[PlainSamples], run: RunConfig, book: Book) -> list[Cell]:
    """The grid's cells under the first rule, in one pass and beside plain sampling; under further rules one by one."""
    found, resamples = [], run.sweep.bootstrap
    for number, select in enumerate(book.rules):
        keys = book.keys(samples.checkpoint, BREADTH, samples.temperature, select)
        if number == 0:
            for n, m in run.sweep.grid:
                samples.require_cell(n, m)
            pool = PoolCells.of(samples, select, keys) if samples.depth else None
            found = [cell_math.breadth_cell(samples, n, m, select, resamples, keys, pool) for n, m in run.sweep.grid]
            known = partial(_keys_at, book, samples.checkpoint, select)
            cell_math.against_plain(found, plain, known, resamples)
        elif len(run.sweep.grid) <= MANY:
            found += [cell_math.breadth_cell(samples, n, m, select, resamples, keys) for n, m in run.sweep.grid]
    return found


def _keys_at(book: Book, checkpoint: str, select: str, temperature: float) -> Any:
    return book.keys(checkpoint, PLAIN, temperature, select)


def _plain_rows(runs: list[PlainSamples], budgets: list[float], run: RunConfig, book: Book) -> list[dict]:
    """Plain sampling at every budget and temperature (without budgets, at one and at all samples) under the first rule;
    at every budget under the rule and temperature that were chosen, under further rules at the largest alone."""
    rows, resamples = [], run.sweep.bootstrap
    best = book.best(runs[0].checkpoint, PLAIN, [samples.temperature for samples in runs])
    for number, select in enumerate(book.rules):
        for samples in runs:
            keys = book.keys(samples.checkpoint, PLAIN, samples.temperature, select)
            chosen = (select, samples.temperature) == (best.rule, best.temperature) and len(budgets) <= MANY
            for budget in budgets[-1:] if number and not chosen else budgets:
                rows.append(cell_math.plain_at_budget(samples, budget, resamples, select, keys).row)
            for m in () if budgets else (1, samples.samples):
                rows.append(cell_math.plain_cell(samples, m, resamples, select, keys).row)
    return rows


def _comparisons(
    measured: dict[str, list[Cell]], plain: dict[str, list[PlainSamples]], tuned: list[Choice], resamples: int
) -> list[dict]:
    """At the co-trained pair's largest budget: breadth against plain sampling of both models, and against the base.

    Plain sampling has the temperature that was best on the validation problems, where those were sampled, and beside it
    (else instead) the one that is best on the test problems themselves.
    """
    widest = max(measured["cotrained"], key=lambda cell: cell.row["tokens_per_problem"])
    budget = widest.row["tokens_per_problem"]
    found = []
    for name, key in (("cotrained", "cotrained"), ("warmstart", "base")):
        if name not in plain:
            continue
        best = cell_math.best_plain_at_budget(plain[name], budget, resamples)
        if tuned:
            at = best_temperature(tuned, name, "plain", "coverage")
            samples = next(samples for samples in plain[name] if samples.temperature == at)
            rival = cell_math.plain_at_budget(samples, budget, resamples)
            found.append(cell_math.comparison(QUESTIONS[key], widest, rival, resamples=resamples))
        question = f"{QUESTIONS[key]} {ON_TEST}" if tuned else QUESTIONS[key]
        found.append(cell_math.comparison(question, widest, best, resamples=resamples))
    shape = [widest.row["n"], widest.row["m"], widest.row["select"]]
    for before in measured.get("warmstart", []):
        if [before.row["n"], before.row["m"], before.row["select"]] == shape:
            found.append(cell_math.comparison(QUESTIONS["kept"], widest, before, resamples=resamples))
    return found


def _meta(run: RunConfig) -> dict:
    settings = run.sweep
    return {
        "run": run.name,
        "seed": run.seed,
        "source": run.problems.source,
        "problems": min(settings.problems, run.problems.test) or None,
        "propose_temperature": settings.propose_temperature,
        "solve_temperature": settings.solve_temperature,
        "iid_abstractions": settings.iid_abstractions,
        "iid_solutions": settings.iid_solutions,
    }
