"""Which rule selects best, and what its scores know, in words and tables."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evals.tables.looks import LOOK, percentage_points, share

WAYS = {"abstractions": "breadth", "plain": "plain"}


def keys_words(keys: dict[str, Any]) -> str:
    """A rule's keys, shortly; lists as their length.

    >>> keys_words({"alpha": 0.5, "steps": [0.1, 0.2]}), keys_words({})
    (' alpha 0.5 steps of 2', '')
    """
    return "".join(
        f" {key} of {len(value)}" if isinstance(value, list) else f" {key} {value:g}" for key, value in keys.items()
    )


def _verdict(difference: list[float]) -> str:
    """What an interval of a difference decides.

    >>> _verdict([0.01, 0.03]), _verdict([-0.01, 0.03]), _verdict([-0.03, -0.01])
    ('breadth wins', 'not decided', 'plain sampling wins')
    """
    low, high = difference
    return "breadth wins" if low > 0 else "plain sampling wins" if high < 0 else "not decided"


def selection_sentences(sweep: dict[str, Any]) -> list[str]:
    """The selected answer of both sides at the largest equal budget, and what stands around it."""
    found = sweep.get("selection")
    if not found:
        return []
    chosen = "chosen on the validation problems"
    if found["chosen_on"] == "test":
        chosen = "chosen on the test problems themselves, for want of validation problems"
    random, oracle, plain_oracle, voted = (
        share(found[name]) for name in ("random", "oracle", "plain_oracle", "plain_majority")
    )
    sentences = [
        f"Selected answer at {found['tokens']:,.0f} tokens, {found['label']}, {found['problems']} problems: "
        f"{_duel(found)}; rules and temperatures {chosen}.",
        f"Beside it: random pick {random} %, oracle (coverage) {oracle} %; plain sampling's oracle {plain_oracle} %, "
        f"its majority at its best temperature {voted} %.",
    ]
    if "on_test" in found:
        sentences.append(f"Had the test problems themselves chosen: {_duel(found['on_test'])}.")
    return sentences


def _duel(found: dict[str, Any]) -> str:
    return (
        f"breadth ({found['rule']} at T {found['temperature']:g}) {share(found['breadth'])} %, plain sampling "
        f"({found['plain_rule']} at T {found['plain_temperature']:g}) {share(found['plain'])} %, "
        f"{percentage_points(found['difference'], found['ci95'])} points, {_verdict(found['ci95'])}"
    )


def rule_lines(sweep: dict[str, Any], checkpoint: str | None = None) -> list[dict[str, Any]]:
    """One line per rule and side, in words; of one checkpoint where it is named."""
    return [
        {
            "who": row["label"], "way": WAYS[row["mode"]], "rule": row["select"] + keys_words(row["keys"]),
            "temperature": f"{row['temperature']:g}", "right": share(row["accuracy"], row["ci95"]),
            "difference": percentage_points(row["difference"], row["difference_ci95"]), "chosen": row["chosen"],
        }
        for row in sweep.get("rules", [])
        if checkpoint in (None, row["checkpoint"])
    ]  # fmt: skip


def score_lines(sweep: dict[str, Any], checkpoint: str | None = None) -> list[dict[str, Any]]:
    """One line per score, side and temperature, in words; of one checkpoint where it is named."""
    return [
        {
            "who": row["label"], "way": WAYS[row["mode"]], "temperature": f"{row['temperature']:g}",
            "score": row["score"], "brier": f"{row['brier']:.3f}", "ece": f"{row['ece']:.3f}",
            "auroc": share(row["auroc"], row["auroc_ci95"]),
        }
        for row in sweep.get("scores", [])
        if checkpoint in (None, row["checkpoint"])
    ]  # fmt: skip


def _table(title: str, caption: str, headings: list[str], rows: list[list[str]]) -> Table:
    table = Table(title=title, caption=caption, **LOOK)
    for heading in headings:
        table.add_column(
            heading, justify="left" if heading in ("way", "rule", "score") else "right", no_wrap=heading != "rule"
        )
    for before, row in zip([None, *rows], rows, strict=False):
        if before and before[0] != row[0]:
            table.add_section()
        table.add_row(*row)
    return table


def print_rules(sweep: dict[str, Any], out: Console) -> None:
    """Rules and scores of the sweep's main pair, narrow enough for 80 columns."""
    found = sweep.get("selection")
    if not found:
        return
    rows = []
    for line in rule_lines(sweep, found["checkpoint"]):
        name = escape(line["rule"])
        bold = f"[bold]{name}[/]" if line["chosen"] else name
        rows.append([line["way"], bold, line["temperature"], line["right"], line["difference"]])
    caption = (
        f"percent, at {found['tokens']:,.0f} tokens; bold = chosen;\n"
        "difference to plain sampling's chosen rule in points"
    )
    out.print(_table("Selection rules", caption, ["way", "rule", "T", "right", "difference"], rows))
    for sentence in selection_sentences(sweep):
        out.print(escape(sentence), highlight=False)
    temperatures = {"breadth": found["temperature"], "plain": found["plain_temperature"]}
    scores = [
        [line["way"], line["score"], line["auroc"], line["brier"], line["ece"]]
        for line in score_lines(sweep, found["checkpoint"])
        if line["temperature"] == f"{temperatures[line['way']]:g}"
    ]
    caption = "AUROC inside problems, percent; Brier score and ECE as a probability of being right"
    out.print(_table("What scores know", caption, ["way", "score", "AUROC", "Brier", "ECE"], scores))
