"""`python -m evals.concepts RUN`: abstractions as vectors, sets of them that repel each other (2412.08821)."""

from __future__ import annotations

import json
import time
from dataclasses import replace

from rlad.cli import Parser, PlainError, locked, main_guard, open_run
from rlad.problems import require_one_piece


def main(words: list[str] | None = None) -> None:
    parser = Parser(prog="concepts", description=__doc__.splitlines()[0])
    parser.add_argument("run", help="a run folder, or the configuration it was made with")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    given = parser.parse_intermixed_args(words)
    run, folder = open_run(given.run, given.overrides)
    require_one_piece(run.problems, "a codec of their sentences")
    begin = time.process_time()
    # torch is loaded where a model is
    from evals.concepts.measure import Study, require_sizes
    from evals.concepts.table import print_concepts, print_exactness
    from evals.sweeping.pairs import pairs_of
    from rlad.reasoning.pair import open_pair

    require_sizes(run)
    pair = pairs_of(run, folder)[-1]
    if pair.checkpoint != "cotrained" or not pair.abstraction:
        raise PlainError(f"'{folder}' holds no trained pair whose abstractions could be compared; train one first.")
    run = replace(run, engine=replace(run.engine, kind="transformers"))
    with locked(folder):
        reasoner = open_pair(run, pair.abstraction, pair.solution)
        try:
            found = Study(run, reasoner, print_exactness).measure()
        finally:
            reasoner.judge_of.close()
        meta = {"run": run.name, "seed": run.seed, "cpu_seconds": round(time.process_time() - begin, 1)}
        (folder / "concepts.json").write_text(json.dumps(found | {"meta": meta}, indent=1) + "\n")
    print_concepts(found)


if __name__ == "__main__":
    main_guard(main)
