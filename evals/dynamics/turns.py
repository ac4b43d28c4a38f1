"""Where an entropy turns, and whether learning has two phases (2509.03646): execution settles, then planning rises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from evals.dynamics.course import Course
from rlad.entropy.phases import LEAST, bends, best_splits, two_phases

READINGS = {
    "tokens": ("execution_perplexity", "planning_entropy"),
    "grams": ("execution_perplexity", "semantic_entropy"),
    "players": ("solution_entropy", "abstraction_entropy"),
}
"""What is taken for execution and for planning: tokens of solutions outside and inside strategic grams; the former and
the entropy of the grams' shares; or the two players themselves."""


def turn(steps: Sequence[float], values: Sequence[float]) -> float | None:
    """The first step behind the turn of a series: where two straight lines, fitted apart, part best.

    None where one line describes it as well (see `rlad.entropy.phases.bends`), and for fewer points than two lines
    need.

    >>> turn(range(10), [5, 4, 3, 2, 1, 1, 1, 1, 1, 1]), turn(range(10), range(10)), turn([1, 2], [3, 4])
    (4.0, None, None)
    """
    x, y = np.asarray(steps, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if len(x) < 2 * LEAST:
        return None
    knee = best_splits(x, y)[0]
    return float(x[knee.at]) if bends(x, y, knee) else None


def turns(course: Course, names: Sequence[str]) -> dict[str, float | None]:
    """The turn of each of these curves that the run has."""
    return {name: turn(*course.points(name)) for name in names if name in course.curves}


def phases(course: Course) -> dict[str, dict[str, Any]]:
    """What the two-phase detector finds by every reading that the run has the curves for."""
    return {
        name: asdict(two_phases(*course.points(*pair)))
        for name, pair in READINGS.items()
        if course.curves.keys() >= set(pair)
    }
