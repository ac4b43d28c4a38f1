"""``./launch.sh leaks FILE.jsonl``: what the leak gate says of rows of questions, abstractions and gold answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TextIO

from rlad.cli import Parser, PlainError
from rlad.problems.columns import text_of
from rlad.problems.jsonl import json_lines
from rlad.reasoning.leaks import examine
from rlad.verifier.cli import UsageError, add_file_arguments, judged_rows


def _read_row(row: dict[str, Any], where: str) -> tuple[str, str, str, bool | None]:
    """(question, abstraction, gold, label) of a row; a label that is missing is None.

    Raises ProblemError or PlainError, in one sentence that begins with `where`.

    >>> _read_row({"abstraction": "count on", "gold": 8}, "Line 1")
    ('', 'count on', '8', None)
    """
    for key in ("abstraction", "gold"):
        if key not in row:
            raise PlainError(f"{where} has no field '{key}'.")
    question, abstraction, gold = (
        text_of(row.get(key), f"{where}, field '{key}'") for key in ("question", "abstraction", "gold")
    )
    if not gold:
        raise PlainError(f"{where} has an empty gold answer.")
    label = row.get("leak")
    if label is not None and not isinstance(label, bool):
        raise PlainError(f"{where}, field 'leak', is neither true nor false.")
    return question, abstraction, gold, label


def _summary(verdicts: list[tuple[bool, bool | None]]) -> dict[str, int | float | None]:
    """Of (judged a leak, labelled a leak): how many rows, and precision and recall over the labelled ones.

    Null where they mean nothing: no labels, nothing judged a leak, no leak among the labels.

    >>> _summary([(True, True), (True, False), (False, True), (True, True), (False, None)])
    {'n': 5, 'precision': 0.666667, 'recall': 0.666667}
    >>> _summary([(True, None)])
    {'n': 1, 'precision': None, 'recall': None}
    """
    labelled = [(judged, label) for judged, label in verdicts if label is not None]
    hits = labelled.count((True, True))
    judged, leaks = sum(j for j, _ in labelled), sum(label for _, label in labelled)
    return {
        "n": len(verdicts),
        "precision": round(hits / judged, 6) if judged else None,
        "recall": round(hits / leaks, 6) if leaks else None,
    }


def _judge_file(path: Path, out: TextIO) -> list[tuple[bool, bool | None]]:
    """Writes every row with `verdict`, `reason` and `quote` to `out`; gives (judged a leak, label) of each."""
    verdicts = []
    for where, row in json_lines(path):
        question, abstraction, gold, label = _read_row(row, f"L{where[1:]} of '{path}'")
        found = examine(abstraction, gold, question)
        columns = {"verdict": "leak" if found.leak else "clean", "reason": found.reason, "quote": found.quote}
        out.write(json.dumps(row | columns) + "\n")
        verdicts.append((found.leak, label))
    if not verdicts:
        raise PlainError(f"'{path}' holds no rows.")
    return verdicts


def _parser() -> Parser:
    p = Parser(
        prog="leaks",
        description="Say which abstractions give their problem's answer away.",
        epilog="The last line on stdout is one JSON object: n, and precision and recall over rows that carry `leak`.",
    )
    add_file_arguments(p, "question, abstraction, gold[, leak]", "verdict, reason and quote")
    return p


def main(argv: list[str] | None = None) -> int:
    """Runs the command: 0 when every row was judged. A row that cannot be is a PlainError or ProblemError."""
    args = _parser().parse_args(argv)
    if not args.file.is_file():
        raise PlainError(f"There is no file '{args.file}'.")
    try:
        with judged_rows(args.file, args.out) as out:
            verdicts = _judge_file(args.file, out)
    except UsageError as error:
        raise PlainError(f"{error}.") from error
    print(json.dumps(_summary(verdicts)), flush=True)
    return 0
