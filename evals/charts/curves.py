"""What a run learnt and when, as a comparison keeps it: its curves, thinned."""

from __future__ import annotations

from typing import Any

import numpy as np

from evals.charts.series import Point
from evals.runs import column
from evals.statistics.rounding import rounded

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
    "adherence": ("rollout", "adherence"),
    "unique_answers": ("rollout", "unique_answers_of_8"),
    "teaching_tokens": ("rollout", "teaching_tokens"),
}
"""Name in compare.json, and where metrics.jsonl has it. `distinct` is the share of proposals unlike the others,
`adherence` that of solutions which use the form that their abstraction names."""
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
        name: [mean_known([values[i] for i in group]) for group in groups]
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


def mean_known(values: list[float | None]) -> float | None:
    """The mean of the numbers there are, None where there are none.

    >>> mean_known([0.5, None, 1.0]), mean_known([None])
    (0.75, None)
    """
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
