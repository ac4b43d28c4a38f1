"""Lists of abstractions beside independent draws and plain sampling at equal tokens, in a table."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evals.tables.looks import LOOK, percentage_points, share

BESIDE = {"abstractions": "draws", "plain": "plain"}


def print_lists(found: dict[str, Any], out: Console, whose: str = "") -> None:
    """Every cell of a sweep's lists, narrow enough for 80 columns; nothing where there are none. `whose` draws and
    plain samples stand beside them, in words; empty = the same pair's."""
    rows = found.get("joint")
    if not rows:
        return
    caption = f"percent; points above independent draws and plain samples{escape(whose)},\nat equal tokens"
    flattered = {row["selected"]["chosen_on"] for row in rows} == {"test"}
    if flattered:
        caption += "; t lists' rule and temperature chosen on\nthe test problems themselves, which flatters them"
    table = Table(title="One text lists the abstractions", caption=caption, **LOOK)
    for name in ("model", "cell", "measure"):
        table.add_column(name, no_wrap=True)
    for name in ("tokens", "lists", "difference"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        covered, selected = row["coverage"], row["selected"]
        lines = [("covered, draws", row["tokens_per_problem"], covered["joint"], covered)]
        for vote in selected["votes"]:
            values = (selected["tokens_per_problem"], vote["joint"], vote)
            lines.append((f"right, {BESIDE[vote['mode']]}{' t' if flattered else ''}", *values))
        head = row["label"], f"{row['n']} x {row['m']}"
        for name, tokens, own, gap in lines:
            text = percentage_points(gap["difference"], gap["ci95"])
            table.add_row(*head, name, f"{tokens:,.0f}", share(own), text)
            head = "", ""
    out.print(table)
