"""The tables of `python -m evals.pruning`."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from evals.pruning.retention import LEAST
from evals.tables.looks import LOOK


def print_pruning(found: dict[str, Any], console: Console | None = None) -> None:
    """Prints everything that was measured of a run."""
    out = console or Console()
    out.print(
        f"{found['run']}, {found['checkpoint']}: {found['chains']} right plain solutions, {found['reasoning_tokens']} "
        f"tokens before the box, {found['scorings']} texts scored in {found['seconds']} s",
        highlight=False,
    )
    for table in (_likelihood(found), _retention(found), _abstractions(found)):
        if table.row_count:
            out.print(table)
    if not found["retention"]:
        out.print(f"Retention: no category stands in {LEAST} of the chains, so none is told; ask for more --problems.")


def _interval(row: dict[str, Any], name: str, ci: str) -> str:
    """An estimate with its interval; a dash where there is none.

    >>> _interval({"a": 1.5, "a_ci95": [1.0, 2.0]}, "a", "a_ci95"), _interval({"a": 1.5, "ci95": None}, "a", "ci95")
    ('1.50 (1.00 to 2.00)', '1.50')
    >>> _interval({}, "a", "ci95")
    '–'
    """
    if name not in row:
        return "–"
    value, interval = row[name], row[ci]
    return f"{value:.2f} ({interval[0]:.2f} to {interval[1]:.2f})" if interval else f"{value:.2f}"


def _table(title: str, caption: str | None, words: tuple[str, ...], numbers: tuple[str, ...]) -> Table:
    table = Table(title=title, caption=caption, **LOOK)
    for name in (*words, *numbers):
        table.add_column(name, justify="left" if name in words else "right", no_wrap=True)
    return table


def _likelihood(found: dict[str, Any]) -> Table:
    full = _interval(found, "full_answer", "full_answer_ci95")
    caption = f"nats; with the whole chain {full}. > 1/2: percent of answers above one half"
    table = _table(
        "log P(answer) with what is left of a chain",
        caption,
        ("order",),
        ("left", "log P", "> 1/2", "joint is better by"),
    )
    for row in found["likelihood"]:
        table.add_row(
            row["order"], f"{row['share']:.1f}", _interval(row, "answer", "answer_ci95"),
            f"{100 * row['keeps_answer']:.0f}", _interval(row, "joint_gains_answer", "joint_gains_answer_ci95"),
        )  # fmt: skip
    return table


def _retention(found: dict[str, Any]) -> Table:
    table = _table("Retention relative to uniform", None, ("order", "tokens"), ("left", "retention"))
    for row in found["retention"]:
        table.add_row(row["order"], row["name"], f"{row['kept']:.1f}", _interval(row, "relative", "ci95"))
    return table


def _abstractions(found: dict[str, Any]) -> Table:
    table = _table("Nats lost with a changed abstraction", None, ("solver", "token"), ("without it", "with it twice"))
    for row in found.get("abstractions", {}).get("rows", ()):
        table.add_row(
            row["solver"],
            row["token"],
            _interval(row, "deleted", "deleted ci95"),
            _interval(row, "twice", "twice ci95"),
        )
    return table
