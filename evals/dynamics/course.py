"""What a long training recorded of itself: its curves, as means of equal stretches of steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from evals.runs import column
from rlad.cli import PlainError

POINTS = 60
"""Stretches of a run, each a point of curves and fits: a step alone is mostly the luck of its few problems."""
SOLVED = {"accuracy": "with an abstraction", "bare_accuracy": "plainly"}
"""What is counted as right in a rollout, the first of these that the run recorded; in words, how it was solved."""
CURVES: dict[str, tuple[str, ...]] = {
    "coverage": ("rollout", "coverage"),
    "reward": ("solution", "reward"),
    "abstraction_entropy": ("abstraction", "entropy"),
    "solution_entropy": ("solution", "entropy"),
    "planning_entropy": ("solution", "instruments", "planning", "entropy"),
    "execution_entropy": ("solution", "instruments", "planning", "execution_entropy"),
    "execution_perplexity": ("solution", "instruments", "planning", "execution_perplexity"),
    "semantic_entropy": ("solution", "instruments", "planning", "semantic_entropy"),
    "planning_share": ("solution", "instruments", "planning", "share"),
    "clip_fraction": ("solution", "clip_fraction"),
    "abstraction_gradient": ("abstraction", "grad_norm"),
    "solution_gradient": ("solution", "grad_norm"),
    "length": ("solution", "length"),
    "distinct": ("rollout", "distinct"),
}
"""Name of a curve, and where metrics.jsonl has it; entropies in nats per token, gradients before clipping."""

Curve = list[float | None]


@dataclass(frozen=True)
class Course:
    """One training."""

    steps: list[float]
    accuracy: Curve
    """Share of a step's solutions that the verifier calls right, whatever was paid."""
    solved: str
    """How they were solved."""
    curves: dict[str, Curve]
    """The others that were recorded, step by step."""
    tokens: float | None
    """Generated in training."""

    def points(self, *names: str, most: int = POINTS) -> list[list[float]]:
        """The steps and these curves as means of at most `most` equal stretches, of those that have them all.

        "accuracy" names the accuracy.

        >>> course = Course([1.0, 2, 3, 4], [0.2, 0.4, 0.6, None], "plainly", {"length": [8.0, 6.0, None, 2.0]}, None)
        >>> [[round(value, 4) for value in one] for one in course.points("accuracy", "length", most=2)]
        [[1.5, 3.5], [0.3, 0.6], [7.0, 2.0]]
        """
        known = [self.accuracy if name == "accuracy" else self.curves[name] for name in names]
        table = np.array([self.steps, *known], dtype=np.float64)  # None becomes nan
        parts = np.array_split(table, min(most, table.shape[1]), axis=1)
        kept = [part for part in parts if not np.isnan(part).all(axis=1).any()]
        return [[float(np.nanmean(part[row])) for part in kept] for row in range(len(table))]


def course_of(metrics: list[dict[str, Any]], name: str) -> Course:
    """The course of a run from the lines of its metrics.jsonl. Raises PlainError where no step says what was right.

    >>> rows = [{"step": s, "rollout": {"bare_accuracy": s / 10}, "solution": {"entropy": 1.0}} for s in (1, 2)]
    >>> course = course_of(rows, "run")
    >>> course.accuracy, course.solved, sorted(course.curves)
    ([0.1, 0.2], 'plainly', ['solution_entropy'])
    """
    found = {key: column(metrics, "rollout", key) for key in SOLVED}
    key = next((key for key, values in found.items() if any(value is not None for value in values)), None)
    if key is None:
        raise PlainError(f"'{name}' records no accuracy of its rollouts, so there is no course to follow.")
    curves = {name: column(metrics, *path) for name, path in CURVES.items()}
    known = {name: values for name, values in curves.items() if any(value is not None for value in values)}
    tokens = column(metrics[-1:], "tokens_generated_total")[0]
    return Course(column(metrics, "step"), found[key], SOLVED[key], known, tokens)
