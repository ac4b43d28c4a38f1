"""The table of `./launch.sh routing`: recovered share of the gain by gate and share of asked tokens."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from evals.tables.looks import LOOK, percentage_points, share

GATES = ("learned", "random vector", "bias only", "random gate")


def print_routing(found: dict[str, Any], console: Console | None = None) -> None:
    """Prints what `Study.measure` found."""
    out = console or Console()
    base, trained, gain = found["ends"]["base"], found["ends"]["trained"], found["gain"]
    ends = [f"{name} {share(found['ends'][name]['accuracy'], found['ends'][name]['ci95'])}" for name in found["ends"]]
    out.print(
        f"{found['role']} player, {found['samples']} texts for each of {found['problems']} problems, percent right: "
        f"{', '.join(ends)}; gain {percentage_points(gain['difference'], gain['ci95'])} points, "
        f"{share(base['disputed'])} % of tokens disputed."
    )
    if base["accuracy"] == trained["accuracy"]:
        out.print("The ends are equal, so what share of the gain is recovered is undefined.")
    elif gain["ci95"][0] <= 0 <= gain["ci95"][1]:
        out.print("The gain may be nothing: recovered shares below have no interval, and say little.")
    for guardrail in (True, False):
        out.print(_curve([row for row in found["curve"] if row["guardrail"] == guardrail], guardrail))
    alone = found["guardrail_alone"]
    out.print(f"Asked everywhere under the guardrail: {_recovered(alone['recovered'])} recovered.")


def _recovered(found: dict[str, Any]) -> str:
    return "undefined" if found["share"] is None else share(found["share"], found["ci95"], 0)


def _curve(rows: list[dict[str, Any]], guardrail: bool) -> Table:
    table = Table(
        title=f"Share of the gain recovered, {'under the guardrail' if guardrail else 'without the guardrail'}",
        caption="percent (95 % interval over problems) at tokens asked by the learned gate; the last column is its "
        "excess over the random gate",
        **LOOK,
    )
    for name in ("asked", *GATES, "excess"):
        table.add_column(name, justify="right", no_wrap=True)
    for wanted in dict.fromkeys(row["share"] for row in rows):
        own = {row["gate"]: row for row in rows if row["share"] == wanted}
        shares = [own[name]["recovered"] for name in GATES]
        cells = [_recovered(shares[0]), *(share(one["share"], None, 0) for one in shares[1:])]
        excess = own["random gate"]["learned_minus_this"]
        table.add_row(share(own["learned"]["asked"], None, 0), *cells, _recovered(excess))
    return table
