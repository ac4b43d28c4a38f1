"""A tiny base that has had its warm start, for tests that need players who write something: tests/data/warm_base.

`python tests/helpers/warm_base.py` (with the project and tests/helpers on PYTHONPATH) makes it anew, in two minutes.
A test fails where it no longer fits the tokenizer, the architecture or the demonstrations of today.
"""

import shutil
import tempfile
from pathlib import Path

from two_ranks import ROOT, SMALL

from rlad.config import load_config
from trainers import warmstart

FOLDER = ROOT / "tests" / "data" / "warm_base"
EASY = [  # a small world that a tiny model learns in seconds: methods then work on real abstractions and solutions
    *("problems.induction.families=[minmax]", "problems.induction.max_input=3", "solution.reward=rlcr"),
    *("warmstart.mixture.critique=0.2", "warmstart.mixture.refine=0.2", "warmstart.mixture.propose_set=0.2"),
    *("base.max_positions=160", "solution.max_new_tokens=40"),
]
TRIO = ["roles=[abstraction, solution, selector]", "warmstart.mixture.select=0.2"]
LONG = [
    *("warmstart.steps=300", "warmstart.warmup=20", "warmstart.batch=48", "warmstart.lr=0.01", "launch.ranks=1"),
    "warmstart.log_every=50",
]


def made_with():
    """The configuration of the base's own warm start."""
    return load_config(None, [*SMALL, *EASY, *TRIO, *LONG])


def give(folder: Path) -> None:
    """Makes the base that of a run's folder."""
    (folder / "base").symlink_to(FOLDER)


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        config = Path(scratch) / "warm.yaml"
        config.write_text("{}\n")
        run = warmstart(str(config), f"runs_dir={scratch}", *SMALL, *EASY, *TRIO, *LONG)
        shutil.rmtree(FOLDER, ignore_errors=True)
        shutil.copytree(Path(run) / "base", FOLDER)


if __name__ == "__main__":
    main()
