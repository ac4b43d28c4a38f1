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
    caption = "percent; points above plain sampling with the same tokens, its rule and temperature\n"
    caption += f"chosen on {rows[0]['chosen_on']} problems; covered (plain); p over rows (Holm)"
    judged_twice = "on_test" in rows[0]
    if judged_twice:
        caption += "\non test: above what the test problems themselves would choose"
    table = Table(title=f"Decoding methods, {rows[0]['label']}", caption=caption, **LOOK)
    table.add_column("method", no_wrap=True)
    for name in ("T", "tokens", "right", "covered", "above plain", *["on test"] * judged_twice, "p"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        gaps = [percentage_points(row["difference"], row["difference_ci95"])]
        gaps += [percentage_points(row["on_test"]["difference"])] if judged_twice else []
        table.add_row(
            decoding_name(row),
            f"{row['temperature']:g}",
            f"{row['tokens_per_problem']:,.0f}",
            share(row["accuracy"]),
            f"{share(row['pass_at_k'])} ({share(row['plain_pass_at_k'])})",
            *gaps,
            f"{row['p_holm']:.2g}",
        )
    out.print(table)
    rival = rows[0]
    out.print(f"Plain sampling beside them: {_option(rival)}, T {rival['plain_temperature']:g}", highlight=False)


def _option(row: dict[str, Any]) -> str:
    keys = ", ".join(f"{name} {value}" for name, value in row["plain_keys"].items())
    return f"{row['plain_rule']} ({keys})" if keys else row["plain_rule"]
