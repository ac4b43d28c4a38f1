"""One worker process of ``VerifierPool``: start it, feed its pipe, read its replies, end it. No policy here."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections import deque
from dataclasses import asdict

from rlad.verifier.pool.worker import HEADER, frame
from rlad.verifier.types import VerifyOptions

# Only these reach a worker. It judges hostile text, so it gets no tokens; and it must not take itself for a training
# rank, so no RANK, MASTER_ADDR, SLURM_*, OMPI_*, CUDA_VISIBLE_DEVICES or NCCL_* either.
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "PYTHONHOME", "TMPDIR", "TZ")


def clean_environment() -> dict[str, str]:
    """The environment of a worker: a short allow-list, this interpreter's module path, one thread, fixed hashing."""
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    environment["PYTHONSAFEPATH"] = "1"  # a file sympy.py in the current folder must not be imported
    environment["PYTHONHASHSEED"] = "0"  # sympy's orderings, and so its running time, repeat
    environment["OMP_NUM_THREADS"] = "1"
    return environment


class WorkerProcess:
    """A child interpreter, started without forking this one's memory (exec at once), spoken to through two pipes.

    Never blocks: ``flush`` and ``receive`` do what the pipes allow now. Owned by one thread.
    """

    def __init__(self, options: VerifyOptions, seconds: float, memory_limit_mb: int, judge: str):
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from rlad.verifier.pool.worker import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=clean_environment(),
            bufsize=0,
        )
        self.pid = self._process.pid
        self.input = self._process.stdin.fileno()
        self.output = self._process.stdout.fileno()
        os.set_blocking(self.input, False)
        os.set_blocking(self.output, False)
        self.ready = False
        self.served = 0
        self.items: deque = deque()
        """What was sent and not yet answered, oldest first; the worker is busy with the first."""
        self.since = time.monotonic()
        """When the worker was started, or when it began its first item."""
        self._unsent = bytearray()
        self._unread = bytearray()
        setup = {"parent": os.getpid(), "options": asdict(options), "judge": judge, "seconds": seconds}
        self._queue(setup | {"memory_bytes": memory_limit_mb << 20})

    def send(self, item: object, gold: str, pred: str) -> None:
        """Queue one pair; ``item`` comes back from ``receive`` with its reply."""
        if not self.items:
            self.since = time.monotonic()
        self.items.append(item)
        self._queue([gold, pred])

    def _queue(self, message: object) -> None:
        self._unsent += frame(message)
        self.flush()

    @property
    def has_unsent(self) -> bool:
        """True while the pipe could not take everything yet: wait for it to become writable, then ``flush``."""
        return bool(self._unsent)

    def flush(self) -> None:
        """Write what the pipe takes. A dead reader is noticed by ``receive``, not here."""
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            while self._unsent:
                del self._unsent[: os.write(self.input, memoryview(self._unsent)[: 1 << 16])]

    def receive(self) -> tuple[list[dict], bool]:
        """The complete replies that have arrived, and whether the worker is still there."""
        alive = True
        try:
            while part := os.read(self.output, 1 << 16):
                self._unread += part
            alive = False
        except BlockingIOError:
            pass
        replies = []
        start = HEADER.size
        while len(self._unread) >= start and len(self._unread) >= (end := start + HEADER.unpack_from(self._unread)[0]):
            replies.append(json.loads(self._unread[start:end]))
            del self._unread[:end]
        return replies, alive

    def kill(self) -> None:
        """End the worker now, whatever it does, and reap it. It holds no state, so this is also the way to close it."""
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
