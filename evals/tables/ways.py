"""What the cells of a sweep are called, and which of them stand for plain sampling."""

from __future__ import annotations

from collections import Counter
from typing import Any

CHECKPOINTS = {"pretrained": "pretrained", "warmstart": "base", "cotrained": "co-trained"}


def way(cell: dict[str, Any]) -> tuple[str, str, int]:
    """What one line of the sweep plot shares: whose samples, which mode, and solutions per abstraction (0 = plain)."""
    plain = cell.get("n", 0) == 0
    who = cell.get("label") or CHECKPOINTS.get(cell.get("checkpoint", ""), cell.get("checkpoint", ""))
    mode = cell.get("mode") or ("plain" if plain else "abstractions")
    return who, mode, 0 if plain else int(cell["m"])


def way_label(cell: dict[str, Any]) -> str:
    """A line's name in plain words.

    >>> way_label({"checkpoint": "cotrained", "n": 8, "m": 1})
    'co-trained, distinct abstractions × 1 solution'
    >>> way_label({"checkpoint": "warmstart", "n": 0, "m": 16})
    'base, plain sampling'
    """
    who, mode, m = way(cell)
    if mode == "abstractions":
        return f"{who}, distinct abstractions × {m} solution{'s' if m > 1 else ''}"
    return f"{who}, {'plain sampling' if mode == 'plain' else mode.replace('_', ' ').replace('-', ' ')}"


def selected_cells(sweep: dict[str, Any]) -> list[dict[str, Any]]:
    """The cells that say how often the selected answer is right: each way of a checkpoint under the rule that was
    chosen for it, plain sampling at the temperature chosen with it; where that was not measured, under the first rule.

    >>> cell = {"checkpoint": "cotrained", "mode": "abstractions", "n": 4, "m": 1}
    >>> cells = [cell | {"select": rule} for rule in ("majority", "proposer")]
    >>> chosen = {"checkpoint": "cotrained", "mode": "abstractions", "select": "proposer", "chosen": True}
    >>> [[cell["select"] for cell in selected_cells({"cells": cells, "rules": rules})] for rules in ([chosen], [])]
    [['proposer'], ['majority']]
    """
    cells = sweep.get("cells", [])
    chosen = {(row["checkpoint"], row["mode"]): row for row in sweep.get("rules", []) if row["chosen"]}
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for cell in cells:
        groups.setdefault((cell["checkpoint"], way(cell)[1]), []).append(cell)
    found = []
    for place, group in groups.items():
        first = [cell for cell in group if cell.get("select") == cells[0].get("select")]
        rule = chosen.get(place)
        own = [
            cell
            for cell in group
            if rule
            and cell.get("select") == rule["select"]
            and (cell.get("n", 0) or cell.get("temperature") == rule["temperature"])
        ]
        # Of a wide grid or an older sweep not every cell was measured under the chosen rule.
        found += own if len({_shape(cell) for cell in own}) == len({_shape(cell) for cell in first}) else first
    return found


def _shape(cell: dict[str, Any]) -> tuple:
    """Which cell of a grid, or which budget of plain sampling."""
    return (cell["n"], cell["m"]) if cell.get("n", 0) else (0, round(cell["tokens_per_problem"]))


def at_best_temperature(cells: list[dict[str, Any]], measure: str) -> list[dict[str, Any]]:
    """Of each way and budget only the cell that is best in `measure`: plain sampling as a reader would run it."""
    known = [cell for cell in cells if cell.get(measure) is not None and cell.get("tokens_per_problem") is not None]
    sharing = Counter(
        (way(cell), round(cell["tokens_per_problem"]), cell.get("select")) for cell in known if not cell.get("n", 0)
    )

    def spot(cell: dict[str, Any]) -> tuple:
        if cell.get("n", 0):
            return way(cell), cell["n"], cell.get("select")
        # Plain cells of different temperatures meet at a token budget or, failing that, at a number of samples.
        budget = (way(cell), round(cell["tokens_per_problem"]), cell.get("select"))
        return budget if sharing[budget] > 1 else (way(cell), "samples", cell["m"], cell.get("select"))

    best: dict[tuple, dict[str, Any]] = {}
    for cell in known:
        if spot(cell) not in best or cell[measure] > best[spot(cell)][measure]:
            best[spot(cell)] = cell
    return list(best.values())
