"""The table of decoding methods on the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from evals.tables.looks import LOOK, percentage_points, share


def decoding_name(row: dict[str, Any]) -> str:
    """A method with the value of its axis, where it has several.

    >>> decoding_name({"method": "plain"}), decoding_name({"method": "budget_forcing", "axis": "cap", "value": 16})
    ('plain', 'budget_forcing, cap 16')
    """
    return f"{row['method']}, {row['axis']} {row['value']}" if "axis" in row else row["method"]


def print_decoding(sweep: dict[str, Any], out: Console) -> None:
    """Every method beside plain sampling at its tokens, where the sweep has some."""
    rows = sweep.get("decoding")
    if not rows:
        return
    caption = "percent; plain sampling with the same tokens, its best temperature, by majority\n"
    caption += "difference in points, p corrected for the number of rows (Holm)"
    table = Table(title=f"Decoding methods, {rows[0]['label']}", caption=caption, **LOOK)
    table.add_column("method", no_wrap=True)
    for name in ("tokens", "right", "covered", "plain", "difference", "p"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            decoding_name(row),
            f"{row['tokens_per_problem']:,.0f}",
            share(row["accuracy"]),
            share(row["pass_at_k"]),
            f"{share(row['plain'])} ({share(row['plain_pass_at_k'])})",
            percentage_points(row["difference"], row["difference_ci95"]),
            f"{row['p_holm']:.2g}",
        )
    out.print(table)
