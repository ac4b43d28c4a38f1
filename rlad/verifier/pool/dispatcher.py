"""The thread behind ``VerifierPool``: hands pairs to workers, keeps their clocks, replaces the stuck and the dead.

One thread owns all workers, so nothing about them needs a lock; callers only queue a ``PairBatch`` and wait for it.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from rlad.verifier.pool.process import WorkerProcess
from rlad.verifier.types import Outcome, Verdict, VerifyOptions

AHEAD = 2
"""Pairs handed to one worker at a time: it finds its next one in the pipe instead of waiting for this thread."""
START_SECONDS = 120.0
"""A worker that has not reported by then will not (its imports take half a second on an idle machine)."""
START_ATTEMPTS = 3
"""Workers in a row that end before they judge anything: then the machine is at fault, and callers are told."""
COUNTERS = ("judged", *Outcome.__members__, "timeouts", "memory_limits", "deaths", "kills", "errors")


class PoolError(RuntimeError):
    """The pool is closed, or its workers cannot run on this machine: a fault of the set-up, never of an answer."""


class PairBatch:
    """The pairs of one call and their verdicts, in order. Verdicts that are given from the start are only counted."""

    def __init__(self, pairs: Sequence[tuple[str, str]], verdicts: list[Verdict | None]):
        self.pairs = pairs
        self.verdicts = verdicts
        self.waiting = deque(i for i, verdict in enumerate(verdicts) if verdict is None)
        self.left = len(self.waiting)
        self.done = threading.Event()
        self.error: str | None = None


class _Item(NamedTuple):
    batch: PairBatch
    index: int
    retried: bool = False


class Dispatcher:
    """Owns the workers and the queue of batches; see ``VerifierPool`` for what it promises."""

    def __init__(self, workers: int, options: VerifyOptions, time_limit_s: float, memory_limit_mb: int, judge: str):
        self.owner = os.getpid()
        self._time_limit = time_limit_s
        self._worker_settings = (options, time_limit_s, memory_limit_mb, judge)
        self.workers = [WorkerProcess(*self._worker_settings) for _ in range(workers)]
        self._failed_starts = 0
        self._lock = threading.Lock()  # guards the five below, which callers touch too
        self._batches: deque[PairBatch] = deque()
        self._open: set[PairBatch] = set()
        self._counters = dict.fromkeys(COUNTERS, 0)
        self._stopping = False
        self._closed: str | None = None
        self._again: deque[_Item] = deque()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._thread = threading.Thread(target=self._run, name="verifier-pool", daemon=True)
        self._thread.start()

    # -- called by any thread ------------------------------------------------------------------------------------------

    def submit(self, batch: PairBatch) -> None:
        """Queue a batch; its ``done`` is set when every verdict is there. Raises PoolError when the pool is closed."""
        with self._lock:
            if self._closed or self._stopping:
                raise PoolError(self._closed or "the verifier pool is closed")
            for verdict in filter(None, batch.verdicts):
                self._count(verdict)
            if not batch.left:
                batch.done.set()
                return
            self._open.add(batch)
            self._batches.append(batch)
            self._wake()

    def snapshot(self) -> dict[str, int]:
        """A copy of the counters."""
        with self._lock:
            return dict(self._counters)

    def stop(self) -> None:
        """End the workers and the thread. In a forked child there is nothing of ours to end."""
        if os.getpid() != self.owner:
            return
        with self._lock:
            self._stopping = True
            if not self._closed:
                self._wake()
        if threading.current_thread() is not self._thread:  # the garbage collector may call from anywhere
            self._thread.join()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # the pipe is full of wake-ups already
            os.write(self._wake_write, b"!")

    def _count(self, verdict: Verdict) -> None:
        self._counters["judged"] += 1
        self._counters[verdict.outcome.value] += 1

    # -- the dispatcher's own thread -----------------------------------------------------------------------------------

    def _run(self) -> None:
        reason = "the verifier pool is closed"
        try:
            while not self._stopping:
                self._feed()
                self._wait()
                self._expire()
        except BaseException as error:  # callers wait for this thread: whatever ends it must reach them
            reason = f"the verifier pool failed: {error}"
            if not isinstance(error, PoolError):
                raise
        finally:
            for worker in self.workers:
                worker.kill()
            with self._lock:
                self._closed = reason
                os.close(self._wake_read)
                os.close(self._wake_write)
                for batch in self._open:
                    batch.error = reason
                    batch.done.set()

    def _feed(self) -> None:
        """Give waiting items to the least busy workers."""
        while True:
            free = [worker for worker in self.workers if worker.ready and len(worker.items) < AHEAD]
            item = self._next_item() if free else None
            if item is None:
                return
            min(free, key=lambda worker: len(worker.items)).send(item, *item.batch.pairs[item.index])

    def _next_item(self) -> _Item | None:
        """Items to do again, then one from each batch in turn: a single pair need not wait for a long batch."""
        if self._again:
            return self._again.popleft()
        with self._lock:
            if not self._batches:
                return None
            batch = self._batches.popleft()
            item = _Item(batch, batch.waiting.popleft())
            if batch.waiting:
                self._batches.append(batch)
            return item

    def _wait(self) -> None:
        """Sleep until a worker, a caller or a clock wants something, and serve the workers that do."""
        poller, by_fd = select.poll(), {}
        poller.register(self._wake_read, select.POLLIN)
        for worker in self.workers:
            poller.register(worker.output, select.POLLIN)
            by_fd[worker.output] = worker
            if worker.has_unsent:
                poller.register(worker.input, select.POLLOUT)
                by_fd[worker.input] = worker
        first = min((self._deadline(worker) for worker in self.workers), default=float("inf"))
        milliseconds = None if first == float("inf") else max(0.0, (first - time.monotonic()) * 1e3 + 1)
        events = poller.poll(milliseconds)
        for worker in {by_fd[fd]: None for fd, _ in events if fd in by_fd}:
            worker.flush()
            self._collect(worker)
        if any(fd == self._wake_read for fd, _ in events):
            os.read(self._wake_read, 1 << 16)

    def _deadline(self, worker: WorkerProcess) -> float:
        if not worker.ready:
            return worker.since + START_SECONDS
        return worker.since + self._time_limit if worker.items else float("inf")

    def _collect(self, worker: WorkerProcess) -> None:
        """Take what a worker has written; replace it when it is gone."""
        replies, alive = worker.receive()
        for reply in replies:
            if "ready" in reply:
                worker.ready = True
            else:
                self._settle(worker, worker.items.popleft(), reply)
                worker.served += 1
                alive = alive and "last" not in reply
            worker.since = time.monotonic()
        if not alive:
            self._bury(worker, expected=bool(replies) and "last" in replies[-1])

    def _settle(self, worker: WorkerProcess, item: _Item, reply: dict) -> None:
        """Turn a reply into a verdict, or into a second try when an old worker ran out of memory."""
        self._failed_starts = 0
        if "last" in reply:
            self._add("memory_limits")
            if worker.served and not item.retried:  # earlier pairs may have filled it
                self._again.append(item._replace(retried=True))
                return
        if "error" in reply:
            self._add("errors")
        outcome = Outcome(reply["outcome"])
        self._finish(item, Verdict(outcome, reply["reason"], reply["gold"], reply["pred"], reply["ms"]))

    def _bury(self, worker: WorkerProcess, expected: bool) -> None:
        """A worker has ended by itself: its first item may have done it, once is no proof, twice is."""
        if not expected:
            self._add("deaths")
            if worker.items:
                item = worker.items.popleft()
                if item.retried:
                    self._undecided(item, "worker died", worker)
                else:
                    self._again.append(item._replace(retried=True))
            elif not worker.served:
                self._failed_starts += 1
        self._replace(worker)

    def _expire(self) -> None:
        """Kill the workers whose time is up."""
        for worker in list(self.workers):
            if time.monotonic() < self._deadline(worker):
                continue
            self._collect(worker)  # this process may have been the one that slept
            if worker not in self.workers or time.monotonic() < self._deadline(worker):
                continue
            self._add("kills")
            if worker.items and worker.ready:
                self._add("timeouts")
                self._undecided(worker.items.popleft(), "time limit", worker)
            else:
                self._failed_starts += 1
            self._replace(worker)

    def _replace(self, worker: WorkerProcess) -> None:
        """A fresh worker for one that is, or must be, gone; what that one had not begun goes back to the queue."""
        worker.kill()
        self._again.extendleft(reversed(worker.items))
        if self._failed_starts >= START_ATTEMPTS:
            self.workers.remove(worker)
            raise PoolError(f"{START_ATTEMPTS} workers in a row ended before they judged anything; see their messages")
        self.workers[self.workers.index(worker)] = WorkerProcess(*self._worker_settings)

    def _undecided(self, item: _Item, reason: str, worker: WorkerProcess) -> None:
        self._finish(item, Verdict(Outcome.undecided, reason, None, None, (time.monotonic() - worker.since) * 1e3))

    def _finish(self, item: _Item, verdict: Verdict) -> None:
        batch = item.batch
        batch.verdicts[item.index] = verdict
        batch.left -= 1
        with self._lock:
            self._count(verdict)
            if not batch.left:
                self._open.discard(batch)
                batch.done.set()

    def _add(self, counter: str) -> None:
        with self._lock:
            self._counters[counter] += 1
