"""`python -m evals.features RUN`: what abstractions change in the solver's stream, and steering by it (2601.08058)."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

from rlad.cli import Parser, locked, main_guard, open_run
from rlad.problems import require_one_piece


def main(words: list[str] | None = None) -> None:
    parser = Parser(prog="features", description=__doc__.splitlines()[0])
    parser.add_argument("run", help="a run folder, or the configuration it was made with")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    parser.add_argument("--sae", metavar="FILE", help="an autoencoder of an earlier call, instead of training one")
    given = parser.parse_intermixed_args(words)
    run, folder = open_run(given.run, given.overrides)
    require_one_piece(run.problems, "steering by features")
    begin = time.process_time()
    # torch is loaded where a model is
    from evals.features.measure import Study
    from evals.features.table import print_features
    from rlad.reasoning.pair import newest_pair, open_pair

    run = replace(run, engine=replace(run.engine, kind="transformers"))
    pair = newest_pair(run, folder)
    task = "one_pass" if run.cotrain.one_pass else "plain"
    with locked(folder):
        reasoner = open_pair(run, pair["abstraction"], pair["solution"])
        try:
            found = Study(run, reasoner, task, given.sae and Path(given.sae)).measure(folder / "features")
        finally:
            reasoner.judge_of.close()
        found["meta"] = {"run": run.name, "seed": run.seed, "cpu_seconds": round(time.process_time() - begin, 1)}
        (folder / "features.json").write_text(json.dumps(found, indent=1) + "\n")
    print_features(found)


if __name__ == "__main__":
    main_guard(main)
