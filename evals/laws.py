"""`python -m evals.laws RUN [RUN ...]`: how well the entropy law and the sigmoid foretell many runs, run by run.

Every run is fitted on its first part alone (evals/law/); here the errors on the rest are laid beside those of
foretelling no change and of a line in log tokens, because one run's noise decides nothing. A compare.json stands for
the runs whose learning curves it holds.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evals.charts.curves import as_metrics
from evals.law.foretell import MODELS, NAMES
from evals.law.study import FIT, points_of, read_metrics, study
from evals.runs import ROLES, column, read_json
from rlad.cli import Parser, PlainError, main_guard


def runs_of(given: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Names and metrics of what was given: one run's, or those of a comparison's runs that were trained."""
    comparison = read_json(Path(given)) if given.endswith(".json") else None
    if comparison is None:
        yield "/".join(Path(given).parts[-2:]), read_metrics(given)
        return
    trained = [
        (f"seed{seed}/{arm}", run["learning"])
        for arm, found in comparison.get("arms", {}).items()
        for seed, run in found["seeds"].items()
        if run.get("learning")
    ]
    if not trained:
        raise PlainError(f"'{given}' holds no learning curves.")
    for name, curves in sorted(trained):
        yield name, as_metrics(curves)


def record(run: str, metrics: list[dict[str, Any]], role: str, fit: float) -> dict[str, Any]:
    """One run's numbers of one player: steps, reward and entropy; of each model its parameters and held-out errors."""
    result = study(metrics, points_of(metrics, role, "guided", None), fit).as_json()
    return {"run": run} | {name: result[name] for name in ("role", "steps", "fitted", *MODELS)}


def held_out(records: list[dict[str, Any]], model: str) -> dict[str, Any] | None:
    """How a model did on the held-out steps of all runs; None where it could be fitted to none.

    `better_than_trend` counts against the line in log tokens, in those runs that have one.

    >>> runs = [{"law": {"held_out": {"rmse": r, "rmse_no_change": 0.04}}, "trend": None} for r in (0.03, 0.02, 0.05)]
    >>> runs[0]["trend"] = {"held_out": {"rmse": 0.025}}
    >>> held_out([*runs, {"law": None}], "law")  # doctest: +NORMALIZE_WHITESPACE
    {'runs': 3, 'better': 2, 'better_than_trend': 0, 'runs_with_trend': 1, 'rmse': 0.03, 'rmse_no_change': 0.04,
     'ratio': 0.75}
    """
    found = [(run[model]["held_out"], run["trend"]) for run in records if run[model]]
    if not found:
        return None
    errors, trends = [one for one, _ in found], [(one, trend["held_out"]) for one, trend in found if trend]
    return {
        "runs": len(errors),
        "better": sum(one["rmse"] < one["rmse_no_change"] for one in errors),
        "better_than_trend": sum(one["rmse"] < trend["rmse"] for one, trend in trends),
        "runs_with_trend": len(trends),
        "rmse": statistics.median(one["rmse"] for one in errors),
        "rmse_no_change": statistics.median(one["rmse_no_change"] for one in errors),
        "ratio": round(statistics.median(one["rmse"] / one["rmse_no_change"] for one in errors), 4),
    }


def slopes(records: list[dict[str, Any]]) -> dict[str, Any] | None:
    """What the fitted steps say of a, the price of reward in entropy.

    >>> slopes([{"law": {"a": 0.1, "a_ci95": [0.05, 0.15]}}, {"law": {"a": 0.3, "a_ci95": [-0.1, 0.7]}}, {"law": None}])
    {'runs': 2, 'median': 0.2, 'above_zero': 1, 'below_zero': 0}
    """
    found = [run["law"] for run in records if run["law"]]
    if not found:
        return None
    return {
        "runs": len(found),
        "median": statistics.median(law["a"] for law in found),
        "above_zero": sum(law["a_ci95"][0] > 0 for law in found),
        "below_zero": sum(law["a_ci95"][1] < 0 for law in found),
    }


def _summary(records: list[dict[str, Any]]) -> dict[str, Any]:
    """By player: the slopes, and each model on the steps it did not see."""
    by_role = {role: [one for one in records if one["role"] == role] for role in ROLES}
    return {
        role: {"a": slopes(own)} | {model: held_out(own, model) for model in MODELS}
        for role, own in by_role.items()
        if own
    }


def _sentences(found: dict[str, Any]) -> str:
    """The summary in sentences."""
    lines = []
    for role, one in found.items():
        if one["a"]:
            a = one["a"]
            lines.append(
                f"{role} player: a has a median of {a['median']:.3f} over {a['runs']} runs; its 95 % interval is above "
                f"zero in {a['above_zero']}, below zero in {a['below_zero']}."
            )
        for model in MODELS:
            if held := one[model]:
                trend = f", than the line in log tokens in {held['better_than_trend']} of {held['runs_with_trend']}"
                lines.append(
                    f"  {NAMES[model]}, on the steps it did not see: RMSE {held['rmse']:.4f} (median), no change "
                    f"{held['rmse_no_change']:.4f}, median ratio {held['ratio']:.2f}; better than no change in "
                    f"{held['better']} of {held['runs']} runs{trend if model != 'trend' else ''}."
                )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    parser = Parser(prog="python -m evals.laws", description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", metavar="run", help="run folders, or a compare.json")
    parser.add_argument("--fit", type=float, default=FIT, metavar="SHARE", help=f"fitted first part (default {FIT})")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write every run's numbers there, as JSON")
    given = parser.parse_args(arguments)
    if not 0 < given.fit < 1:
        raise PlainError(f"--fit {given.fit} must be between 0 and 1.")
    records = [
        record(name, metrics, role, given.fit)
        for run in given.runs
        for name, metrics in runs_of(run)
        for role in ROLES
        if any(column(metrics, role, "entropy"))
    ]
    found = _summary(records)
    if given.out:
        given.out.write_text(json.dumps({"fit": given.fit, "summary": found, "runs": records}, indent=1) + "\n")
    print(_sentences(found))


if __name__ == "__main__":
    main_guard(main)
