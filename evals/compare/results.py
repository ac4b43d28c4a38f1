"""What a comparison found: every arm's ways of spending test tokens, read off at the focus arm's budgets.

Numbers are means over seeds with Student's t intervals; a seed brings its own problems, base and sampling, so the
interval holds all of that luck. Differences are taken inside a seed, where both sides solve the same problems.
"""

from __future__ import annotations

from typing import Any

from evals.charts.curves import learning
from evals.charts.series import at_budget
from evals.compare.config import BASE, CompareConfig, as_dict, bare_way
from evals.compare.final import final
from evals.compare.spreads import spread
from evals.compare.summary import summary
from evals.compare.trials import Trial
from evals.runs import column, read_json, read_jsonl
from evals.statistics.rounding import rounded
from rlad.cli import PlainError

MEASURES = ("pass_at_k", "accuracy")


def collect(config: CompareConfig, trials: list[Trial]) -> dict[str, Any]:
    """The comparison's JSON, from all finished trials. Raises PlainError while no seed has the focus arm and base."""
    from evals.compare.answers import answers  # loads torch, which running the trials does without

    done = [trial for trial in trials if "sweep" in trial.finished()]
    found = {trial.key: read_trial(config, trial) for trial in done}
    seeds = [seed for seed in config.seeds if (seed, config.focus) in found and (seed, BASE) in found]
    if not seeds:
        raise PlainError(f"Nothing can be compared yet: no seed has finished both '{config.focus}' and its base.")
    arms = [arm for arm in [*config.arms, BASE] if all((seed, arm) in found for seed in seeds)]
    result = {
        "meta": as_dict(config) | {"seeds": seeds, "missing": _missing(config, found)},
        "arms": {arm: {"seeds": {str(seed): found[seed, arm] for seed in seeds}} | about(config, arm) for arm in arms},
        "budgets": budgets(config, arms, {key: found[key] for key in found if key[0] in seeds}),
        "answers": answers(
            config,
            arms,
            {trial.key: trial for trial in done},
            {seed: max(cell["tokens_per_problem"] for cell in found[seed, config.focus]["cells"]) for seed in seeds},
        ),
        "commands": [
            {"arm": trial.arm, "seed": trial.seed, "verb": verb, **{k: v for k, v in record.items() if k != "digest"}}
            for trial in done
            for verb, record in trial.finished().items()
        ],
    }
    return result | {"summary": summary(result)}


def _missing(config: CompareConfig, found: dict[tuple[int, str], Any]) -> list[str]:
    """Pieces that were asked for and are not there."""
    wanted = [(seed, arm) for seed in config.seeds for arm in [BASE, *config.arms]]
    return [f"seed {seed} {arm}" for seed, arm in wanted if (seed, arm) not in found]


def about(config: CompareConfig, arm: str) -> dict[str, Any]:
    """An arm's own words."""
    if arm == BASE:
        return {"description": "the shared warm-started base, not trained any further", "reference": True}
    return {"description": config.arms[arm].description, "reference": config.arms[arm].reference}


def read_trial(config: CompareConfig, trial: Trial) -> dict[str, Any]:
    """One run's small results. Raises PlainError when it did not train as long as the others."""
    sweep = read_json(trial.folder / "sweep.json") or {}
    trained = any(stage.verb == "train" for stage in trial.stages)
    checkpoint = "cotrained" if trained else "warmstart"
    metrics = read_jsonl(trial.folder / "metrics.jsonl") if trained else []
    tokens = column(metrics[-1:], "tokens_generated_total")[0] if metrics else 0
    if trained and (tokens is None or tokens < config.max_tokens):
        raise PlainError(
            f"{trial.label} generated {tokens or 0:,.0f} of {config.max_tokens:,} training tokens: not comparable."
        )
    warm = column(read_jsonl(trial.folder / "warmstart.jsonl")[-1:], "tokens")
    calibration = [row for row in sweep.get("calibration", []) if row["checkpoint"] == checkpoint]
    names = ("n", "m", "select", "temperature", "tokens_per_problem", "pass_at_k", "accuracy", "distinct")
    cells = [cell for cell in sweep.get("cells", []) if cell["checkpoint"] == checkpoint and cell["n"]]
    run = {
        "training_tokens": int(tokens or 0),
        "training_steps": metrics[-1]["step"] if metrics else 0,
        "warmstart_tokens": int(warm[0]) if warm and warm[0] else None,
        "cells": [{name: cell[name] for name in names if name in cell} for cell in cells],
        "curves": [curve for curve in sweep.get("curves", []) if curve["checkpoint"] == checkpoint],
        "triple": sweep.get("triple", {}).get(checkpoint),
        "learning": learning(metrics),
        "seconds": seconds(trial, metrics),
    } | ({"calibration": calibration} if calibration else {})
    return run | {"final": final(run)}


def seconds(trial: Trial, metrics: list[dict[str, Any]]) -> dict[str, float]:
    """Wall-clock seconds by verb. Of the training the steps' own, so that one that was interrupted counts in full."""
    found = {verb: record["seconds"] for verb, record in trial.finished().items()}
    steps = [value for value in column(metrics, "seconds", "total") if value is not None]
    return found | ({"train": round(sum(steps), 1)} if steps else {})


def budgets(config: CompareConfig, arms: list[str], found: dict[tuple[int, str], Any]) -> list[dict[str, Any]]:
    """For every n × m of the focus arm: each way's measures at its tokens, and what the focus gains over each."""
    seeds = sorted({seed for seed, _ in found})
    if not found[seeds[0], config.focus]["cells"]:
        raise PlainError(
            f"The focus '{config.focus}' was swept without abstractions: there are no budgets to compare at."
        )
    ways = {arm: bare_way(config, arm) for arm in arms}
    result = []
    for shape in _shapes(found[seeds[0], config.focus]["cells"]):
        tokens = [cell_of(found[seed, config.focus], shape)["tokens_per_problem"] for seed in seeds]
        rows = []
        for arm in arms:
            runs = [found[seed, arm] for seed in seeds]
            if all(cell_of(run, shape) for run in runs):
                rows.append(row(arm, "abstractions", [cell_of(run, shape) for run in runs]))
            if all(run["curves"] for run in runs):
                plain = [plain_at(run, budget) for run, budget in zip(runs, tokens, strict=True)]
                rows.append(row(arm, ways[arm], plain))
        focus = next(r for r in rows if (r["arm"], r["way"]) == (config.focus, "abstractions"))
        others = [r for r in rows if r is not focus]
        result.append({
            "n": shape[0], "m": shape[1], "tokens": rounded(sum(tokens) / len(tokens), 1), "rows": rows,
            "differences": [_difference(focus, other, measure) for measure in MEASURES for other in others],
        })  # fmt: skip
    return sorted(result, key=lambda entry: entry["tokens"])


def _shapes(cells: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """The n × m that were measured."""
    return list(dict.fromkeys((cell["n"], cell["m"]) for cell in cells))


def cell_of(run: dict[str, Any], shape: tuple[int, int]) -> dict[str, Any] | None:
    """The run's cell with these n and m (majority comes first in a sweep), None without one."""
    return next((cell for cell in run["cells"] if (cell["n"], cell["m"]) == shape), None)


def plain_at(run: dict[str, Any], budget: float) -> dict[str, Any]:
    """Plain sampling at this budget, each measure at the temperature that is best for it on these problems."""
    try:
        best = {measure: max(at_budget(curve, measure, budget) for curve in run["curves"]) for measure in MEASURES}
    except ValueError as error:
        raise PlainError(f"{error} Raise sweep.plain_samples.") from error
    return best | {"tokens_per_problem": budget}


def row(arm: str, way: str, values: list[dict[str, Any]]) -> dict[str, Any]:
    """One way's measures over seeds."""
    tokens = [value["tokens_per_problem"] for value in values]
    entry: dict[str, Any] = {"arm": arm, "way": way, "tokens": rounded(sum(tokens) / len(tokens), 1)}
    for measure in MEASURES:
        by_seed = [value[measure] for value in values]
        entry |= spread(measure, by_seed)
    return entry


def _difference(focus: dict[str, Any], other: dict[str, Any], measure: str) -> dict[str, Any]:
    """Focus minus another way, seed by seed."""
    pairs = zip(focus[f"{measure}_by_seed"], other[f"{measure}_by_seed"], strict=True)
    gaps = [a - b for a, b in pairs]
    return {"arm": other["arm"], "way": other["way"], "measure": measure} | spread("difference", gaps)
