"""The table of `./launch.sh transfer`: what each source of abstractions is worth to the solver."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from evals.tables.looks import LOOK, percentage_points, share
from evals.transfer.measuring import MEASURES
from evals.transfer.sources import LABELS


def print_transfer(found: dict[str, Any], console: Console | None = None) -> None:
    """Prints what transfer.json holds."""
    out, meta = console or Console(), found["meta"]
    table = Table(
        title=f"Abstractions of {meta['run']} given to the {meta['solver']}: {meta['problems']} problems",
        caption="percent; in brackets the difference to the same solver's plain sampling with as many tokens, at its "
        "best, with 95 % intervals over problems",
        **LOOK,
    )
    for name in ("abstractions", "n x m", "tokens", *MEASURES.values(), "rule"):
        table.add_column(name, justify="left" if name in ("abstractions", "rule") else "right")
    for row in found["sources"]:
        cells = [
            f"{share(row[name])} ({percentage_points(row[f'{name}_difference'], row[f'{name}_difference_ci95'])})"
            for name in MEASURES
        ]
        table.add_row(row["label"], f"{row['n']} x {row['m']}", f"{row['tokens']:.0f}", *cells, row["rule"])
    out.print(table)
    for row in found["own_minus"]:
        gaps = [
            f"{words} {percentage_points(row[f'{name}_difference'], row[f'{name}_difference_ci95'])}"
            for name, words in MEASURES.items()
        ]
        out.print(f"The run's abstractions minus {LABELS[row['source']]}: {', '.join(gaps)}.")
    for sentence in [*meta["notes"], *found["warnings"]]:
        out.print(f"Note: {sentence}")
