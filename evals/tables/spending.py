"""The table of `budget=auto` on the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table


def print_spending(sweep: dict[str, Any], out: Console) -> None:
    """The policy beside the best fixed splits at its tokens, where the sweep replayed it."""
    budget = sweep.get("budget")
    if not budget:
        return
    table = Table(title=f"budget=auto, {budget['label']}, by {budget['rule']}; accuracy of the selected answer, %")
    for name in ("tokens", "abstractions", "solutions", "auto", "best fixed n x m", "difference (95 %)"):
        table.add_column(name, justify="right")
    for row in budget["rows"]:
        splits = ", ".join(f"{n} x {m} ({share:.0%})" for n, m, share in row["splits"])
        low, high = (100 * value for value in row["ci95"])
        table.add_row(
            f"{row['tokens']:,.0f}",
            f"{row['abstractions']:.1f}",
            f"{row['solutions']:.1f}",
            f"{100 * row['accuracy']:.1f}",
            f"{100 * row['fixed']:.1f}: {splits}",
            f"{100 * row['difference']:+.1f} ({low:+.1f} to {high:+.1f})",
        )
    out.print(table)
