"""Time and memory of a verifier under ``hostile_texts``: ``python -m evals.benchmarks.verifier_hostile ours``.

Prints one JSON line for each attack. Runs in a process of its own, because peak memory is a property of a process.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial

from evals.benchmarks.hostile_texts import ONES, hostile_pairs

CORE_KINDS = (
    "tower of powers | pred",
    "factorials of factorials | pred",
    "binomial | pred",
    "sum | pred",
    "product | pred",
    "round brackets, 10^4 | pred",
    "letters, 10^6 characters | pred",
    "open braces, 10^6 characters | pred",
    "determinant | pred",
    "one brace open | pred",
    "NUL in a number | pred",
    "emoji | pred",
    "code: import | pred",
)
"""The few that are tried on another verifier too, which may take many seconds for each."""


@dataclass(frozen=True)
class Measurement:
    """One attack: the fastest of its runs, what the process grew by, and whether the verifier fell for it."""

    name: str
    milliseconds: float
    megabytes: float
    correct: bool


def measure(verifier: str, only: tuple[str, ...] = ()) -> list[Measurement]:
    """All attacks, or those in ``only``, on ``ours`` or ``math-verify`` in a fresh process."""
    command = [sys.executable, "-m", "evals.benchmarks.verifier_hostile", verifier, *only]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return [Measurement(**json.loads(line)) for line in done.stdout.splitlines()]


def _growth(call: Callable[[], object]) -> tuple[object, float, float]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    result = call()
    seconds = time.perf_counter() - start
    return result, seconds * 1e3, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def _attack(verify: Callable[[str, str], bool], threads: Sequence[bool], only: Sequence[str]) -> None:
    """One run for each of ``threads``: True runs it in a thread that is not the main one."""
    for name, gold, pred in hostile_pairs():
        text = name.rpartition(" | ")[0]
        if only and name not in only:
            continue
        runs = []
        for in_thread in threads:
            call = partial(_growth, partial(verify, gold, pred))
            if in_thread:
                with ThreadPoolExecutor(1) as thread:
                    runs.append(thread.submit(call).result())
            else:
                runs.append(call())
        correct = name.endswith("| pred") and text not in ONES and any(result for result, *_ in runs)
        best = min(ms for _, ms, _ in runs)
        print(json.dumps(asdict(Measurement(name, best, sum(mb for *_, mb in runs), correct))), flush=True)


def main(arguments: Sequence[str]) -> None:
    """Attack the verifier named first (``once`` is ours, in a thread only); print one measurement a line."""
    verifier, *only = arguments
    if verifier in ("ours", "once"):
        from rlad.verifier import verify

        verify(r"\frac{\sqrt{2}}{2}", r"\frac{1}{\sqrt{2}}")  # the imports
        _attack(
            lambda gold, pred: verify(gold, pred).correct, (False, False, True) if verifier == "ours" else (True,), only
        )
    else:
        from evals.benchmarks.math_verify_baseline import wrapped
        from rlad.verifier import DEFAULT

        resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))
        # Its timeouts are signals: outside the main thread it refuses to work.
        _attack(lambda gold, pred: wrapped(gold, pred, DEFAULT).correct, (False,), only)


if __name__ == "__main__":
    main(sys.argv[1:])
