"""The table of `budget=auto` on the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from evals.tables.looks import percentage_points


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
    if own := budget.get("selector"):
        _print_asking(own, out)


def _print_asking(own: dict[str, Any], out: Console) -> None:
    """The policy that may ask a player that chooses, beside the one that cannot."""
    role = own["statistics"]["role"]
    caption = f"choices: how often the {role} was asked a problem; its tokens are among all; without: the votes alone"
    table = Table(title=f"budget=auto with the {role}", caption=caption)
    for name in ("tokens", "its own", "choices", "auto", "without", "difference (95 %)"):
        table.add_column(name, justify="right")
    for row in own["rows"]:
        votes = row["without"]
        table.add_row(
            f"{row['tokens']:,.0f}",
            f"{row['own_tokens']:.1f}",
            f"{row['choices']:.2f}",
            f"{100 * row['accuracy']:.1f}",
            f"{100 * votes['accuracy']:.1f} at {votes['tokens']:,.0f}",
            percentage_points(votes["difference"], votes["ci95"]),
        )
    out.print(table)
