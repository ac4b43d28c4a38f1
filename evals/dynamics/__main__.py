"""`python -m evals.dynamics RUN [RUN ...]`: the course of long trainings, side by side.

How far accuracy has fallen from its best to the end (the cliff of 2605.24202), where entropies of players, planning and
execution tokens turn (2509.03646), whether the entropy law of the beginning holds for the rest (2505.22617), and how
many tokens met the clip. RUN is a run's folder, a comparison's, or a dynamics.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rich.console import Console

from evals.dynamics.products import runs_in, write
from evals.dynamics.show import tables
from rlad.cli import Parser, main_guard


def main(words: list[str] | None = None) -> None:
    parser = Parser(prog="python -m evals.dynamics", description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", metavar="run", help="run folders, comparisons' folders, dynamics.json files")
    parser.add_argument("--json", action="store_true", help="everything, as JSON, instead of tables")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write dynamics.json, .md and .png there")
    given = parser.parse_args(words)
    records = [record for run in given.runs for record in runs_in(run)]
    if given.json:
        print(json.dumps(records, indent=1, allow_nan=False))
    elif given.out:
        typed = words if words is not None else sys.argv[1:]
        made = write(records, given.out.name, {}, f"python -m evals.dynamics {' '.join(typed)}", given.out)
        print(f"Written: {', '.join(map(str, made))}")
    else:
        for table in tables(records):
            Console().print(table)


if __name__ == "__main__":
    main_guard(main)
