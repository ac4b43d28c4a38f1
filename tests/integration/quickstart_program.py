"""Runs a file of Python whose ranks and workers are forks of this process, which has imported what they need: FILE.

DeepSpeed's launcher is left out: the one rank of a launch is a fork, and the launcher waits for it.
"""

import runpy
import sys

from forked_programs import as_rank, ended, forked, forked_programs, imported

MODULES = ("trainers.cotrain", "trainers.learner.sft", "evals.sweep", "evals.samples.workers", "rlad.serving.app")
"""Not `trainers.warmstart`: with it in place `from trainers import warmstart` would be that module."""


def start(command: list[str], env: dict[str, str]) -> int:
    return ended(forked(lambda: sys.exit(as_rank(command, env))))


if __name__ == "__main__":
    imported(MODULES)
    with forked_programs(start):
        runpy.run_path(sys.argv[1], run_name="__main__")
