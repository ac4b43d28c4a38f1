"""`python -m evals.novelty RUN`: is it new problems or long ones that fail? Both at once, over the trees of a sweep.

Novelty is the distance of a problem's operations from those of the training problems, complexity the steps of the exact
way (2508.01191 varies both; "novelty, not complexity" is its position, not a law). Read off `sweep_trees.jsonl`: before
and after RL, with abstractions and without. The tests of most runs hold only new values; new operations are had by
training on some families and sweeping others: `./launch.sh sweep RUN 'problems.algebra.families=[...]'`, or by
`problems.word_problems.beyond`; then this command with the same words.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evals.samples.trees import NAME, Found, Grown, Sampled
from evals.statistics.logistic import fit_logistic, no_slip, slip_rate
from rlad.cli import Parser, PlainError, main_guard
from rlad.config import load_config
from rlad.problems import Problem, World, load_problems, world_of

CLASSES = ("seen", "new values", "new composition", "new operation")
CAUSES = ("novelty", "steps", "novelty x steps")
Recipe = tuple[str, ...]


@dataclass(frozen=True)
class Placed:
    """Where a problem stands on both axes."""

    novelty: str
    """One of CLASSES."""
    distance: int
    """Operations to change, add or leave out to have a training problem's."""
    steps: int


def edits(one: Recipe, other: Recipe) -> int:
    """Edit distance of two sequences of operations.

    >>> edits(("max", "mod"), ("max",)), edits(("max", "mod"), ("min", "mod")), edits((), ())
    (1, 1, 0)
    """
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        before, row = row, [i]
        for j, right in enumerate(other, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (left != right)))
    return row[-1]


def novelty(recipe: Recipe, seen: bool, training: Collection[Recipe]) -> tuple[str, int]:
    """(class, distance) of a problem by its recipe and those of the training problems; `seen`: it is one of them.

    >>> training = {("max",), ("min", "mod")}
    >>> [novelty(recipe, False, training) for recipe in (("max",), ("max", "mod"), ("diff",))]
    [('new values', 0), ('new composition', 1), ('new operation', 1)]
    """
    if seen or recipe in training:
        return ("seen" if seen else "new values"), 0
    known = {operation for one in training for operation in one}
    name = "new composition" if set(recipe) <= known else "new operation"
    return name, min((edits(recipe, one) for one in training), default=len(recipe))


def placed(problems: Sequence[Problem], training: Sequence[Problem], world: World) -> list[Placed]:
    """The problems on both axes. Raises PlainError for a world that cannot tell operations, or those of a file's
    problems."""
    recipes = {world.recipe(problem) for problem in training}
    if not all(recipes):
        raise PlainError(f"The world '{world.name}' does not say which operations a problem takes.")
    if not all(map(world.recipe, problems)):
        raise PlainError(f"The world '{world.name}' cannot say which operations problems of a file take.")
    seen = {problem.id for problem in training}
    return [Placed(*novelty(world.recipe(p), p.id in seen, recipes), world.steps(p)) for p in problems]


def _right_counts(records: Found) -> tuple[list[int], list[int]]:
    """(right, samples) of every problem, over all its abstractions where there are some."""
    parts = [[b.solutions for b in r.branches] if isinstance(r, Grown) else [r] for r in records]
    verdicts = [[flag for samples in part for flag in samples.correct] for part in parts]
    return [sum(flags) for flags in verdicts], [len(flags) for flags in verdicts]


def analysed(places: Sequence[Placed], right: Sequence[int], total: Sequence[int]) -> dict[str, Any]:
    """Cells of both axes with what the null expects there, and the logistic model, of problems with samples.

    The null's slip rate is fitted on the problems at distance 0 alone, so elsewhere it foretells. `logistic` holds
    coefficients with 95 % intervals, steps counted from their mean; what does not vary is left out, and nothing is said
    where the causes part successes from failures. Without any sample there are no cells.
    """
    kept = [i for i, n in enumerate(total) if n]
    if not kept:  # a proposer of whose abstractions none is kept
        return {"cells": [], "slip_rate": None, "logistic": {}}
    places, c, n = [places[i] for i in kept], *(np.array([values[i] for i in kept], float) for values in (right, total))
    steps, distance = (np.array([getattr(place, name) for place in places], float) for name in ("steps", "distance"))
    near = distance == 0
    epsilon = slip_rate(steps[near], c[near], n[near]) if near.any() else None
    cells = []
    for key in sorted({(CLASSES.index(place.novelty), place.steps) for place in places}):
        here = np.array([(CLASSES.index(place.novelty), place.steps) == key for place in places])
        shares = c[here] / n[here]
        error = float(shares.std(ddof=1) / np.sqrt(here.sum())) if here.sum() > 1 else None
        expected = None if epsilon is None else float(no_slip(epsilon, key[1]))
        head = {"novelty": CLASSES[key[0]], "steps": key[1], "problems": int(here.sum())}
        cells.append(head | {"right": float(shares.mean()), "error": error, "null": expected})
    return {"cells": cells, "slip_rate": epsilon, "logistic": _logistic(distance, steps - steps.mean(), c, n)}


def _logistic(distance: np.ndarray, steps: np.ndarray, right: np.ndarray, total: np.ndarray) -> dict[str, Any]:
    columns = dict(zip(CAUSES, (distance, steps, distance * steps), strict=True))
    varying = {name: values for name, values in columns.items() if np.ptp(values) > 0}
    if len(varying) < 3:  # one axis alone has no interaction
        varying.pop("novelty x steps", None)
    model = fit_logistic(np.stack([np.ones_like(steps), *varying.values()], axis=1), right, total)
    if model is None:
        return {}
    values = zip(varying, model.coefficients[1:], model.intervals()[1:], strict=True)
    return {name: {"value": float(value), "interval": interval.tolist()} for name, value, interval in values}


def novelty_of(run: str, *overrides: str) -> list[dict[str, Any]]:
    """Every condition of a run's newest sweep; `overrides`: the key=value changes it was sampled with.

    Raises PlainError where there is no sweep, no world, or the problems are others.
    """
    folder = Path(run)
    if not (folder / "config.yaml").is_file():
        raise PlainError(f"There is no run folder '{run}'.")
    trained, swept = load_config(folder / "config.yaml"), load_config(folder / "config.yaml", list(overrides))
    world = world_of(swept.problems)
    if world is None:
        raise PlainError("Only worlds say which operations a problem takes; this run's problems come from a file.")
    sampled = Sampled.read(folder / NAME)
    known = {problem.id: problem for problem in load_problems(swept.problems, "test")}
    asked = [problem.id for problem in sampled.problems.get("test", [])]
    if missing := [name for name in asked if name not in known]:
        raise PlainError(
            f"The sweep's problem '{missing[0]}' is not one of the run's; give the words it was swept with."
        )
    places = placed([known[name] for name in asked], load_problems(trained.problems, "train"), world)
    found = []
    for condition, records in sampled.conditions.items():
        if condition.split == "test" and condition.solves:
            head = {"checkpoint": condition.checkpoint, "mode": condition.mode, "temperature": condition.temperature}
            found.append(head | analysed(places, *_right_counts(records)))
    return found


def told(result: dict[str, Any]) -> str:
    """One condition in words."""
    lines = ["{checkpoint}, {mode}, solutions at T {temperature:g}:".format(**result)]
    if not result["cells"]:
        return f"{lines[0]}\n  no solution of any problem"
    for cell in result["cells"]:
        error = "" if cell["error"] is None else f" ± {100 * cell['error']:.1f}"
        null = "" if cell["null"] is None else f"  (slips alone: {100 * cell['null']:.1f})"
        head = f"  {cell['novelty']:<16} {cell['steps']:>2} steps {cell['problems']:>5} problems"
        lines.append(f"{head}  right {100 * cell['right']:.1f} %{error}{null}")
    for name, fit in result["logistic"].items():
        low, high = fit["interval"]
        lines.append(f"  log-odds per {name}: {fit['value']:+.2f} ({low:+.2f} to {high:+.2f})")
    return "\n".join(lines if result["logistic"] else [*lines, "  no logistic model: nothing varies, or all is parted"])


def main(words: list[str] | None = None) -> None:
    parser = Parser(prog="python -m evals.novelty", description=__doc__.splitlines()[0])
    parser.add_argument("run", help="a run folder with a sweep")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="what the sweep was sampled with")
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    arguments = parser.parse_intermixed_args(words)
    results = novelty_of(arguments.run, *arguments.overrides)
    print(json.dumps(results, indent=1) if arguments.json else "\n".join(map(told, results)))


if __name__ == "__main__":
    main_guard(main)
