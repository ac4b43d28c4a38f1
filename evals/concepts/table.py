"""The tables of `./launch.sh concepts`: exactness first, then what every proposer's set covers, then the comparison."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from evals.tables.looks import LOOK, percentage_points, share

LEARNT = {"base": "base-LCM", "one_tower": "one-tower", "two_tower": "two-tower", "token model": "token model"}
"""Model that was trained here -> its name in the tables."""


def print_exactness(found: dict[str, Any], console: Console | None = None) -> None:
    """What of sentences survives being encoded and decoded."""
    caption = "percent of distinct sentences, and of the numbers in them"
    table = Table(title="Encoded and decoded again", caption=caption, **LOOK)
    for name in ("sentences", "count", "exact", "numbers exact"):
        table.add_column(name, justify="left" if name == "sentences" else "right", no_wrap=True)
    for name, row in found.items():
        table.add_row(name, f"{row['sentences']:,}", share(row["exact"], None, 2), share(row["numbers_exact"], None, 2))
    (console or Console()).print(table)


def print_concepts(found: dict[str, Any], console: Console | None = None) -> None:
    """Prints what `Study.measure` found, behind the codec's exactness."""
    out = console or Console()
    out.print(_models(found))
    out.print(_arms(found))
    out.print(_pairs(found))
    out.print(verdict(found), highlight=False)


def _models(found: dict[str, Any]) -> Table:
    caption = "loss: squared error of a component, cross-entropy of a token"
    table = Table(title="Models of equal training cost", caption=caption, **LOOK)
    for name in ("model", "parameters", "steps", "loss"):
        table.add_column(name, justify="left" if name == "model" else "right", no_wrap=True)
    for kind, facts in found["models"].items():
        table.add_row(LEARNT[kind], f"{facts['parameters']:,}", f"{facts['steps']:,}", f"{facts['loss']:.2f}")
    return table


def _arms(found: dict[str, Any]) -> Table:
    table = Table(
        title=f"Up to {found['abstractions']} distinct abstractions for each of {found['problems']} problems",
        caption="percent (95 % interval over problems); valid: draws that training documents know; tokens: solutions'",
        **LOOK,
    )
    for name in ("proposer", "valid", "distinct", "first right", "covered", "tokens"):
        table.add_column(name, justify="left" if name == "proposer" else "right", no_wrap=True)
    for name, row in found["test"].items():
        table.add_row(name, share(row["valid"]), f"{row['distinct']:.1f}", share(row["first"]),
                      share(row["coverage"], row["ci95"]), f"{row['solution_tokens']:,.0f}")  # fmt: skip
    return table


def _pairs(found: dict[str, Any]) -> Table:
    way = found["chosen"]["two-tower, repelling"]
    table = Table(
        title="Coverage of the repelling two-tower, minus",
        caption=f"points, paired by problem; guidance {way['guidance']:g} and repulsion {way['repulsion']:g} were "
        "chosen on the validation problems",
        **LOOK,
    )
    for name in ("proposer", "at equal n", "at equal solution tokens"):
        table.add_column(name, justify="left" if name == "proposer" else "right", no_wrap=True)
    for name, row in found["repelling_minus"].items():
        cells = [percentage_points(row[how]["difference"], row[how]["ci95"]) for how in ("equal_n", "equal_tokens")]
        table.add_row(name, *cells)
    return table


def verdict(found: dict[str, Any]) -> str:
    """Whether the repelling set covers more, of each rival, at equal n and at equal solution tokens.

    >>> gap = lambda low, high: {"ci95": [low, high]}
    >>> rows = {"two-tower": {"equal_n": gap(0.01, 0.03), "equal_tokens": gap(0.01, 0.02)},
    ...         "run's proposer": {"equal_n": gap(-0.02, 0.03), "equal_tokens": gap(-0.04, -0.01)},
    ...         "token model": {"equal_n": gap(-0.3, -0.2), "equal_tokens": gap(-0.2, -0.1)}}
    >>> print(verdict({"repelling_minus": rows}).replace("; ", ";\\n"))
    The repelling set covers more than two-tower;
    does not cover more than run's proposer;
    covers less than token model.
    """
    words: dict[str, list[str]] = {"covers more than": [], "does not cover more than": [], "covers less than": []}
    for name, row in found["repelling_minus"].items():
        ends = [row[how]["ci95"] for how in ("equal_n", "equal_tokens")]
        more, less = all(low > 0 for low, _ in ends), all(high < 0 for _, high in ends)
        words["covers more than" if more else "covers less than" if less else "does not cover more than"].append(name)
    return "The repelling set " + "; ".join(f"{how} {', '.join(names)}" for how, names in words.items() if names) + "."
