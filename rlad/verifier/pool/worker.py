"""The child process of ``VerifierPool``: reads pairs on stdin, writes verdicts on stdout, one JSON frame each.

Run by the pool only. It shuts itself in before it reads the first pair: memory, CPU time, file writes and new processes
are limited by the kernel, so that no bug in the verifier can hurt the trainer beside it.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import resource
import signal
import struct
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import replace

from rlad.verifier.core import deep_compare, verify
from rlad.verifier.types import Outcome, Verdict, VerifyOptions

HEADER = struct.Struct("<I")
"""Every frame is this length and then that many bytes of ASCII JSON (which also carries lone surrogates)."""
DEFAULT_JUDGE = "rlad.verifier.pool.worker:judge"


def judge(gold: str, pred: str, options: VerifyOptions) -> Verdict:
    """The whole ladder: the quick rungs, and the slow symbolic one only when those leave the pair undecided."""
    quick = verify(gold, pred, options)
    if quick.outcome is not Outcome.undecided:
        return quick
    slow = deep_compare(gold, pred, options)
    if slow.reason.startswith("unexpected MemoryError"):
        raise MemoryError  # for ``main`` to answer: it knows that this process is of no more use
    return replace(slow, milliseconds=quick.milliseconds + slow.milliseconds)


def _read_exactly(fd: int, size: int) -> bytes:
    """``size`` bytes from ``fd``; raises EOFError when the pool has gone."""
    parts = []
    while size:
        part = os.read(fd, min(size, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _read(fd: int) -> object:
    return json.loads(_read_exactly(fd, HEADER.unpack(_read_exactly(fd, HEADER.size))[0]))


def frame(message: object) -> bytes:
    """The bytes that carry ``message`` through a pipe."""
    body = json.dumps(message).encode("ascii")
    return HEADER.pack(len(body)) + body


def _frame(verdict: Verdict, **flags: bool) -> bytes:
    fields = {"outcome": verdict.outcome.value, "reason": verdict.reason, "gold": verdict.gold, "pred": verdict.pred}
    return frame(fields | {"ms": verdict.milliseconds} | flags)


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _leave_with(parent: int) -> None:
    """End this process when the pool's process is gone, also while the main thread is busy and reads no pipe."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


def _allocated_bytes() -> int:
    """Private writable memory now, as RLIMIT_DATA counts it; 0 where /proc is missing."""
    try:
        with open("/proc/self/statm") as f:
            return int(f.read().split()[5]) * resource.getpagesize()
    except OSError:
        return 0


def _shut_in(memory_bytes: int) -> None:
    """Let the kernel hold the limits. Each one is lowered only: a tighter limit of the host stays."""

    def lower(which: int, value: int) -> None:
        hard = resource.getrlimit(which)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (value, value))

    lower(resource.RLIMIT_CORE, 0)
    lower(resource.RLIMIT_FSIZE, 0)
    lower(resource.RLIMIT_NPROC, 0)
    # Linux counts every private page under RLIMIT_DATA; elsewhere only the address space can be limited, coarsely.
    now = _allocated_bytes()
    lower(resource.RLIMIT_DATA if now else resource.RLIMIT_AS, now + memory_bytes)
    try:
        with open("/proc/self/oom_score_adj", "w") as f:
            f.write("1000")  # if the machine runs out of memory, this process goes before the trainer
    except OSError:
        pass  # not Linux, or not ours to change: only a preference


def _limit_cpu(seconds: float) -> None:
    """A bound that needs neither the parent nor the GIL: the kernel ends a computation nobody waits for any more."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = math.ceil(used.ru_utime + used.ru_stime + seconds) + 1
    if hard == resource.RLIM_INFINITY or soft < hard:
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _load(path: str) -> Callable[[str, str, VerifyOptions], Verdict]:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def main() -> None:
    """Serve pairs until the pool closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the pool's business
    # Keep the pipes for frames only: whatever prints goes nowhere, whatever reads stdin sees its end.
    source, sink = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    setup = _read(source)
    threading.Thread(target=_leave_with, args=(setup["parent"],), daemon=True).start()
    options, decide = VerifyOptions(**setup["options"]), _load(setup["judge"])
    # Before the limits are measured and the first clock runs: import what is imported late, sympy above all.
    decide(r"\frac{\sqrt{2}}{2}+x^2", r"\frac{1}{\sqrt{2}}+x\cdot x", options)
    if decide is judge:
        deep_compare(r"\int_0^1 x \, dx", r"\frac{1}{2}", options)
    warnings.simplefilter("ignore")
    out_of_memory = _frame(Verdict(Outcome.undecided, "memory limit", None, None, 0.0), last=True)
    _write(sink, frame({"ready": True}))
    os.dup2(null, 1)
    os.dup2(null, 2)
    _shut_in(setup["memory_bytes"])
    while True:
        try:
            gold, pred = _read(source)
        except EOFError:
            break
        _limit_cpu(setup["seconds"])
        try:
            verdict = decide(gold, pred, options)
            # ``verify`` never raises: it names what went wrong inside it. The pool counts that.
            fault = verdict.outcome is Outcome.undecided and verdict.reason.startswith("unexpected ")
            reply = _frame(verdict, **({"error": True} if fault else {}))
        except MemoryError:
            _write(sink, out_of_memory)
            break  # the heap may be fragmented and caches half filled: a fresh process is cheaper than doubt
        except Exception as error:  # a bug in the verifier: said in the verdict and counted by the pool, never hidden
            reason = f"internal error: {type(error).__name__}: {error}"[:300]
            reply = _frame(Verdict(Outcome.undecided, reason, None, None, 0.0), error=True)
        _write(sink, reply)
