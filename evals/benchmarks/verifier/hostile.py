"""Time and memory of a verifier under ``hostile_texts``: ``./launch.sh bench hostile``.

The attacks run in a process of their own (this file, with the verifier's name: one JSON line for each attack), because
peak memory is a property of a process.
"""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from evals.benchmarks.verifier.hostile_texts import ONES, hostile_pairs

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
    """By the clock: beside other work, theirs is counted too."""
    megabytes: float
    correct: bool
    processor: float = 0.0
    """Milliseconds of processor time of the process that judged."""


PATIENCE = 20.0
"""Seconds after which an attack on another verifier is over: it has won."""


def _start(*arguments: str) -> subprocess.Popen:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "evals.benchmarks.verifier.hostile", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def measure_ours() -> list[Measurement]:
    """All attacks in one fresh process."""
    with _start("ours") as process:
        rows = [Measurement(**json.loads(line)) for line in process.stdout]
    if process.returncode:
        raise RuntimeError(f"the attack after {rows[-1].name if rows else 'none'!r} ended the process")
    return rows


def measure_ladder() -> list[Measurement]:
    """All attacks in one fresh process, once, through what a worker of the command does, the symbolic rung included."""
    with _start("ladder") as process:
        rows = [Measurement(**json.loads(line)) for line in process.stdout]
    if process.returncode:
        raise RuntimeError(f"the attack after {rows[-1].name if rows else 'none'!r} ended the process")
    return rows


def measure_command() -> list[Measurement]:
    """All attacks through ``python -m rlad.verifier`` with one worker, the symbolic rung included; memory is 0."""
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "pairs.jsonl"), Path(folder, "judged.jsonl")
        rows = [{"name": name, "gold": gold, "pred": pred} for name, gold, pred in hostile_pairs()]
        source.write_text("".join(json.dumps(row) + "\n" for row in rows))
        command = [sys.executable, "-m", "rlad.verifier", str(source), "--workers", "1", "--out", str(out)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run(command, check=True, env=environment, stderr=subprocess.DEVNULL)
        judged = [json.loads(line) for line in out.read_text().splitlines()]
    return [Measurement(row["name"], row["ms"], 0.0, False) for row in judged]


def measure_theirs(attacks: Sequence[str] = CORE_KINDS) -> list[Measurement]:
    """Each attack on math-verify in a process of its own, because some of them have to be killed."""
    rows = []
    for name in attacks:
        with _start("math-verify", name) as process:
            try:
                out, _ = process.communicate(timeout=PATIENCE)
                rows += [Measurement(**json.loads(line)) for line in out.splitlines()]
            except subprocess.TimeoutExpired:
                status = Path(f"/proc/{process.pid}/status").read_text()
                peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
                process.kill()
                rows.append(Measurement(name, PATIENCE * 1e3, peak, False))
    return rows


def _growth(call: Callable[[], object]) -> tuple[object, float, float, float]:
    """What came of it, milliseconds by the clock and of the processor, MB that the process grew by."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, used = time.perf_counter(), time.process_time()
    result = call()
    used, seconds = time.process_time() - used, time.perf_counter() - start
    return result, seconds * 1e3, used * 1e3, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def _attack(verify: Callable[[str, str], bool], threads: Sequence[bool], only: Sequence[str]) -> None:
    """One run for each of ``threads``: True runs it in a thread that is not the main one."""
    for name, gold, pred in hostile_pairs():
        text = name.rpartition(" | ")[0]
        if only and name not in only:
            continue
        runs = []
        faulthandler.dump_traceback_later(PATIENCE, exit=True)  # says where it hangs, and ends this process
        for in_thread in threads:
            call = partial(_growth, partial(verify, gold, pred))
            if in_thread:
                with ThreadPoolExecutor(1) as thread:
                    runs.append(thread.submit(call).result())
            else:
                runs.append(call())
        correct = name.endswith("| pred") and text not in ONES and any(result for result, *_ in runs)
        best, used = (min(run[place] for run in runs) for place in (1, 2))
        print(json.dumps(asdict(Measurement(name, best, sum(mb for *_, mb in runs), correct, used))), flush=True)


@dataclass
class Keys:
    """What is attacked."""

    theirs: bool = False
    """math-verify too, on the few attacks that it is tried on."""


def _summary(rows: list[Measurement]) -> dict:
    """Slowest, those above 50 ms, what the process grew by, and which fooled it."""
    return {
        "pairs": len(rows),
        "slowest_ms": round(max(row.milliseconds for row in rows), 1),
        "above_50_ms": [row.name for row in rows if row.milliseconds > 50],
        "megabytes": round(sum(row.megabytes for row in rows), 1),
        "false_positives": [row.name for row in rows if row.correct],
    }


def bench(keys: Keys) -> dict:
    """Every attack on ours, alone in a fresh process and through the command."""
    found = {"ours": _summary(measure_ours()), "command": _summary(measure_command())}
    return found | ({"math_verify": _summary(measure_theirs())} if keys.theirs else {})


def main(arguments: Sequence[str]) -> None:
    """Attack the verifier named first; print one measurement a line.

    ``once`` is ours, in a thread only; ``ladder`` is ours with the symbolic rung, once.
    """
    verifier, *only = arguments
    if verifier in ("ours", "once"):
        from rlad.verifier import verify

        verify(r"\frac{\sqrt{2}}{2}", r"\frac{1}{\sqrt{2}}")  # the imports
        _attack(
            lambda gold, pred: verify(gold, pred).correct, (False, False, True) if verifier == "ours" else (True,), only
        )
    elif verifier == "ladder":
        from rlad.verifier import DEFAULT, deep_compare
        from rlad.verifier.pool.worker import judge

        judge(r"\frac{\sqrt{2}}{2}", r"\frac{1}{\sqrt{2}}", DEFAULT)  # the imports, sympy's above all
        deep_compare(r"\int_0^1 x \, dx", r"\frac{1}{2}", DEFAULT)
        warnings.simplefilter("ignore")
        _attack(lambda gold, pred: judge(gold, pred, DEFAULT).correct, (False,), only)
    else:
        from evals.benchmarks.verifier.judges import wrapped
        from rlad.verifier import DEFAULT

        resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))
        # Its timeouts are signals: outside the main thread it refuses to work.
        _attack(lambda gold, pred: wrapped(gold, pred, DEFAULT).correct, (False,), only)


if __name__ == "__main__":
    main(sys.argv[1:])
