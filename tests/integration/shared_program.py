"""Becomes two ranks, which run one program of this folder after another, as the tests ask for them, in one group."""

import contextlib
import gc
import importlib
import itertools
import json
import os
import runpy
import sys
import time
import traceback
from pathlib import Path
from types import SimpleNamespace

import torch
import two_ranks
from deepspeed.runtime import config as ds_config
from deepspeed.runtime.zero import utils as zero_utils

from rlad.config import LaunchConfig
from rlad.generation.vllm.server import free_port
from trainers.runtime import zero3

RANKS = 2
UNUSED = {"scipy", "sklearn", "torch._inductor.compile_fx"}
"""What a rank must not spend its start on."""


def become_ranks() -> None:
    """Forks the ranks, each with the environment that DeepSpeed's launcher would give it, and returns in them.

    Two that import by themselves take twice the time, which is longer than most programs. The process that forks them
    waits for the first to end, and ends: a program has failed then, and its partner is ended by the tests.
    """
    gc.freeze()  # what is imported stays in memory that the ranks share
    port = free_port()
    for rank in range(RANKS):
        if os.fork() == 0:
            os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "CROSS_RANK": "0", "CROSS_SIZE": "1"}
            os.environ |= {"WORLD_SIZE": str(RANKS), "LOCAL_SIZE": str(RANKS)}
            os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
            return
    os.wait()
    os._exit(1)


def run(job: Path, report: Path) -> None:
    """Runs the job's program as `__main__`; what it prints on this rank becomes its report, once it has ended well."""
    program, *arguments = json.loads(job.read_text())
    sys.argv = [program, *arguments]
    with report.with_suffix(".running").open("w") as file:
        try:
            with contextlib.redirect_stdout(file):
                runpy.run_path(str(two_ranks.PROGRAMS / program), run_name="__main__")
        except BaseException:  # told to the test, which ends this process and its partner, in which nothing can go on
            traceback.print_exc(file=file)
            file.flush()
            report.with_suffix(".running").rename(report.with_suffix(".failed"))
            os._exit(1)
    report.with_suffix(".running").rename(report)


def main(folder: Path, first: int) -> None:
    """Runs jobs from the first on, until the tests end these processes."""
    for module in ("cotrain", "warmstart"):  # before garbage is frozen
        importlib.import_module(f"trainers.{module}")
    become_ranks()
    zero3.start(LaunchConfig())
    # It collects garbage for every model engine, of which the programs start hundreds: a tenth of their time.
    zero_utils.gc = SimpleNamespace(collect=lambda: 0)
    # For each it also writes out all parameters, with their numbers, and its own configuration, into a silent log.
    torch.nn.Parameter.__repr__ = object.__repr__
    ds_config.DeepSpeedConfig.print = lambda *_: None
    os.fsync = lambda _: None  # checkpoints need not last through a power cut
    importlib.import_module("deepspeed.runtime.zero.muon.muon_optimizer")  # as DeepSpeed does for every model
    assert not UNUSED & set(sys.modules) and gc.get_freeze_count() and gc.isenabled()
    for number in itertools.count(first):
        job = folder / f"job_{number}"
        while not job.exists():
            time.sleep(0.02)
        run(job, folder / f"report_{number}_{zero3.rank()}")


if __name__ == "__main__":
    main(Path(sys.argv[-2]), int(sys.argv[-1]))
