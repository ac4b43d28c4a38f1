"""`python -m evals.pooled RUN [RUN ...]`: what the sweeps of several seeds say together.

Every seed is a run of its own, with its own problems, base and sampling. A difference is paired inside a run, where
both sides solve the same problems; over runs there are two intervals. Student's t over the seeds holds all luck, also
that of training, and is wide with three seeds. The one over problems takes these runs as given, and their problems as
the sample.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import sqrt
from pathlib import Path
from typing import Any

from evals.runs import read_json, require_different
from evals.statistics.estimators import mean_over_seeds
from evals.statistics.rounding import rounded
from evals.tables.choosing import headline
from evals.tables.looks import percentage_points
from rlad.cli import Parser, PlainError, main_guard

SELECTED = "Selected answer: breadth minus plain sampling, each with its chosen rule and temperature"
ON_TEST = "Selected answer, had the test problems chosen"


CHOSEN = {
    "abstractions": "Selected answer: the {role}'s choice minus breadth's chosen vote at equal tokens",
    "plain": "Selected answer: the {role}'s choice minus plain sampling's chosen vote at equal tokens",
}

LISTS = "Lists of abstractions, {label}, {n} x {m}: {what}, minus {whom} at equal tokens"


def pooled(differences: Sequence[float], intervals: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Mean of paired differences over runs, with both 95 % intervals; each run's own interval gives its error.

    Three seeds with .02, .03 and .04, each +- .02: t is 4.30 x .01 / sqrt 3 = .025, over problems .02 / sqrt 3 = .0115.

    >>> pooled([0.02, 0.03, 0.04], [[0.0, 0.04], [0.01, 0.05], [0.02, 0.06]])
    {'mean': 0.03, 'over_seeds': [0.0052, 0.0548], 'over_problems': [0.0185, 0.0415]}
    """
    seeds = mean_over_seeds(list(differences))
    errors = [(high - low) / 2 for low, high in intervals]
    half = sqrt(sum(error**2 for error in errors)) / len(errors)
    return {
        "mean": rounded(seeds.estimate),
        "over_seeds": rounded(list(seeds.ci95)) if len(differences) > 1 else None,
        "over_problems": rounded([seeds.estimate - half, seeds.estimate + half]),
    }


def differences_of(sweep: dict[str, Any]) -> dict[str, tuple[float, list[float]]]:
    """What a sweep.json compares, in words -> (difference, interval)."""
    found = {}
    if chosen := sweep.get("selection"):
        found[SELECTED] = chosen["difference"], chosen["ci95"]
        if other := chosen.get("on_test"):
            found[ON_TEST] = other["difference"], other["ci95"]
    if row := headline(sweep):
        votes = [vote for vote in row["votes"] if vote["chosen"]]
        found |= {CHOSEN[one["mode"]].format(role=row["select"]): (one["difference"], one["ci95"]) for one in votes}
    for row in sweep.get("comparisons", []):
        found[row["name"]] = row["difference"], row["ci95"]
    for row in sweep.get("joint", []):
        beside = [("covered", "distinct draws", row["coverage"])]
        whom = {"abstractions": "distinct draws", "plain": "plain sampling"}
        beside += [("selected answer", whom[vote["mode"]], vote) for vote in row["selected"]["votes"]]
        for what, rival, one in beside:
            name = LISTS.format(label=row["label"], n=row["n"], m=row["m"], what=what, whom=rival)
            found[name] = one["difference"], one["ci95"]
    return found


def pool(sweeps: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per comparison that all the sweeps have."""
    each = [differences_of(sweep) for sweep in sweeps]
    names = [name for name in each[0] if all(name in one for one in each)]
    return [
        {"name": name, "runs": [one[name][0] for one in each]} | pooled(*zip(*(one[name] for one in each), strict=True))
        for name in names
    ]


def main(words: list[str] | None = None) -> None:
    parser = Parser(prog="python -m evals.pooled", description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", help="run folders with a sweep, or sweep.json files")
    paths = [Path(word) for word in parser.parse_args(words).runs]
    require_different(paths)
    sweeps = []
    for path in paths:
        found = read_json(path / "sweep.json" if path.is_dir() else path)
        if not found:
            raise PlainError(f"There is no sweep in '{path}'; run ./launch.sh sweep first.")
        sweeps.append(found)
    rows = pool(sweeps)
    for row in rows:
        seeds = ", ".join(f"{100 * value:+.1f}" for value in row["runs"])
        over = f"; over seeds {percentage_points(row['mean'], row['over_seeds'])}" if row["over_seeds"] else ""
        print(f"{row['name']}\n  {seeds}{over}; over problems {percentage_points(row['mean'], row['over_problems'])}")
    print(json.dumps(rows))


if __name__ == "__main__":
    main_guard(main)
