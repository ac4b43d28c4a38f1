"""The courses of trainings as tables of at most 80 columns, for the terminal and as Markdown."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from evals.dynamics.measure import ENTROPIES, Record
from evals.tables.looks import LOOK, percentage_points

Sheet = tuple[str, tuple[str, ...], list[tuple[str, ...]]]
"""Title, headings, rows."""
PLAYERS = {"abstraction": "π_abs", "solution": "π_sol"}


def sheets(records: list[Record]) -> list[Sheet]:
    """All tables, a row for each run."""
    own = [(record["arm"], "–" if record["seed"] is None else str(record["seed"]), record) for record in records]
    laws = [
        (arm, seed, PLAYERS[role], *law_cells(law)) for arm, seed, record in own for role, law in record["law"].items()
    ]
    return [
        (
            "Accuracy of rollouts, %: first stretch, best and last, and the fall between these (points)",
            ("arm", "seed", "steps", "first", "best (step)", "last", "fall (95 %)"),
            [(arm, seed, f"{record['steps']:,}", *accuracy_cells(record["accuracy"])) for arm, seed, record in own],
        ),
        (
            "Entropy, nats a token: first → last stretch @ the step where it turns",
            ("arm", "seed", "π_abs", "π_sol", "planning", "execution"),
            [(arm, seed, *(entropy_cell(record, name) for name in ENTROPIES)) for arm, seed, record in own],
        ),
        (
            "Law R = -a e^H + b: a of the first 30 % and of the rest, R² of all; error late / no change",
            ("arm", "seed", "of", "a, early", "a, late", "R²", "ratio"),
            laws,
        ),
        (
            "Tokens clipped, % (mean, most); gradient norms (mean, most); two phases from step",
            ("arm", "seed", "clipped", "π_abs grad", "π_sol grad", "tokens", "grams", "players"),
            [(arm, seed, *update_cells(record)) for arm, seed, record in own],
        ),
    ]


def accuracy_cells(found: dict[str, Any]) -> tuple[str, str, str, str]:
    """First, best, last, fall.

    >>> found = {"first": 0.2, "best": 0.31, "best_step": 612.0, "last": 0.25, "drop": 0.06, "ci95": [0.01, 0.11]}
    >>> accuracy_cells(found)
    ('20.0', '31.0 (612)', '25.0', '+6.0 (+1.0 to +11.0)')
    """
    fall = percentage_points(found["drop"], found["ci95"]) if found["ci95"] else "none: last is best"
    best = f"{100 * found['best']:.1f} ({found['best_step']:.0f})"
    return f"{100 * found['first']:.1f}", best, f"{100 * found['last']:.1f}", fall


def entropy_cell(record: Record, name: str) -> str:
    """An entropy's ends and its turn.

    >>> entropy_cell({"entropy": {"x": [0.861, 0.4]}, "turns": {"x": 312.0}}, "x"), entropy_cell({"entropy": {}}, "x")
    ('.86→.40 @312', '–')
    """
    if name not in record["entropy"]:
        return "–"
    ends = "→".join(short(value) for value in record["entropy"][name])
    at = record["turns"].get(name)
    return ends if at is None else f"{ends} @{at:.0f}"


def short(value: float) -> str:
    """Two digits behind the point, no zero before it.

    >>> short(0.861), short(-0.5), short(12.3)
    ('.86', '-.50', '12.30')
    """
    return f"{value:.2f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.2f}"


def law_cells(law: dict[str, Any]) -> tuple[str, str, str, str]:
    """a early and late with their intervals, R² of the whole run, and the early law's error over that of no change.

    >>> part = {"a": 0.1, "ci95": [0.05, 0.15], "r2": 0.25}
    >>> law_cells({"early": part, "late": part, "whole": part, "rmse": 0.03, "rmse_no_change": 0.02})
    ('.10 (.05 to .15)', '.10 (.05 to .15)', '.25', '1.50')
    """
    early, late = (
        f"{short(law[part]['a'])} ({short(law[part]['ci95'][0])} to {short(law[part]['ci95'][1])})"
        for part in ("early", "late")
    )
    ratio = law["rmse"] / law["rmse_no_change"] if law["rmse_no_change"] else None
    return early, late, short(law["whole"]["r2"]), "–" if ratio is None else f"{ratio:.2f}"


def update_cells(record: Record) -> tuple[str, ...]:
    """Clipped tokens, gradient norms, two phases by each reading.

    >>> over = {"clip_fraction": {"mean": 0.012, "largest": 0.05}, "solution_gradient": {"mean": 0.3, "largest": 2.0}}
    >>> update_cells({"over_the_run": over, "phases": {"tokens": {"step": None}, "players": {"step": 400.0}}})
    ('1.2, 5.0', '–', '.30, 2.00', 'no', '–', '400')
    """
    spread, phases = record["over_the_run"], record["phases"]
    clipped = spread.get("clip_fraction")
    cells = ["–" if clipped is None else f"{100 * clipped['mean']:.1f}, {100 * clipped['largest']:.1f}"]
    for role in PLAYERS:
        found = spread.get(f"{role}_gradient")
        cells.append("–" if found is None else f"{short(found['mean'])}, {short(found['largest'])}")
    for reading in ("tokens", "grams", "players"):
        step = phases.get(reading, {}).get("step", False)
        cells.append("–" if step is False else "no" if step is None else f"{step:.0f}")
    return tuple(cells)


def tables(records: list[Record]) -> list[Table]:
    """For the terminal."""
    made = []
    for title, headings, rows in sheets(records):
        table = Table(title=title, **LOOK)
        for place, heading in enumerate(headings):
            table.add_column(heading, justify="left" if place == 0 else "right")
        for row in rows:
            table.add_row(*row)
        made.append(table)
    return made


def markdown(name: str, records: list[Record], arms: dict[str, str], command: str) -> str:
    """The same tables under a heading, with the arms' own words and the command."""
    parts = [f"# {name}", f"`{command}`"]
    parts += ["\n".join(f"- `{arm}`: {words}" for arm, words in arms.items())] if arms else []
    for title, headings, rows in sheets(records):
        lines = [headings, ("---",) * len(headings), *rows]
        parts += [f"## {title}", "\n".join(f"| {' | '.join(line)} |" for line in lines)]
    return "\n\n".join(parts) + "\n"
