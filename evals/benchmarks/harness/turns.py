"""Programs that take turns: each is stopped while another one does its step, so all meet the same machine.

A program counts its steps in a file, a line each. What is timed is a step of it, by the clock and by the processor time
of all its processes; a stopped program costs neither.
"""

from __future__ import annotations

import signal
import statistics
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

LOOK = 0.005
"""Seconds between two looks at a program's lines."""


@dataclass
class Contender:
    """A program with all the processes it starts, some in sessions of their own; it writes a line to `lines` after
    every step."""

    command: Sequence[str]
    lines: Path
    log: Path
    environment: dict[str, str]
    where: Path | None = None
    """The folder that it is started in; None = this process's own."""
    steps: list[dict[str, float]] = field(default_factory=list)
    """Seconds and processor seconds of every timed step."""

    def __enter__(self) -> Contender:
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=log, env=self.environment, cwd=self.where, start_new_session=True
            )
        return self

    def __exit__(self, *_: object) -> None:
        tree = self.tree()
        for send in (signal.SIGTERM, signal.SIGCONT):
            self._send(send, tree)
        for process in psutil.wait_procs(tree, timeout=2)[1]:
            process.kill()
        self.process.wait()

    def tree(self) -> list[psutil.Process]:
        """All its processes; empty where it has ended."""
        try:
            first = psutil.Process(self.process.pid)
            return [first, *first.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    @staticmethod
    def _send(number: int, tree: list[psutil.Process]) -> None:
        for process in tree:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def done(self) -> int:
        """Steps so far. Raises RuntimeError where the program has ended."""
        if self.process.poll() is not None:
            raise RuntimeError(f"'{' '.join(self.command)}' ended; its last words: {self.log.read_text()[-2000:]}")
        return self.lines.read_bytes().count(b"\n") if self.lines.exists() else 0

    def cpu(self) -> float:
        """Processor seconds of all its processes so far."""
        return sum(sum(process.cpu_times()[:2]) for process in self.tree())

    def advance(self, steps: int, timed: bool = True) -> None:
        """Lets it run for so many steps, and stops it."""
        target, begin, cpu = self.done() + steps, time.perf_counter(), self.cpu()
        self._send(signal.SIGCONT, self.tree())
        while self.done() < target:
            time.sleep(LOOK)
        seconds = time.perf_counter() - begin
        self._send(signal.SIGSTOP, self.tree())
        if timed:
            self.steps.append({"seconds": seconds / steps, "cpu": (self.cpu() - cpu) / steps})


def alternate(contenders: Sequence[Contender], warm: int, turns: int) -> None:
    """`warm` steps of each that do not count, one program after the other, then turns of one step each."""
    for one in contenders:
        one.advance(warm, timed=False)
    for _ in range(turns):
        for one in contenders:
            one.advance(1)


def ratio(of: Sequence[float], to: Sequence[float]) -> dict[str, float]:
    """Median of the paired ratios, and the smallest and largest: for seven pairs a 98 % interval of the median.

    >>> ratio([2.0, 3.0, 4.0], [1.0, 1.0, 2.0])
    {'ratio': 2.0, 'low': 2.0, 'high': 3.0}
    """
    found = [a / b for a, b in zip(of, to, strict=True)]
    return {
        "ratio": round(statistics.median(found), 3),
        "low": round(min(found), 3),
        "high": round(max(found), 3),
    }
