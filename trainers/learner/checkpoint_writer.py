"""Writes a checkpoint's files beside training: at most one checkpoint at a time, complete when every rank is done.

Every rank writes what it was given in a thread of its own; its random states come last and get their name when they are
on the disk, so with that file a rank has finished. Rank 0's thread waits for those of all ranks, and only then makes a
checkpoint of the folder. No thread asks the process group for anything, so the loop's collectives keep their order. A
loop that ends by an exception still ends its write; a kill leaves a folder that is no checkpoint.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from rlad.cli import PlainError, sentence
from trainers.learner.checkpoint_files import sync
from trainers.runtime.snapshots import Files

LOOK = 0.05
"""Seconds between two looks for the other ranks' files."""


class CheckpointError(PlainError):
    """A checkpoint cannot be written, or cannot be used for this run; the message is one plain sentence."""


def random_file(folder: Path, rank: int) -> Path:
    """Where a rank's random states are: its last file of a checkpoint."""
    return folder / f"rng_rank{rank}.pt"


@dataclass
class Job:
    """What one rank writes of a checkpoint."""

    target: Path
    """The checkpoint's folder, with those of the players in it."""
    files: Files
    random_states: Any
    rank: int
    ranks: int
    finish: Callable[[], None]
    """Makes a checkpoint of the folder; rank 0 calls it when all ranks are done."""

    def run(self, timeout: float) -> None:
        """Raises OSError or RuntimeError where something cannot be written, TimeoutError where another rank does not
        come to its end within `timeout` seconds of this one's."""
        for path in list(self.files):
            self.files.pop(path)(path)  # its copy's memory is free again behind it
            sync(Path(path))
        last = random_file(self.target, self.rank)
        unnamed = last.with_name(f".{last.name}")
        torch.save(self.random_states, unnamed)
        sync(unnamed)
        unnamed.replace(last)
        if self.rank == 0:
            self._wait(time.monotonic() + timeout)
            self.finish()

    def _wait(self, deadline: float) -> None:
        missing = list(range(self.ranks))
        while missing := [rank for rank in missing if not random_file(self.target, rank).exists()]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"rank {missing[0]} did not write its part in time")
            time.sleep(LOOK)


class Writer:
    """The checkpoint that one rank is writing, if any; as a context, what was begun is written however that ends."""

    def __init__(self, beside: bool, timeout: float):
        """beside: in a thread instead of the caller's time. timeout: seconds for which rank 0 waits for others."""
        self.beside, self.timeout = beside, timeout
        self._job: Job | None = None
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None

    def start(self, job: Job) -> None:
        """Begins to write, or with `beside=False` writes. Raises CheckpointError where the one before failed."""
        self.wait()
        self._job = job
        if not self.beside:
            self._work()
            self.check()
            return
        self._thread = threading.Thread(target=self._work, name=f"checkpoint {job.target.name}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        try:
            self._job.run(self.timeout)
        except (OSError, RuntimeError) as error:  # a full disk is a RuntimeError of torch's; raised by `check`
            self._error = error

    def check(self) -> None:
        """Raises CheckpointError where a write has failed."""
        if self._error is not None:
            step = int(self._job.target.name.rpartition("_")[2])
            raise CheckpointError(
                f"The checkpoint of step {step} could not be written ({sentence(self._error)}); the run can go on from "
                "the complete one before it."
            )

    def wait(self) -> None:
        """Waits until what was begun is written. Raises CheckpointError where that failed."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.check()
