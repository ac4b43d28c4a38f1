"""Asks `--dry-run` and trains, for each of several runs: `dry_run_program CONFIG RANKS ...`.

Prints a line of JSON for each: what the dry run says, and the largest resident bytes of each rank of a training.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from evals.benchmarks.harness.forked import ended, forked, run_ranks


def main() -> None:
    trainer, launcher = (importlib.import_module(f"trainers.{name}") for name in ("cotrain", "launching.command"))
    for config, ranks in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        folder = Path(config).parent
        said = folder / "dry_run.log"
        ended([forked(lambda config=config: launcher.main(["train", config, "--dry-run"]), said)], [said])
        sizes = run_ranks(trainer.main, ["trainers.cotrain", "--run", str(folder)], folder, int(ranks))
        print(json.dumps({"says": said.read_text(), "sizes": sizes}), flush=True)


if __name__ == "__main__":
    main()
