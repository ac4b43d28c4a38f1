"""What the report says about one run, as plain values and finished words; the template only places them."""

from __future__ import annotations

from typing import Any

from evals.charts.entropy import entropy_words
from evals.charts.pictures import Pictures
from evals.charts.series import PLAYERS, hidden_seconds, seconds_per_phase
from evals.law.study import LawResult
from evals.law.words import law_in_words
from evals.runs import Run, column
from evals.tables.choosing import choosing_lines, choosing_sentences
from evals.tables.looks import percentage_points, share
from evals.tables.rules import rule_lines, score_lines, selection_sentences
from evals.tables.splits import split_sentences
from evals.tables.sweep import TRIPLE, budget_words, side_words, sweep_rows
from evals.tables.ways import CHECKPOINTS, way

TREES = 6
"""Examples shown, spread evenly over the training."""


def view(run: Run, drawn: Pictures) -> dict[str, Any]:
    """Everything the template shows of one run, but for its charts."""
    sweep = run.sweep or {}
    seconds = seconds_per_phase(run.metrics)
    return {
        "name": run.name,
        "path": str(run.path),
        "cards": cards(run),
        "findings": [finding(row) for row in sweep.get("comparisons", [])],
        "alarms": alarm_sentences(run),
        "missing": _missing_files(run),
        "thinned": drawn.thinning,
        "entropy": entropy_sentences(run, drawn.laws),
        "cells": cell_rows(sweep),
        "triple": triple_rows(sweep),
        "selection": selection_sentences(sweep) + split_sentences(sweep),
        "choosers": choosing_lines(sweep),
        "choosing": choosing_sentences(sweep),
        "rules": rule_lines(sweep),
        "scores": score_lines(sweep),
        "seconds": seconds,
        "seconds_hidden": hidden_seconds(run.metrics),
        "seconds_total": sum(seconds.values()),
        "seconds_longest": max(seconds.values(), default=1.0) or 1.0,
        "trees": [tree(sample) for sample in _evenly_spread(run.samples, TREES)],
        "config_text": run.config_text,
        "commands": commands(run),
    }


def entropy_sentences(run: Run, results: list[LawResult]) -> list[dict[str, Any]]:
    """What the law's study of each player found, then what the instruments say: a heading and its sentences each."""
    told = [
        # Indented lines go on with the one before.
        {
            "heading": PLAYERS[result.points.role].capitalize(),
            "sentences": law_in_words(result).replace("\n ", "").split("\n"),
        }
        for result in results
    ]
    words = entropy_words(run.metrics, results)
    return [*told, {"heading": "What they write", "sentences": words}] if words else told


def cards(run: Run) -> list[dict[str, str]]:
    """The few numbers to see first."""
    found = []

    def card(term: str, value: str, note: str = "") -> None:
        found.append({"term": term, "value": value, "note": note})

    triple = (run.sweep or {}).get("triple", {})
    base, trained = triple.get("warmstart", {}), triple.get("cotrained", {})
    if trained.get("with_mean") is not None:
        before = f"base: {share(base.get('with_mean'), base.get('with_mean_ci95'))}" if base else ""
        card(
            "Solutions right with an abstraction, %", share(trained["with_mean"], trained.get("with_mean_ci95")), before
        )
    widest = widest_cell(run, "cotrained")
    if widest:
        same = widest_cell(run, "warmstart", widest)
        before = f"base: {share(same['pass_at_k'], same.get('pass_ci95'))}; " if same else ""
        where = f"{widest['n']} abstractions × {widest['m']}, {widest['tokens_per_problem']:,.0f} tokens per problem"
        card("Problems covered, %", share(widest["pass_at_k"], widest.get("pass_ci95")), before + where)
    if run.metrics:
        card("Training steps", f"{run.metrics[-1]['step']:,}", duration(run))
        tokens = [value for value in column(run.metrics, "tokens_generated_total") if value is not None]
        if tokens:
            card("Generated training tokens", f"{tokens[-1]:,.0f}")
    return found


def duration(run: Run) -> str:
    """Wall-clock time of warm start and co-training, as far as it was recorded."""
    warmed = max((value for value in column(run.warmstart, "seconds") if value is not None), default=0)
    trained = sum(value or 0 for value in column(run.metrics, "seconds", "total"))
    parts = [("warm start", warmed), ("co-training", trained)]
    return ", ".join(f"{name} {value / 60:.1f} minutes" for name, value in parts if value)


def widest_cell(run: Run, checkpoint: str, like: dict[str, Any] | None = None) -> dict[str, Any] | None:
    """The cell with abstractions that spends most tokens; with `like`, the one of the same n and m."""
    cells = [
        cell
        for cell in (run.sweep or {}).get("cells", [])
        if cell["checkpoint"] == checkpoint
        and cell["n"] > 0
        and (like is None or (cell["n"], cell["m"]) == (like["n"], like["m"]))
    ]
    return max(cells, key=lambda cell: cell["tokens_per_problem"], default=None)


def finding(row: dict[str, Any]) -> dict[str, str]:
    """One paired comparison in words that do not flatter."""
    low, high = row["ci95"]
    words = "more, and the interval excludes zero"
    if low <= 0 <= high:
        words = "not decided: the interval includes zero"
    elif high < 0:
        words = "less, and the interval excludes zero"
    return {
        "name": row["name"],
        "difference": percentage_points(row["difference"], row["ci95"]),
        "words": words,
        "sides": f"{side_words(row['a'])} minus {side_words(row['b'])}",
    }


def alarm_sentences(run: Run) -> list[str]:
    """What the run's alarms said of its steps, one sentence per alarm."""
    steps: dict[str, list[int]] = {}
    for row in run.metrics:
        for name in row.get("alarms", []):
            steps.setdefault(name, []).append(row["step"])
    where = "it held in {count} of {steps} steps, first in step {first}, last in step {last} (docs/troubleshooting.md)."
    return [
        f"Alarm {name}: " + where.format(count=len(own), steps=len(run.metrics), first=own[0], last=own[-1])
        for name, own in steps.items()
    ]


def _missing_files(run: Run) -> list[str]:
    """What a reader would look for and not find."""
    sentences = []
    if not run.metrics:
        sentences.append(f"No co-training was recorded; ./launch.sh train {run.path / 'config.yaml'} runs it.")
    if not (run.sweep and run.sweep.get("cells")):
        sentences.append(f"No budget sweep was run; ./launch.sh sweep {run.path} runs it.")
    return sentences + [f"The sweep warns. {warning}" for warning in (run.sweep or {}).get("warnings", [])]


def cell_rows(sweep: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of the big table, every temperature; `turn` marks where another model or way begins."""
    rows: list[dict[str, Any]] = []
    previous = None
    for cell in sweep_rows(sweep, best_temperature=False):
        group = (*way(cell), cell.get("temperature"))
        temperature = cell.get("temperature")
        rows.append({
            "who": way(cell)[0],
            "spent": budget_words(cell),
            "temperature": "" if temperature is None else f"{temperature:g}",
            "tokens": f"{cell['tokens_per_problem']:,.0f}",
            "accuracy": share(cell.get("accuracy"), cell.get("ci95")),
            "coverage": share(cell.get("pass_at_k"), cell.get("pass_ci95")),
            "turn": previous not in (None, group),
        })  # fmt: skip
        previous = group
    return rows


def triple_rows(sweep: dict[str, Any]) -> dict[str, Any] | None:
    """Accuracy without, with, with the best abstraction: one row each, one column per checkpoint."""
    entries = sweep.get("triple")
    if not entries:
        return None
    rows = [
        [words, *(share(entry.get(name), entry.get(f"{name}_ci95")) for entry in entries.values())]
        for name, words in TRIPLE.items()
    ]
    return {"headings": [CHECKPOINTS.get(name, name) for name in entries], "rows": rows}


def _evenly_spread(items: list[Any], count: int) -> list[Any]:
    """At most `count` items, evenly spread, first and last among them.

    >>> _evenly_spread([1, 2, 3, 4, 5, 6, 7], 3)
    [1, 4, 7]
    """
    if len(items) <= count:
        return items
    return [items[round(i * (len(items) - 1) / (count - 1))] for i in range(count)]


def tree(sample: dict[str, Any]) -> dict[str, Any]:
    """A sample with the count of its right solutions."""
    solutions = [s for item in sample.get("abstractions") or [] for s in item.get("solutions") or []]
    solutions += sample.get("bare") or []
    return sample | {"solved": sum(bool(s.get("correct")) for s in solutions), "total": len(solutions)}


def commands(run: Run) -> list[str]:
    """The commands that make this run again, and those the run itself recorded."""
    config = run.path / "config.yaml"
    lines = [f"./launch.sh {verb} {config}" for verb in ("warmstart", "train")]
    lines += [f"./launch.sh {verb} {run.path}" for verb in ("sweep", "report")]
    recorded = (run.sweep or {}).get("meta", {}).get("command")
    return lines + ([f"# the sweep was made by: {recorded}"] if recorded else [])
