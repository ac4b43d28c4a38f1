"""What a player that chooses among a tree's answers comes to beside the votes, in words and in a table."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evals.statistics.estimators import LEVEL
from evals.tables.looks import LOOK, percentage_points, share
from evals.tables.rules import WAYS


def headline(sweep: dict[str, Any]) -> dict[str, Any] | None:
    """The row that speaks for the sweep: of its main pair at the temperature that counts, the largest cell whose tokens
    breadth's votes could spend on the same trees; the largest of all where there is none such.

    >>> row = {"checkpoint": "cotrained", "chosen": True, "matched": True, "tokens_per_problem": 90.0}
    >>> rows = [row, row | {"tokens_per_problem": 120.0, "matched": False}, row | {"tokens_per_problem": 60.0}]
    >>> headline({"choosers": rows})["tokens_per_problem"], headline({"choosers": rows[1:2]})["tokens_per_problem"]
    (90.0, 120.0)
    """
    rows = [row for row in sweep.get("choosers", []) if row["chosen"]]
    main = [row for row in rows if row["checkpoint"] == "cotrained"] or rows
    return max(main, key=lambda row: (row["matched"], row["tokens_per_problem"]), default=None)


def chosen_vote(row: dict[str, Any], way: str) -> dict[str, Any] | None:
    """The vote of a way that validation problems chose, beside a row."""
    return next((vote for vote in row["votes"] if vote["mode"] == way and vote["chosen"]), None)


def choosing_sentences(sweep: dict[str, Any]) -> list[str]:
    """The player's choices against the votes at equal tokens, in words."""
    row = headline(sweep)
    if row is None:
        return []
    own = f"{row['own_tokens']:,.1f} of them its own, {row['read_tokens']:,.0f} tokens read beside"
    start = f"The {row['select']} on {row['n']} x {row['m']}, {row['label']}: right "
    start += f"{share(row['accuracy'], row['ci95'])} % at {row['tokens_per_problem']:,.0f} tokens ({own})"
    sides = [
        f"{WAYS[way]}'s {vote['select']} {share(vote['accuracy'])} % "
        f"({percentage_points(vote['difference'], vote['ci95'])} points)"
        for way in WAYS
        if (vote := chosen_vote(row, way))
    ]
    decided = [vote for vote in row["votes"] if vote["p_holm"] <= LEVEL]
    above = sum(vote["difference"] > 0 for vote in decided)
    short = "" if row["matched"] else " The trees hold no larger cell, so breadth's votes spend fewer tokens."
    beyond = f"beyond chance above {above} and below {len(decided) - above} (Holm)"
    return [
        f"{start}; the votes that validation problems chose, at as many tokens: {' and '.join(sides)}. "
        f"Of {len(row['votes'])} votes it is {beyond}.{short}"
    ]


def choosing_lines(sweep: dict[str, Any], checkpoint: str | None = None) -> list[dict[str, Any]]:
    """One line per cell at the temperature that counts, in words; of one checkpoint where it is named."""
    return [
        {
            "who": row["label"], "role": row["select"], "cell": f"{row['n']} x {row['m']}",
            "temperature": f"{row['temperature']:g}", "tokens": f"{row['tokens_per_problem']:,.0f}",
            "own": f"{row['own_tokens']:,.1f}", "right": share(row["accuracy"], row["ci95"]),
            "votes": [_vote_words(row, way) for way in WAYS],
        }
        for row in sweep.get("choosers", [])
        if row["chosen"] and checkpoint in (None, row["checkpoint"])
    ]  # fmt: skip


def _vote_words(row: dict[str, Any], way: str) -> str:
    vote = chosen_vote(row, way)
    return percentage_points(vote["difference"], vote["ci95"]) if vote else "–"


def print_choosing(sweep: dict[str, Any], out: Console) -> None:
    """Every cell beside the votes at its tokens, narrow enough for 80 columns, where a player chooses."""
    row = headline(sweep)
    if row is None:
        return
    caption = "percent; points above the vote that validation problems chose, at equal tokens"
    table = Table(title=f"The {row['select']} beside the votes, {row['label']}", caption=caption, **LOOK)
    table.add_column("cell", no_wrap=True)
    for name in ("tokens", "own", "right", *(f"on {way}" for way in WAYS.values())):
        table.add_column(name, justify="right", no_wrap=True)
    for line in choosing_lines(sweep, row["checkpoint"]):
        right = line["right"].partition(" ")[0]  # its interval is in the sentence below, for the cell that matters
        table.add_row(line["cell"], line["tokens"], line["own"], right, *line["votes"])
    out.print(table)
    for sentence in choosing_sentences(sweep):
        out.print(escape(sentence), highlight=False)
