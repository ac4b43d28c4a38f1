"""Work beside the training thread: readings of what nobody changes any more, one after the other in a thread.

A thread and not a process: a process is another Python's memory, cannot be forked beside a GPU's driver, and would be
handed a step's trees, .1 processor seconds and 13 MB for a million tokens. Python runs one thread at a time, so a
reading takes from the training thread what it would have taken in its place (the two took .37 processor seconds one
after the other, and .38 together); beside kernels, collectives and waiting it costs nothing.

Here belongs nothing that asks other ranks for something, and no product of torch's in float32, whose library is chosen
for the whole process (`rlad/players/matmul.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Beside:
    """A thread that works in the order in which it was asked; of its seconds, how many nobody waited for."""

    def __init__(self, name: str):
        self._pool = ThreadPoolExecutor(1, name)
        self._worked = self._waited = 0.0

    def begin(self, work: Callable[..., T], *given: object) -> Callable[[], T]:
        """Begins `work(*given)`; what it returns waits for the result, or raises what the work ended with."""
        future = self._pool.submit(self._timed, work, given)

        def result() -> T:
            begin = time.perf_counter()
            try:
                return future.result()
            finally:
                self._waited += time.perf_counter() - begin

        return result

    def _timed(self, work: Callable[..., T], given: tuple[object, ...]) -> T:
        begin = time.perf_counter()
        try:
            return work(*given)
        finally:
            self._worked += time.perf_counter() - begin

    def lap(self) -> dict[str, float]:
        """The seconds of the work that was begun since the last lap and waited for: their `total`, and how many of
        those were `hidden`, as nobody waited. {} where there was none."""
        worked, waited = self._worked, self._waited
        self._worked = self._waited = 0.0
        return {"total": round(worked, 4), "hidden": round(max(0.0, worked - waited), 4)} if worked else {}
