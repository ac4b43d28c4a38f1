"""``python -m rlad.verifier FILE.jsonl``: judge a file of gold and predicted answers in worker processes.

Rows ``{"gold", "pred"[, "expected"], ...}`` in; the same rows plus ``verdict``, ``reason`` and ``ms`` out.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TextIO

from rlad.verifier.pool.pool import PoolError, VerifierPool
from rlad.verifier.types import Outcome

_ROWS_AT_A_TIME = 1024
_UNPARSEABLE = (Outcome.unparseable_gold, Outcome.unparseable_pred)


class MalformedRow(ValueError):
    """A line that cannot be judged; its text says why."""


class UsageError(ValueError):
    """Arguments that make no sense together; its text says why."""


def read_row(line: bytes) -> dict:
    """One line as a row whose ``gold`` and ``pred`` are text (numbers are taken as written). Raises MalformedRow."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MalformedRow(f"not JSON: {error}") from None
    if not isinstance(row, dict):
        raise MalformedRow("not an object with gold and pred")
    for key in ("gold", "pred"):
        if key not in row:
            raise MalformedRow(f'"{key}" is missing')
        if isinstance(row[key], bool) or not isinstance(row[key], str | int | float):
            raise MalformedRow(f'"{key}" is not text')
    if not isinstance(row.get("expected", True), bool):
        raise MalformedRow('"expected" is neither true nor false')
    return row


def percentile(values: list[float], q: float) -> float:
    """The smallest value that at least the share ``q`` of ``values`` does not exceed; 0.0 of nothing.

    >>> percentile([4.0, 1.0, 3.0, 2.0], 0.5)
    2.0
    """
    ordered = sorted(values)
    return ordered[max(0, -int(-q * len(ordered) // 1) - 1)] if ordered else 0.0


def summed_up(judged: list[tuple[bool, Outcome, float]], seconds: float) -> dict[str, float]:
    """What the last line says about (expected, outcome, milliseconds) of the rows that carried ``expected``.

    >>> summed_up([(True, Outcome.correct, 1.0), (True, Outcome.incorrect, 2.0), (False, Outcome.correct, 3.0)], 0.5)
    ... # doctest: +NORMALIZE_WHITESPACE
    {'n': 3, 'accuracy': 0.333333, 'false_positives': 1, 'false_negatives': 1, 'unparseable': 0, 'undecided': 0,
     'per_second': 6.0, 'p50_ms': 2.0, 'p99_ms': 3.0, 'max_ms': 3.0}
    """
    n = len(judged)
    said_yes = [(expected, outcome is Outcome.correct) for expected, outcome, _ in judged]
    milliseconds = [ms for *_, ms in judged]
    return {
        "n": n,
        "accuracy": round(sum(expected == yes for expected, yes in said_yes) / n, 6),
        "false_positives": said_yes.count((False, True)),
        "false_negatives": said_yes.count((True, False)),
        "unparseable": sum(outcome in _UNPARSEABLE for _, outcome, _ in judged),
        "undecided": sum(outcome is Outcome.undecided for _, outcome, _ in judged),
        "per_second": round(n / seconds, 1) if seconds else 0.0,
        "p50_ms": round(percentile(milliseconds, 0.5), 3),
        "p99_ms": round(percentile(milliseconds, 0.99), 3),
        "max_ms": round(max(milliseconds), 3),
    }


def open_with_progress(path: Path) -> BinaryIO:
    """``path`` opened for reading; on a terminal, stderr shows how far the reading has come."""
    if not sys.stderr.isatty() or find_spec("rich") is None:  # the verifier alone is installed without it
        return path.open("rb")
    from rich.console import Console
    from rich.progress import open as rich_open

    return rich_open(path, "rb", description="judging", console=Console(stderr=True), transient=True)


def readable_rows(path: Path, complain: Callable[[str], None]) -> Iterator[dict]:
    """The rows of a file that can be judged; the others are named with their line number. Blank lines are no rows."""
    with open_with_progress(path) as file:
        for number, line in enumerate(file, 1):
            text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if text.strip():
                try:
                    yield read_row(text)
                except MalformedRow as error:
                    complain(f"{path}:{number}: not judged: {error}")


def _judge_file(path: Path, out: TextIO, workers: int) -> int:
    """Judge ``path`` row by row into ``out``; the summary of rows with ``expected`` goes to stdout: the exit code."""
    faults: list[str] = []

    def complain(message: str) -> None:
        faults.append(message)
        print(message, file=sys.stderr)

    judged: list[tuple[bool, Outcome, float]] = []
    count = 0
    with VerifierPool(workers=workers) as pool:
        pool.verify("0", "0")  # so that the clock below does not count the start of the workers
        start = time.perf_counter()
        rows = readable_rows(path, complain)
        while some := list(islice(rows, _ROWS_AT_A_TIME)):
            verdicts = pool.verify_many((str(row["gold"]), str(row["pred"])) for row in some)
            for row, verdict in zip(some, verdicts, strict=True):
                columns = {
                    "verdict": verdict.outcome.value,
                    "reason": verdict.reason,
                    "ms": round(verdict.milliseconds, 3),
                }
                out.write(json.dumps(row | columns) + "\n")
                if "expected" in row:
                    judged.append((row["expected"], verdict.outcome, verdict.milliseconds))
            count += len(some)
        seconds = time.perf_counter() - start
    out.flush()
    print(f"{count} rows judged, {len(faults)} malformed rows not judged", file=sys.stderr)
    if judged:
        print(json.dumps(summed_up(judged, seconds)), flush=True)
    return 1 if faults and not count else 0


def add_file_arguments(parser: argparse.ArgumentParser, fields: str, columns: str) -> None:
    """Adds what every command that judges a file's rows takes: the file, and where its rows go."""
    parser.add_argument("file", type=Path, metavar="FILE.jsonl", help=f"rows {{{fields}}}, one object a line")
    parser.add_argument("--out", type=Path, help=f"where the rows go with {columns} added (default: stdout)")


def judged_rows(file: Path, out: Path | None) -> AbstractContextManager[TextIO]:
    """What the judged rows of a file are written to: `out`, or stdout. Raises UsageError where `out` is that file."""
    if out is None:
        return contextlib.nullcontext(sys.stdout)
    if out.exists() and out.samefile(file):
        raise UsageError("--out would overwrite the file that is being read")
    return out.open("w")


def _parser() -> argparse.ArgumentParser:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    p = argparse.ArgumentParser(
        prog="verify",
        description="Judge predicted answers against gold ones.",
        epilog="When rows carry `expected` (true or false), the last line on stdout is one JSON object: n, accuracy, "
        "false_positives, false_negatives, unparseable, undecided, per_second, p50_ms, p99_ms and max_ms.",
    )
    add_file_arguments(p, "gold, pred[, expected], ...", "verdict, reason and ms")
    p.add_argument(
        "--workers", type=int, default=cores, help="worker processes (default: one per core, here %(default)s)"
    )
    return p


def main(argv: list[str] | None = None) -> int:
    """Run the command: 0 when the file was judged, 1 when none of its rows could be, 2 when it could not be opened."""
    args = _parser().parse_args(argv)
    try:
        if args.workers < 1:
            raise UsageError("--workers must be at least 1")
        with args.file.open("rb"), judged_rows(args.file, args.out) as out:
            return _judge_file(args.file, out, args.workers)
    except BrokenPipeError:  # the reader of our stdout has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f"verify: cannot open {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    except (PoolError, UsageError) as error:
        print(f"verify: {error}", file=sys.stderr)
        return 2
