"""The selected answer of every arm, each way by the rule and at the temperature that its own validation problems chose.

The tables of a comparison judge all arms by one rule. Which rule is best depends on how an arm spends its tokens, so
this gives every one its own: measured from the kept trees, at the tokens of the focus arm's largest cell.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from evals.cells.rows import Cell
from evals.cells.selecting import BREADTH
from evals.compare.config import CompareConfig, bare_way, run_config
from evals.compare.spreads import spread
from evals.compare.trials import Trial
from evals.runs import read_json
from evals.samples import trees
from evals.samples.trees import Sampled
from evals.statistics.rounding import rounded
from evals.sweeping.against import cells_of

NAME = "answers.json"
"""In a trial's folder: what was measured of it, so that nothing is measured twice."""
Answers = dict[str, dict[str, Any]]
"""Way -> rule, temperature, tokens and, problem by problem, how often the selected answer is right."""


def answers(
    config: CompareConfig, arms: list[str], found: dict[tuple[int, str], Trial], budgets: dict[int, float]
) -> list[dict[str, Any]]:
    """One row per arm and way: right over seeds, and what the focus arm's abstractions gain over it.

    `budgets` has each seed's tokens per problem for ways without abstractions. Differences are paired over a seed's
    problems. Empty where one rule was asked for, which leaves nothing to choose, and where the focus arm has no trees;
    other arms without trees are left out.
    """
    seeds = sorted(budgets)
    if len(run_config(config, config.focus, seeds[0]).sweep.select) < 2:
        return []
    measured = {
        arm: [_measured(config, found[seed, arm], budgets[seed]) for seed in seeds]
        for arm in arms
        if all((found[seed, arm].folder / trees.NAME).is_file() for seed in seeds)
    }
    if config.focus not in measured:
        return []
    focus = [one[BREADTH] for one in measured[config.focus]]
    rows = [
        _row(arm, way if way == BREADTH else bare_way(config, arm), [one[way] for one in runs], focus)
        for arm, runs in measured.items()
        for way in runs[0]
        if all(way in one for one in runs)
    ]
    return sorted(rows, key=lambda row: -row["right"])


def _measured(config: CompareConfig, trial: Trial, budget: float) -> Answers:
    """What a trial's trees say, kept beside them until it is swept anew or the budget is another one."""
    made_with = {"sweep": trial.finished()["sweep"]["digest"], "budget": budget}
    kept = read_json(trial.folder / NAME) or {}
    if kept.get("made_with") == made_with:
        return kept["answers"]
    run = run_config(config, trial.arm, trial.seed)
    cells = cells_of(run, Sampled.read(trial.folder / trees.NAME), [budget])
    largest: dict[str, Cell] = {}
    for (way, *_), cell in cells.items():
        if way not in largest or cell.row["tokens_per_problem"] > largest[way].row["tokens_per_problem"]:
            largest[way] = cell
    found = {
        way: {
            "rule": cell.row["select"],
            "temperature": cell.row["temperature"],
            "tokens": cell.row["tokens_per_problem"],
            "right": rounded(cell.accuracy.tolist()),
        }
        for way, cell in largest.items()
    }
    (trial.folder / NAME).write_text(json.dumps({"made_with": made_with, "answers": found}) + "\n")
    return found


def _row(arm: str, way: str, runs: list[dict[str, Any]], focus: list[dict[str, Any]]) -> dict[str, Any]:
    """An arm's way over seeds, and the focus minus it.

    >>> ours = [{"rule": "unguided", "temperature": 0.3, "tokens": 90.0, "right": [1.0, 0.5]}]
    >>> row = _row("b", "plain", [{"rule": "marginal", "temperature": 1.0, "tokens": 90.0, "right": [0.0, 0.5]}], ours)
    >>> row["right"], row["difference"], row["rules"]
    (0.25, 0.5, ['marginal'])
    """
    gaps = [float(np.mean(np.subtract(a["right"], b["right"]))) for a, b in zip(focus, runs, strict=True)]
    return (
        {"arm": arm, "way": way, "rules": [one["rule"] for one in runs]}
        | {"temperatures": [one["temperature"] for one in runs]}
        | {"tokens": rounded(np.mean([one["tokens"] for one in runs]), 1)}
        | spread("right", [float(np.mean(one["right"])) for one in runs])
        | spread("difference", gaps)
    )
