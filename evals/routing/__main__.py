"""`python -m evals.routing RUN`: base and trained player decode together, asked where a gate says so (2510.07364)."""

from __future__ import annotations

import json
import time
from dataclasses import replace

from rlad.cli import Parser, locked, main_guard, open_run


def main(words: list[str] | None = None) -> None:
    parser = Parser(prog="routing", description=__doc__.splitlines()[0])
    parser.add_argument("run", help="a run folder, or the configuration it was made with")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    given = parser.parse_intermixed_args(words)
    run, folder = open_run(given.run, given.overrides)
    begin = time.process_time()
    # torch is loaded where a model is
    from evals.routing.measure import Study
    from evals.routing.players import Players
    from evals.routing.table import print_routing

    run = replace(run, engine=replace(run.engine, kind="transformers"))
    with locked(folder):
        players = Players(run, folder)
        try:
            found = Study(players).measure()
        finally:
            players.reasoner.judge_of.close()
        meta = {"run": run.name, "seed": run.seed, "cpu_seconds": round(time.process_time() - begin, 1)}
        (folder / "routing.json").write_text(json.dumps(found | {"meta": meta}, indent=1) + "\n")
    print_routing(found)


if __name__ == "__main__":
    main_guard(main)
