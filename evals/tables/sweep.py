"""Tables for the terminal, in plain words: the sweep, the triple, paired comparisons."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evals.statistics.estimators import LEVEL
from evals.tables.choosing import print_choosing
from evals.tables.decoding import print_decoding
from evals.tables.lists import print_lists
from evals.tables.looks import LOOK, percentage_points, share
from evals.tables.rules import print_rules
from evals.tables.spending import print_spending
from evals.tables.splits import split_sentences
from evals.tables.ways import CHECKPOINTS, at_best_temperature, way

CHECKPOINT_ORDER = {name: i for i, name in enumerate(CHECKPOINTS)}


def budget_words(cell: dict[str, Any]) -> str:
    """How the tokens of a cell are spent, and by which rule the answer is selected where that isn't the majority.

    >>> budget_words({"n": 8, "m": 1}), budget_words({"n": 0, "m": 12.4, "select": "draws"})
    ('8 abstr. × 1', 'plain × 12.4, draws')
    """
    rule = cell.get("select", "majority")
    more = "" if rule == "majority" else f", {rule}"
    if cell.get("n", 0):
        return f"{cell['n']} abstr. × {cell['m']}{more}"
    return f"{cell.get('mode', 'plain')} × {cell['m']:.4g}{more}"


def sweep_rows(sweep: dict[str, Any], best_temperature: bool = True) -> list[dict[str, Any]]:
    """Cells, then references, each model's by mode and tokens; plain sampling at its best temperature or at all.

    Where temperatures were chosen on the validation problems, plain sampling is shown at that one too.
    """
    groups = [sweep.get(name, []) for name in ("cells", "references")]
    if best_temperature:
        rule = groups[0][0].get("select") if groups[0] else None  # the others' are in a table of their own
        groups[0] = [cell for cell in groups[0] if cell.get("select") == rule]
        kept = [at_best_temperature(group, "pass_at_k") for group in groups]
        groups = [
            [cell for cell in group if cell in best or temperature_words(sweep, cell).endswith("v")]
            for group, best in zip(groups, kept, strict=True)
        ]

    def order(cell: dict[str, Any]) -> tuple:
        who, mode, m = way(cell)
        rank = CHECKPOINT_ORDER.get(cell["checkpoint"], len(CHECKPOINT_ORDER))
        temperature = 0.0 if best_temperature else cell.get("temperature") or 0.0
        return rank, who, mode == "abstractions", m, temperature, cell["tokens_per_problem"]

    return [cell for group in groups for cell in sorted(group, key=order)]


MEASURES = (("accuracy", "ci95", "p_holm"), ("pass_at_k", "pass_ci95", "pass_p_holm"))
"""Of a cell: value, interval, and p of its difference to plain sampling."""


def marked(cell: dict[str, Any], value: str, interval: str, p: str) -> str:
    """A cell's value, bold where it differs from plain sampling at equal tokens."""
    text = share(cell.get(value), cell.get(interval))
    return f"[bold]{text}[/]" if cell.get(p, 1.0) <= LEVEL else text


def asked_words(cells: list[dict[str, Any]]) -> str:
    """Over how many problems the intervals of cells are, and of which model over fewer.

    >>> few, all_ = {"label": "pretrained", "problems": 26}, {"label": "base", "problems": 100}
    >>> asked_words([few, all_, all_]), asked_words([all_]), asked_words([{"label": "base"}])
    ('100 problems, pretrained: 26', '100 problems', 'problems')
    """
    asked = {cell["label"]: cell["problems"] for cell in cells if cell.get("problems")}
    if not asked:
        return "problems"
    most = max(asked.values())
    return ", ".join([f"{most} problems", *(f"{who}: {count}" for who, count in asked.items() if count < most)])


def sweep_table(sweep: dict[str, Any]) -> Table:
    """One line per cell, narrow enough for 80 columns."""
    over = asked_words(sweep.get("cells", []))
    caption = f"percent (95 % interval over {over}); plain sampling at its best temperature T\n{marks(sweep)}".strip()
    table = Table(title="Budget sweep: equal generated tokens, abstractions counted", caption=caption, **LOOK)
    table.add_column("model", no_wrap=True)
    table.add_column("way", no_wrap=True)
    rule = next((f"right by {cell['select']}" for cell in sweep.get("cells", []) if "select" in cell), "selected right")
    for name in ("T", "tokens", rule, "covered"):
        table.add_column(name, justify="right", no_wrap=True)
    previous = None
    for cell in sweep_rows(sweep):
        who, mode, m = way(cell)
        if previous not in (None, (who, mode, m)):
            table.add_section()
        previous = (who, mode, m)
        table.add_row(
            who,
            budget_words(cell),
            temperature_words(sweep, cell),
            f"{cell['tokens_per_problem']:,.0f}",
            *(marked(cell, *names) for names in MEASURES),
        )
    return table


def temperature_words(sweep: dict[str, Any], cell: dict[str, Any]) -> str:
    """A cell's temperature; `*` = the best of a grid whose end it is, `v` = best on the validation problems.

    >>> choice = {"label": "base", "mode": "plain", "measure": "coverage", "chosen_on": "test", "best": 0.7}
    >>> sweep = {"temperatures": [choice | {"edge": True}]}
    >>> temperature_words(sweep, {"label": "base", "n": 0, "m": 1, "temperature": 0.7})
    '0.7*'
    """
    if cell.get("temperature") is None:
        return ""
    who, mode, _ = way(cell)
    mode = "abstractions" if mode == "abstractions" else "plain"
    choices = [
        choice for choice in sweep.get("temperatures", [])
        if (choice["label"], choice["mode"], choice["measure"]) == (who, mode, "coverage")
        and choice["best"] == cell["temperature"]
    ]  # fmt: skip
    star = "*" if any(choice["edge"] for choice in choices) else ""
    valid = "v" if mode == "plain" and any(choice["chosen_on"] == "validation" for choice in choices) else ""
    return f"{cell['temperature']:g}{star}{valid}"


def marks(sweep: dict[str, Any]) -> str:
    """What the marks at temperatures mean, where there are any."""
    shown = [temperature_words(sweep, cell) for cell in sweep.get("cells", [])]
    words = ["* best, and an end of its grid"] if any("*" in text for text in shown) else []
    words += ["v best on the validation problems"] if any(text.endswith("v") for text in shown) else []
    apart = any(cell.get(name, 1.0) <= LEVEL for cell in sweep.get("cells", []) for *_, name in MEASURES)
    words += ["bold: not plain sampling's,\nat equal tokens, corrected for the number of cells (Holm)"] if apart else []
    return "; ".join(words)


TRIPLE = {
    "without": "without abstraction",
    "with_mean": "with an abstraction (mean)",
    "with_best": "with the best one (oracle)",
    "best_control": "same oracle, bare samples",
}


def triple_table(sweep: dict[str, Any]) -> Table:
    """Accuracy without, with, and with the best abstraction, and the control of the last."""
    entries = sweep.get("triple", {})
    table = Table(title="Accuracy of single solutions", caption="percent (95 % interval over problems)", **LOOK)
    table.add_column("")
    for checkpoint in entries:
        table.add_column(CHECKPOINTS.get(checkpoint, checkpoint), justify="right", no_wrap=True)
    for name, words in TRIPLE.items():
        table.add_row(words, *(share(entry.get(name), entry.get(f"{name}_ci95")) for entry in entries.values()))
    return table


def side_words(side: Any) -> str:
    """One side of a comparison, which is a cell's head or already words."""
    if not isinstance(side, dict):
        return str(side)
    return f"{way(side)[0]}, {budget_words(side)}, {side['tokens_per_problem']:,.0f} tokens"


def comparison_table(sweep: dict[str, Any]) -> Table:
    """Paired differences in percentage points; a bold one excludes zero."""
    table = Table(title="Paired differences", caption="percentage points (95 % interval, same problems)", **LOOK)
    table.add_column("question")
    table.add_column("difference", justify="right", no_wrap=True)
    for row in sweep.get("comparisons", []):
        low, high = row["ci95"]
        text = percentage_points(row["difference"], row["ci95"])
        sides = f"{side_words(row['a'])} minus {side_words(row['b'])}"
        question = f"{escape(row['name'])}\n[dim]{escape(sides)}[/]"
        table.add_row(question, f"[bold]{text}[/]" if low > 0 or high < 0 else text)
    return table


def print_sweep(sweep: dict[str, Any], console: Console | None = None) -> None:
    """Everything a sweep found out, on the terminal."""
    out = console or Console()
    out.print(sweep_table(sweep))
    for warning in sweep.get("warnings", []):
        out.print(f"[yellow]Warning:[/] {escape(warning)}", highlight=False)
    if sweep.get("triple"):
        out.print(triple_table(sweep))
    if sweep.get("comparisons"):
        out.print(comparison_table(sweep))
    print_rules(sweep, out)
    for sentence in split_sentences(sweep):
        out.print(escape(sentence), highlight=False)
    print_lists(sweep, out)
    print_choosing(sweep, out)
    print_decoding(sweep, out)
    print_spending(sweep, out)
