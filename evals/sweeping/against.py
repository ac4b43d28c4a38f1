"""One run's sweep against another's on the same problems, cell by cell, with a verdict.

Both are measured from their kept trees by the same words: the grid's cells and plain sampling, each run at the rules
and temperatures that its own validation problems chose. Differences are paired over problems, and p is corrected for
the number of cells (Holm).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evals.cells.rows import Cell
from evals.cells.selecting import BREADTH, PLAIN, Side, Sides
from evals.samples import trees
from evals.samples.trees import Sampled
from evals.spending.joint import MODE, as_draws, joint_rows
from evals.statistics import estimators as est
from evals.statistics.estimators import LEVEL
from evals.statistics.rounding import rounded
from evals.sweeping.measuring import books, budgets_of
from evals.tables.lists import print_lists
from evals.tables.looks import LOOK, percentage_points, share
from rlad.cli import PlainError
from rlad.config import RunConfig

Measured = dict[tuple[str, int, int], Cell]
"""(way, n, m) -> the cell; plain sampling has n = 0 and as m the number of its budget."""


def compare(run: RunConfig, folder: Path, other: RunConfig, other_folder: Path) -> dict[str, Any]:
    """What `against.json` holds: rows of paired differences and a verdict; where this run's sweep has lists of
    abstractions, `joint` as in sweep.json, beside the other run's draws and plain samples.

    The other run is measured by this one's grid, rules and resamples. Raises PlainError where a run has no trees, where
    these are of other problems, and for a cell that either was not grown for.
    """
    ours, theirs = (Sampled.read(one / trees.NAME) for one in (folder, other_folder))
    require_same_problems(ours, theirs, str(folder), str(other_folder))
    budgets = budgets_of(run, ours)
    other.sweep = run.sweep
    rows = rows_of(cells_of(run, ours, budgets), cells_of(other, theirs, budgets), run.sweep.bootstrap)
    names = [str(folder), str(other_folder)]
    found = {"runs": names, "problems": len(ours.problems["test"]), "rows": rows, "verdict": _verdict(rows, names)}
    if ours.of(MODE):
        own, _, lists = books(run, as_draws(ours), lenient=True)
        book, _, known = books(other, theirs)
        found["joint"] = joint_rows(run, own, lists, book, known)
    return found


def require_same_problems(ours: Sampled, theirs: Sampled, name: str, other: str) -> None:
    """Raises PlainError where the test problems of two sweeps are not the same in the same order."""
    first, second = ([(p.question, p.answer) for p in one.problems.get("test", [])] for one in (ours, theirs))
    if first == second:
        return
    same = len(set(first) & set(second))
    raise PlainError(
        f"'{name}' and '{other}' were swept on different problems ({len(first)} and {len(second)}, {same} in common in "
        "whatever order): only differences on the same problems say which run is better. Give both the same problems.* "
        "keys and sweep.problems."
    )


def cells_of(run: RunConfig, sampled: Sampled, budgets: list[float]) -> Measured:
    """The cells of a sweep's main pair by its chosen rules and temperatures, plain sampling at the given budgets."""
    book, _, known = books(run, sampled, max(budgets, default=0.0))
    resamples = run.sweep.bootstrap
    found: Measured = {}
    for way, place, option in _chosen(book, known):
        side = next(one for one in known[place] if one.samples.temperature == option.temperature)
        if way == BREADTH:
            for n, m in run.sweep.grid:
                found[way, n, m] = Side(side.samples, (n, m)).cell(option.rule, option.keys, resamples)
            continue
        for number, budget in enumerate(budgets, start=1):
            most = side.samples.samples * side.samples.tokens_per_sample
            cell = Side(side.samples, None, min(budget, most)).cell(option.rule, option.keys, resamples)
            found[way, 0, number] = cell
    return found


def _chosen(book: Any, known: Sides) -> list[tuple[str, tuple[str, str], Any]]:
    found = []
    for way in (BREADTH, PLAIN):
        checkpoint = next((name for name in ("cotrained", "warmstart", "pretrained") if (name, way) in known), None)
        if checkpoint is not None:
            temperatures = [side.samples.temperature for side in known[checkpoint, way]]
            found.append((way, (checkpoint, way), book.best(checkpoint, way, temperatures)))
    return found


def rows_of(ours: Measured, theirs: Measured, resamples: int) -> list[dict[str, Any]]:
    """One row per cell that both have, accuracy and coverage; p corrected over all of a measure's cells."""
    rows: list[dict[str, Any]] = []
    for measure, column in (("accuracy", "accuracy"), ("coverage", "covered")):
        family = []
        for way, n, m in [place for place in ours if place in theirs]:
            a, b = ours[way, n, m], theirs[way, n, m]
            one, two = getattr(a, column), getattr(b, column)
            gap = est.paired_difference(one, two, resamples=resamples)
            family.append(
                {
                    "measure": measure, "mode": way, "n": n, "m": a.row["m"], "tokens": a.row["tokens_per_problem"],
                    "other_m": b.row["m"], "other_tokens": b.row["tokens_per_problem"],
                    "rule": a.row["select"], "other_rule": b.row["select"],
                    "value": rounded(np.mean(one)), "other": rounded(np.mean(two)),
                    "difference": rounded(gap.estimate), "ci95": rounded(gap.ci95), "p": est.paired_p(one, two),
                }
            )  # fmt: skip
        for row, p in zip(family, est.holm([row["p"] for row in family]), strict=True):
            row |= {"p": rounded(row["p"], 6), "p_holm": rounded(p, 6)}
        rows += family
    return rows


def _verdict(rows: list[dict[str, Any]], names: list[str]) -> str:
    """Which run selects the right answer more often, in a sentence, and which covers more.

    >>> row = {"measure": "accuracy", "mode": "abstractions", "n": 4, "m": 1, "tokens": 90.0, "difference": 0.05}
    >>> row |= {"ci95": [0.02, 0.08], "p_holm": 0.004}
    >>> _verdict([row], ["a", "b"])
    'Selected answer: a is better than b in 1 of 1 cells (at 90 tokens by +5.0 (+2.0 to +8.0) points), b in none.'
    >>> _verdict([row | {"p_holm": 0.3}], ["a", "b"])
    'Selected answer: neither is decidedly better; the largest difference is +5.0 (+2.0 to +8.0) points, a minus b.'
    """
    words = {"accuracy": "Selected answer", "coverage": "Coverage"}
    found = []
    for measure, title in words.items():
        family = [row for row in rows if row["measure"] == measure]
        if not family:
            continue
        decided = [row for row in family if row["p_holm"] <= LEVEL]
        largest = max(decided or family, key=lambda row: abs(row["difference"]))
        gap = percentage_points(largest["difference"], largest["ci95"])
        wins = sum(row["difference"] > 0 for row in decided)
        losses = len(decided) - wins
        if not decided:
            found.append(
                f"{title}: neither is decidedly better; the largest difference is {gap} points, {names[0]} minus "
                f"{names[1]}."
            )
            continue
        if wins and losses:
            sentence = f"{names[0]} is better in {wins} of {len(family)} cells, {names[1]} in {losses}."
            found.append(f"{title}: {sentence}")
            continue
        better, worse = names if wins else names[::-1]
        if losses:
            gap = percentage_points(-largest["difference"], [-value for value in reversed(largest["ci95"])])
        found.append(
            f"{title}: {better} is better than {worse} in {len(decided)} of {len(family)} cells (at "
            f"{largest['tokens']:,.0f} tokens by {gap} points), {worse} in none."
        )
    return " ".join(found)


def print_against(found: dict[str, Any], console: Console | None = None) -> None:
    """The table of both measures and the verdict."""
    out = console or Console()
    caption = f"percent, {found['problems']} problems; p corrected for the number of cells (Holm)"
    table = Table(title=f"{found['runs'][0]} against {found['runs'][1]}", caption=caption, **LOOK)
    for name in ("measure", "cell", "tokens", "this", "other", "difference", "p"):
        table.add_column(name, justify="left" if name in ("measure", "cell") else "right", no_wrap=True)
    for row in found["rows"]:
        cell = f"{row['n']} x {row['m']}" if row["n"] else f"plain x {row['m']:.3g}"
        text = percentage_points(row["difference"], row["ci95"])
        tokens = f"{row['tokens']:,.0f}/{row['other_tokens']:,.0f}"
        marked = f"[bold]{text}[/]" if row["p_holm"] <= LEVEL else text
        table.add_row(
            row["measure"], cell, tokens, share(row["value"]), share(row["other"]), marked, f"{row['p_holm']:.2g}"
        )
    out.print(table)
    out.print(escape(found["verdict"]), highlight=False)
    print_lists(found, out, f" of {found['runs'][1]}")
