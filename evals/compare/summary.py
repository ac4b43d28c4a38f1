"""One row per arm: what it reached in the end, over seeds, from compare.json alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from evals.compare.final import final
from evals.statistics.estimators import mean_over_seeds
from evals.statistics.rounding import rounded
from evals.tables.looks import percentage_points, share

HEADINGS = {
    "covered": "covered, %",
    "gained": "minus focus, points",
    "level": "covered at equal tokens, %",
    "selected": "selected right, %",
    "right_with": "single right, with, %",
    "right_without": "single right, without, %",
    "distinct": "distinct abstractions",
    "abstraction_entropy": "entropy, abstraction",
    "solution_entropy": "entropy, solution",
    "brier": "Brier",
    "ece": "ECE",
    "auroc": "AUROC",
    "tokens": "training tokens",
    "seconds": "training seconds",
}
SHARES = ("covered", "level", "selected", "right_with", "right_without")


def finals(result: dict[str, Any], arm: str) -> list[dict[str, Any]]:
    """An arm's numbers at the end, seed by seed. Older files hold seconds among their commands only."""
    timed = {
        str(record["seed"]): record["seconds"]
        for record in result["commands"]
        if record["arm"] == arm and record["verb"] == "train"
    }
    runs = result["arms"][arm]["seeds"]
    return [final(run | {"seconds": run.get("seconds", {"train": timed.get(seed)})}) for seed, run in runs.items()]


def summary(result: dict[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """arm -> measure -> {"mean", "ci95", "by_seed"}; a measure that a seed lacks is left out.

    Coverage and the selected answer are those at the focus arm's largest budget: with abstractions where an arm writes
    any, else of as many tokens of plain sampling at its best temperature.
    """
    return {arm: _summary(result, arm) for arm in result["arms"]}


def _summary(result: dict[str, Any], arm: str) -> dict[str, dict[str, Any]]:
    by_seed: dict[str, list] = {}
    focus, own = (widest_row(result, name) for name in (result["meta"]["focus"], arm))
    if own:
        by_seed["covered"], by_seed["selected"] = own["pass_at_k_by_seed"], own["accuracy_by_seed"]
        if own is not focus:
            pairs = zip(own["pass_at_k_by_seed"], focus["pass_at_k_by_seed"], strict=True)
            by_seed["gained"] = [a - b for a, b in pairs]
    if (level := equal_token_coverage(result, arm)) is not None:
        by_seed["level"] = level
    ends = finals(result, arm)
    by_seed |= {name: [end[name] for end in ends] for name in HEADINGS if name in ends[0] and name not in by_seed}
    found = {}
    for name, values in by_seed.items():
        if None not in values:
            interval = mean_over_seeds(values)
            sure = interval.low == interval.low  # one seed has no interval
            found[name] = {
                "mean": rounded(interval.estimate),
                "ci95": rounded(interval.ci95) if sure else None,
                "by_seed": rounded(values),
            }
    return found


def equal_token_coverage(result: dict[str, Any], arm: str) -> list[float] | None:
    """Coverage with abstractions at equal tokens, seed by seed: the most that every arm of the seed reaches.

    An arm with more distinct abstractions spends more tokens on "8 x 1"; this asks what it covers with as many as the
    others have. None for an arm that writes no abstractions, or whose cells all lie above.
    """
    found = []
    for seed, run in result["arms"][arm]["seeds"].items():
        swept = [other["seeds"][seed]["cells"] for other in result["arms"].values() if seed in other["seeds"]]
        reached = min(max(cell["tokens_per_problem"] for cell in cells) for cells in swept if cells)
        found.append(coverage_at(run["cells"], reached) if run["cells"] else None)
    return None if None in found or not found else found


def coverage_at(cells: list[dict[str, Any]], tokens: float) -> float | None:
    """Coverage between two cells, a straight line over the logarithm of tokens; None outside of all cells.

    >>> cells = [{"tokens_per_problem": t, "pass_at_k": c} for t, c in ((100.0, 0.2), (400.0, 0.4))]
    >>> round(coverage_at(cells, 200.0), 3), coverage_at(cells, 500.0)
    (0.3, None)
    """
    points = sorted((cell["tokens_per_problem"], cell["pass_at_k"]) for cell in cells)
    if not points[0][0] <= tokens <= points[-1][0]:
        return None
    at, values = zip(*points, strict=True)
    return float(np.interp(math.log(tokens), [math.log(t) for t in at], values))


def widest_row(result: dict[str, Any], arm: str) -> dict[str, Any] | None:
    """An arm's row at the largest budget, with abstractions if it writes any; None when it was not swept."""
    rows = [row for row in result["budgets"][-1]["rows"] if row["arm"] == arm]
    return min(rows, key=lambda row: row["way"] != "abstractions", default=None)


def summary_table(result: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Headings and finished rows, the best covered first; columns that no arm has a number for are left out."""
    arms = summary(result)
    names = [name for name in HEADINGS if any(name in measures for measures in arms.values())]
    order = sorted(arms, key=lambda arm: -arms[arm].get("covered", {"mean": -1.0})["mean"])
    rows = []
    for arm in order:
        mark = " (reference)" if result["arms"][arm]["reference"] else ""
        mark = " (focus)" if arm == result["meta"]["focus"] else mark
        rows.append([arm + mark, *(_printed(name, arms[arm].get(name)) for name in names)])
    return ["arm", *(HEADINGS[name] for name in names)], rows


def _printed(name: str, measure: dict[str, Any] | None) -> str:
    """A measure as it is printed.

    >>> _printed("covered", {"mean": 0.5, "ci95": [0.4, 0.6]}), _printed("tokens", {"mean": 1500.4})
    ('50.0 (40.0–60.0)', '1,500')
    >>> _printed("brier", None)
    '–'
    """
    if measure is None:
        return "–"
    if name in SHARES:
        return share(measure["mean"], measure["ci95"])
    if name == "gained":
        return percentage_points(measure["mean"], measure["ci95"])
    if name in ("tokens", "seconds"):
        return f"{measure['mean']:,.0f}"
    return f"{measure['mean']:.2f}" if name == "distinct" else f"{measure['mean']:.3f}"
