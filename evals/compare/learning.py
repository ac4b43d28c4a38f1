"""What one run of a comparison learnt and when: its curves, thinned, and its numbers at the end."""

from __future__ import annotations

from typing import Any

import numpy as np

from evals.cells import rounded
from evals.runs import column
from evals.series import Point

MOST = 60
"""Points of a thinned curve."""
CURVES: dict[str, tuple[str, ...]] = {
    "abstraction_reward": ("abstraction", "reward"),
    "solution_reward": ("solution", "reward"),
    "abstraction_entropy": ("abstraction", "entropy"),
    "solution_entropy": ("solution", "entropy"),
    "rollout_accuracy": ("rollout", "accuracy"),
    "validation_accuracy": ("validation", "accuracy"),
    "validation_coverage": ("validation", "coverage"),
    "distinct": ("rollout", "distinct"),
    "unique_answers": ("rollout", "unique_answers_of_8"),
}
"""Name in compare.json, and where metrics.jsonl has it. `distinct` is the share of proposals unlike the others."""
PATHS = {"step": ("step",), "tokens": ("tokens_generated_total",)} | CURVES


def learning(metrics: list[dict[str, Any]], most: int = MOST) -> dict[str, list[float | None]]:
    """A run's curves over generated training tokens: means of at most `most` equal groups of steps.

    A curve that was never measured is left out; a group without a measurement is None.

    >>> rows = [{"step": s, "tokens_generated_total": 10 * s, "solution": {"reward": s / 10}} for s in (1, 2, 3, 4)]
    >>> learning(rows, 2)
    {'step': [1.5, 3.5], 'tokens': [15.0, 35.0], 'solution_reward': [0.15, 0.35]}
    """
    if not metrics:
        return {}
    groups = np.array_split(np.arange(len(metrics)), min(most, len(metrics)))
    columns = {name: column(metrics, *path) for name, path in PATHS.items()}
    return {
        name: [_mean([values[i] for i in group]) for group in groups]
        for name, values in columns.items()
        if any(value is not None for value in values)
    }


def as_metrics(curves: dict[str, list[float | None]]) -> list[dict[str, Any]]:
    """The curves as lines of metrics.jsonl again, one per point; the run's own where it had no more than MOST steps.

    >>> rows = [{"step": 1.0, "tokens_generated_total": 10.0, "solution": {"reward": 0.1}}]
    >>> as_metrics(learning(rows)) == rows
    True
    """
    rows: list[dict[str, Any]] = []
    for i in range(len(curves.get("step", []))):
        rows.append({})
        for name, values in curves.items():
            *groups, last = PATHS[name]
            place = rows[-1]
            for group in groups:
                place = place.setdefault(group, {})
            place[last] = values[i]
    return rows


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return rounded(sum(known) / len(known), 5) if known else None


def band(curves: list[dict[str, list[float | None]]], name: str) -> list[Point]:
    """One curve of several seeds over generated tokens: their mean, and from the worst to the best of them.

    Seeds took steps of different sizes, so each is read off between its own points, where all of them have some.
    Empty when a seed never measured it; one seed has no band.

    >>> seeds = [{"tokens": [0.0, 10.0], "distinct": [0.4, 0.6]}, {"tokens": [0.0, 20.0], "distinct": [0.4, 0.4]}]
    >>> [(point.x, point.y, point.low, point.high) for point in band(seeds, "distinct")]
    [(0.0, 0.4, 0.4, 0.4), (10.0, 0.5, 0.4, 0.6)]
    """
    known = [
        [(x, y) for x, y in zip(curve.get("tokens", []), curve.get(name, []), strict=False) if None not in (x, y)]
        for curve in curves
    ]
    if not known or not all(known):
        return []
    begin, end = max(pairs[0][0] for pairs in known), min(pairs[-1][0] for pairs in known)
    if end < begin:
        return []
    grid = np.unique(np.linspace(begin, end, min(len(pairs) for pairs in known)))
    lines = np.array([np.interp(grid, *zip(*pairs, strict=True)) for pairs in known])  # (seeds, points)
    several = len(known) > 1
    return [
        Point(
            round(float(x), 1), rounded(ys.mean()), rounded(ys.min()) if several else None,
            rounded(ys.max()) if several else None,
        )
        for x, ys in zip(grid, lines.T, strict=True)
    ]  # fmt: skip


def final(run: dict[str, Any]) -> dict[str, Any]:
    """A run's numbers at the end, from what compare.json holds of it; None where it has nothing of the kind.

    Entropies are means over the last tenth of the curve, nats per token; `right_with` is a single solution's accuracy
    under an abstraction, `right_without` the same without one at the best temperature; `distinct` counts different
    abstractions in the cell of most. Calibration is that at the temperature nearest to 1, which is trained at.
    """
    cells, curves = run["cells"], run.get("learning", {})
    widest = max(cells, key=lambda cell: cell["n"], default={})
    stated = [row for row in run.get("calibration", []) if "brier" in row]
    nearest = min(stated, key=lambda row: abs(row["temperature"] - 1), default={})
    return {
        "right_with": (run.get("triple") or {}).get("with_mean"),
        "right_without": max((curve["pass_at_k"][0] for curve in run["curves"]), default=None),
        "covered": {_shape(cell): cell["pass_at_k"] for cell in reversed(cells)},
        "selected": {_shape(cell): cell["accuracy"] for cell in reversed(cells)},
        "distinct": widest.get("distinct"),
        "abstraction_entropy": _end(curves.get("abstraction_entropy", [])),
        "solution_entropy": _end(curves.get("solution_entropy", [])),
        **{name: nearest.get(name) for name in ("brier", "ece", "auroc", "stated")},
        "tokens": run["training_tokens"],
        "seconds": run.get("seconds", {}).get("train"),
    }


def _shape(cell: dict[str, Any]) -> str:
    return f"{cell['n']}x{cell['m']}"


def _end(values: list[float | None]) -> float | None:
    """The mean over the last tenth.

    >>> _end([5.0] * 18 + [1.0, 2.0]), _end([])
    (1.5, None)
    """
    return _mean(values[-max(1, len(values) // 10) :])
