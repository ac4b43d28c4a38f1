"""Run on two ranks: warm starts and co-training of run folders, one after another: VERB FOLDER [key=value ...] ...

Modules are found in the runs' folder too, as in the folder from which a user starts them.
"""

import itertools
import sys
from pathlib import Path

from rlad.config import load_config
from trainers.cotrain import cotrain
from trainers.warmstart import run_warmstart

VERBS = {"warmstart": run_warmstart, "train": cotrain}


def runs(words: list[str]) -> list[tuple[str, Path, list[str]]]:
    """The words as (verb, folder, overrides)."""
    starts = [*(i for i, word in enumerate(words) if word in VERBS), len(words)]
    parts = [words[start:end] for start, end in itertools.pairwise(starts)]
    return [(verb, Path(folder), overrides) for verb, folder, *overrides in parts]


if __name__ == "__main__":
    for verb, folder, overrides in runs(sys.argv[1:]):
        sys.path.append(str(folder.parent))
        VERBS[verb](load_config(folder / "config.yaml", overrides), folder)
        sys.path.remove(str(folder.parent))
