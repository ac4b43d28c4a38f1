"""`python -m evals.collapse RUN [key=value ...]`: did training buy pass@1 with what test-time compute lives on?

Reads the sweeps of a run's checkpoints, RUN's own (its base and its last step) and those of RUN/exports/step_N, and
shows for each: entropy in training, different abstractions, pass@1, the variance of success between samples of a
problem, coverage and the selected answer at the same tokens. Writes RUN/collapse.json and RUN/plots/collapse.png.
"""

from __future__ import annotations

import json
from typing import Any

from evals.collapse.changes import changes, verdict
from evals.collapse.points import Common, point_of, swept_checkpoints
from evals.collapse.show import plot_collapse, print_collapse
from evals.runs import read_jsonl
from evals.statistics.rounding import rounded_all
from rlad.cli import Parser, main_guard, open_run


def collapse_of(given: str, *overrides: str) -> dict[str, Any]:
    """What collapse.json holds. `overrides`: the key=value words that the checkpoints were swept with.

    Raises PlainError where there are not two swept checkpoints, or where they cannot be compared.
    """
    run, folder = open_run(given, overrides)
    series = swept_checkpoints(folder, run)
    common, metrics = Common.of(series), read_jsonl(folder / "metrics.jsonl")
    points = [point_of(swept, common, metrics) for swept in series]
    moved = changes(points[0].columns, points[-1].columns, run.sweep.bootstrap)
    head = {"run": run.name, "command": " ".join(["python -m evals.collapse", given, *overrides])}
    head |= {"problems": len(series[0].sampled.problems["test"]), "tokens": common.tokens, "samples": common.samples}
    head |= {"temperature": common.temperature, "points": [point.row for point in points]}
    return rounded_all(head | {"changes": moved, "verdict": verdict(moved)})


def main(words: list[str] | None = None) -> None:
    parser = Parser(prog="python -m evals.collapse", description=__doc__.splitlines()[0])
    parser.add_argument("run", help="a run folder with sweeps of its checkpoints")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="what they were swept with")
    given = parser.parse_intermixed_args(words)
    found = collapse_of(given.run, *given.overrides)
    print_collapse(found)
    _, folder = open_run(given.run, given.overrides)  # a configuration's name means its run's folder
    (folder / "collapse.json").write_text(json.dumps(found, indent=1, allow_nan=False) + "\n")
    print(f"Written: {folder / 'collapse.json'}, {plot_collapse(found, folder / 'plots' / 'collapse.png')}")


if __name__ == "__main__":
    main_guard(main)
