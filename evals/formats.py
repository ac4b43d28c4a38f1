"""`python -m evals.formats RUN [RUN ...]`: whether one form of text takes over while players train (2504.07912).

Every step counts which form each text has (rlad/entropy/formats.py); here the entropy of the forms and the share of the
most frequent one in a run's first part stand beside those in its last. Runs whose folders share a name are seeds of one
arm, and their differences get an interval.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from evals.runs import ROLES, read_run, require_different
from evals.statistics.estimators import mean_over_seeds
from evals.tables.looks import LOOK
from rlad.cli import Parser, PlainError, main_guard
from rlad.players.roles import role_of

PART = 0.1
"""Of the steps, at the beginning and at the end."""


def course(profiles: list[dict[str, Any]], part: float = PART) -> dict[str, Any]:
    """The forms in the first and the last part of a training, given each step's profile of them.

    `dominant`: the form that is most often the most frequent one, in either part. Raises PlainError for fewer than two
    steps.

    >>> shares = {0.6: 0.5, 0.4: 0.7, 0.2: 0.9}
    >>> steps = [{"entropy": h, "dominant_share": share, "dominant": "prose"} for h, share in shares.items()]
    >>> course(steps, 0.34)["entropy"], course(steps, 0.34)["dominant_share"]
    ([0.6, 0.2], [0.5, 0.9])
    """
    if len(profiles) < 2:
        raise PlainError("Forms are compared between a training's beginning and its end; it has fewer than two steps.")
    size = max(1, int(part * len(profiles)))
    parts = profiles[:size], profiles[-size:]
    means = {
        name: [round(float(np.mean([one[name] for one in steps])), 4) for steps in parts]
        for name in ("entropy", "dominant_share")
    }
    dominant = [Counter(one["dominant"] for one in steps).most_common(1)[0][0] for steps in parts]
    return {"steps": len(profiles), "dominant": dominant} | means


def courses(runs: list[str]) -> list[dict[str, Any]]:
    """One record per run and player whose forms were measured. Raises RunError and PlainError where there is none."""
    require_different(runs)
    records = []
    for given in runs:
        metrics = read_run(given).metrics
        for role in ROLES:
            profiles = [step.get(role, {}).get("instruments", {}).get("formats") for step in metrics]
            if profiles := [one for one in profiles if one]:
                path = Path(given).resolve()
                records.append({"run": path.name, "of": path.parent.name, "role": role} | course(profiles))
    if not records:
        raise PlainError(f"No form of text was measured in {', '.join(runs)}; instruments.every says how often.")
    return records


def arms(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Runs of one name as one arm: means at the beginning and the end, and the difference with a 95 % t interval.

    >>> runs = [{"run": "a", "role": "solution", "entropy": [1, h], "dominant_share": [0.5, 0.6]} for h in (0.5, 0.7)]
    >>> arms(runs)[0]["entropy"], arms(runs)[0]["entropy_difference"]["value"]
    ([1.0, 0.6], -0.4)
    """
    found = []
    for name, role in dict.fromkeys((one["run"], one["role"]) for one in records):
        own = [one for one in records if (one["run"], one["role"]) == (name, role)]
        row: dict[str, Any] = {"arm": name, "role": role, "runs": len(own)}
        for key in ("entropy", "dominant_share"):
            begin, end = np.array([one[key] for one in own], dtype=float).T
            row[key] = [round(float(begin.mean()), 4), round(float(end.mean()), 4)]
            row[f"{key}_difference"] = _interval(end - begin)
        found.append(row)
    return found


def _interval(differences: np.ndarray) -> dict[str, Any]:
    if len(differences) < 2:
        return {"value": round(float(differences[0]), 4), "ci95": None}
    value = mean_over_seeds(differences)
    return {"value": round(value.estimate, 4), "ci95": [round(value.low, 4), round(value.high, 4)]}


def print_formats(found: list[dict[str, Any]], console: Console | None = None) -> None:
    caption = f"first and last {100 * PART:.0f} % of the steps; difference over runs of one name, 95 % t interval"
    table = Table(title="Forms of texts: entropy in nats, share of the most frequent", caption=caption, **LOOK)
    for name in ("run", "player", "runs", "entropy", "difference", "share, %"):
        table.add_column(name, justify="left" if name in ("run", "player") else "right", no_wrap=True)
    for row in found:
        player = role_of(row["role"]).symbol
        (h0, h1), (s0, s1), gap = row["entropy"], row["dominant_share"], row["entropy_difference"]
        wide = f" ({gap['ci95'][0]:+.2f} to {gap['ci95'][1]:+.2f})" if gap["ci95"] else ""
        table.add_row(row["arm"], player, str(row["runs"]), f"{h0:.2f} → {h1:.2f}", f"{gap['value']:+.2f}{wide}",
                      f"{100 * s0:.0f} → {100 * s1:.0f}")  # fmt: skip
    (console or Console()).print(table)


def main(words: list[str] | None = None) -> None:
    parser = Parser(prog="python -m evals.formats", description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run folders; those of one name are seeds of one arm")
    parser.add_argument("--out", type=Path, metavar="FILE", help="every run's numbers, as JSON")
    given = parser.parse_args(words)
    records = courses(given.runs)
    found = arms(records)
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps({"part": PART, "arms": found, "runs": records}, indent=1) + "\n")
    print_formats(found)


if __name__ == "__main__":
    main_guard(main)
