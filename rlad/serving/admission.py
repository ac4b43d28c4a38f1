"""How many requests run, how many wait, and when one is sent away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import ceil
from time import monotonic

from rlad.serving.errors import ApiError

SMOOTHING = 0.1
"""Weight of the newest request in the running mean of durations."""


class Admission:
    """A concurrency limit with a bounded first-come-first-served queue."""

    def __init__(self, concurrent: int, queue: int):
        self.concurrent, self.queue = concurrent, queue
        self.running = self.waiting = 0
        self.seconds = 1.0
        """Running mean of how long a request takes."""
        self._turns = asyncio.Semaphore(concurrent)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits for a place. Raises ApiError 429 at once when the queue is full."""
        if self._turns.locked() and self.waiting >= self.queue:
            raise ApiError(
                429,
                "The server is busy and its queue is full; try again later.",
                code="server_busy",
                headers={"Retry-After": str(self.retry_after())},
            )
        self.waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self.waiting -= 1
        self.running += 1
        begin = monotonic()
        try:
            yield
        finally:
            self.seconds += SMOOTHING * (monotonic() - begin - self.seconds)
            self.running -= 1
            self._turns.release()

    def retry_after(self) -> int:
        """Seconds until the queue will have moved by a place or so, at least 1."""
        return max(1, ceil(self.seconds * (self.waiting + 1) / self.concurrent))
