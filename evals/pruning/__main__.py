"""`python -m evals.pruning RUN`: which tokens of right solutions and of abstractions the trained solver needs.

Reads the trees of the run's sweep. Right plain solutions are shortened greedily under two objectives, beside an order
that is frozen after its first scores, a random one and truncation; categories are counted in what is left. Then every
token of abstractions that led to a right solution is deleted, and doubled, under the trained solver and its base.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from evals.pruning.measuring import measured
from evals.pruning.showing import print_pruning
from rlad.cli import Parser, PlainError, main_guard


def main(words: list[str] | None = None) -> None:
    parser = Parser(prog="python -m evals.pruning", description=__doc__.splitlines()[0])
    parser.add_argument("run", help="a run folder with a sweep")
    parser.add_argument("--problems", type=int, default=200, metavar="N", help="chains to prune (default 200)")
    parser.add_argument("--abstractions", type=int, default=200, metavar="N", help="to take apart (default 200)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="everything, as JSON")
    given = parser.parse_args(words)
    for name in ("problems", "abstractions"):
        if getattr(given, name) < 2:
            raise PlainError(
                f"--{name}={getattr(given, name)} is too small for an interval over them; give at least 2."
            )
    begin, cpu = time.perf_counter(), time.process_time()
    found: dict[str, Any] = measured(given.run, given.problems, given.abstractions)
    found |= {"seconds": round(time.perf_counter() - begin), "cpu_seconds": round(time.process_time() - cpu)}
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(found, indent=1) + "\n")
    print_pruning(found)


if __name__ == "__main__":
    main_guard(main)
