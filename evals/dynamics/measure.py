"""One training's course in numbers, and those of an arm over its seeds."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from evals.dynamics.course import CURVES, Course, course_of
from evals.dynamics.fall import BLOCKS, LEAST, fall
from evals.dynamics.lasting import lasting
from evals.dynamics.turns import phases, turns
from evals.statistics.estimators import mean_over_seeds
from evals.statistics.rounding import rounded, rounded_all
from rlad.cli import PlainError

ENTROPIES = ("abstraction_entropy", "solution_entropy", "planning_entropy", "execution_entropy")
MEANS = ("clip_fraction", "abstraction_gradient", "solution_gradient", "reward", "planning_share")
"""Curves of which the mean and the largest stretch over the run are told."""

Record = dict[str, Any]


def measured(metrics: list[dict[str, Any]], arm: str, seed: int | None) -> Record:
    """Everything that is told of one run. Raises PlainError for one that is too short or recorded too little."""
    name = arm if seed is None else f"seed {seed} {arm}"
    course = course_of(metrics, name)
    known = [(step, value) for step, value in zip(course.steps, course.accuracy, strict=True) if value is not None]
    if len(known) < LEAST:
        raise PlainError(
            f"'{name}' records the accuracy of {len(known)} steps; its course cannot be read below {LEAST}."
        )
    found = {"arm": arm, "seed": seed, "steps": len(course.steps), "tokens": course.tokens, "solved": course.solved}
    found["accuracy"] = asdict(fall(*zip(*known, strict=True)))
    found["entropy"] = {name: _ends(course, name) for name in ENTROPIES if name in course.curves}
    found["turns"] = turns(course, ENTROPIES)
    found["phases"] = phases(course)
    found["law"] = {role: law for role in ("abstraction", "solution") if (law := _law(course, f"{role}_entropy"))}
    found["over_the_run"] = {name: _spread(course, name) for name in MEANS if name in course.curves}
    return rounded_all(found | {"curves": _curves(course)})


def _ends(course: Course, name: str) -> list[float]:
    """The first and the last stretch of a curve."""
    values = course.points(name, most=BLOCKS)[1]
    return [values[0], values[-1]]


def _spread(course: Course, name: str) -> dict[str, float]:
    values = course.points(name, most=BLOCKS)[1]
    return {"mean": sum(values) / len(values), "largest": max(values)}


def _law(course: Course, entropy: str) -> dict[str, Any] | None:
    """The law of accuracy on a player's entropy; None where the player is not there or its entropy stands still."""
    if entropy not in course.curves:
        return None
    _, reward, known = course.points("accuracy", entropy)
    try:
        return asdict(lasting(known, reward))
    except ValueError:
        return None


def _curves(course: Course) -> dict[str, list[list[float]]]:
    """Curve -> its points: steps and values, for charts."""
    names = ["accuracy", *(name for name in CURVES if name in course.curves)]
    return {name: course.points(name) for name in names}


def over_seeds(records: list[Record]) -> dict[str, dict[str, Any]]:
    """Arm -> measure -> its mean over seeds and Student's interval, None for one seed, in the order of the records.

    >>> made = lambda last, drop: {"arm": "a", "accuracy": {"last": last, "drop": drop}, "entropy": {}}
    >>> over_seeds([made(0.2, 0.0), made(0.4, 0.0)])["a"]["last"]["mean"], over_seeds([made(0.2, 0.1)])
    (0.3, {'a': {'last': {'mean': 0.2, 'ci95': None}, 'drop': {'mean': 0.1, 'ci95': None}}})
    """
    found = {}
    for arm in dict.fromkeys(record["arm"] for record in records):
        own = [record for record in records if record["arm"] == arm]
        values = {name: [record["accuracy"][name] for record in own] for name in ("last", "drop")}
        values |= {name: [record["entropy"][name][1] for record in own] for name in own[0]["entropy"]}
        found[arm] = {name: _over(several) for name, several in values.items()}
    return found


def _over(values: list[float]) -> dict[str, Any]:
    interval = mean_over_seeds(values)
    sure = interval.low == interval.low  # one seed has no interval
    return {"mean": rounded(interval.estimate), "ci95": rounded(interval.ci95) if sure else None}
