"""Run on two ranks: warm start and two co-training steps on real rows with a Hugging Face folder as base."""

import sys
from pathlib import Path

from two_ranks import leave

from rlad.config import load_config
from trainers.cotrain import cotrain
from trainers.warmstart import run_warmstart

if __name__ == "__main__":
    for folder in map(Path, sys.argv[-2:]):
        run = load_config(folder / "config.yaml")
        if run.warmstart.mixture.plain:
            run_warmstart(run, folder)
        cotrain(run, folder)
    leave()
