"""Budget sweep of a pair: n x m at equal generated tokens against plain sampling, before and after co-training.

`python -m evals.sweep RUN_OR_CONFIG [key=value ...]` reads the run's models, solves its held-out test problems and
writes sweep.json and plots. Abstraction tokens count, duplicates too. Plain sampling is given its best temperature.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from evals import cells as cell_math
from evals.calibration import calibration_row
from evals.cells import BreadthSamples, Cell, PlainSamples
from evals.plots import plot_sweep
from evals.sampling import Pair, Samplers
from evals.tables import print_sweep
from rlad.cli import Parser, main_guard
from rlad.config import ConfigError, RunConfig, load_config

QUESTIONS = {
    "base": "Does breadth beat plain sampling from the base?",
    "cotrained": "Does breadth beat plain sampling from the co-trained solver?",
    "kept": "Was coverage with abstractions kept (co-trained minus base)?",
}


def pairs_of(run: RunConfig, folder: Path) -> list[Pair]:
    """What there is to sweep in a run folder. Raises ConfigError when there is nothing yet."""
    found = []
    base, export = folder / "base", folder / "export"
    task = "one_pass" if run.cotrain.one_pass else "plain"
    if (base / "config.json").is_file():
        mixture = run.warmstart.mixture
        proposes = mixture.propose > 0 and mixture.guided > 0
        found.append(Pair("warmstart", "base", str(base) if proposes else None, str(base), "plain"))
    if (export / "solution" / "config.json").is_file():
        abstraction = export / "abstraction"
        proposer = str(abstraction) if (abstraction / "config.json").is_file() else None
        label = "co-trained" if proposer else "one-pass RL" if task == "one_pass" else "solver-only RL"
        found.append(Pair("cotrained", label, proposer, str(export / "solution"), task))
    if not found:
        raise ConfigError(f"The run folder '{folder}' holds no trained model yet; run the warm start first.")
    return found


def sweep(run: RunConfig, folder: Path) -> dict:
    """Samples, measures, compares; returns what sweep.json holds."""
    begin = time.perf_counter()
    settings, pairs = run.sweep, pairs_of(run, folder)
    with Samplers(run) as samplers:
        breadth = {pair.checkpoint: samplers.breadth(pair) for pair in pairs if pair.abstraction}
        measured = {name: _breadth_cells(samples, run) for name, samples in breadth.items()}
        budgets = sorted(
            cell.row["tokens_per_problem"] for cell in measured.get("cotrained", measured.get("warmstart", []))
        )
        most = max(budgets, default=0.0)
        plain = {
            pair.checkpoint: [
                samplers.plain(pair, t, settings.plain_samples, most) for t in settings.plain_temperatures
            ]
            for pair in pairs
        }
        iid = {pair.checkpoint: samplers.iid(pair) for pair in pairs if pair.abstraction}
    result = {"meta": _meta(run, folder), "cells": [], "comparisons": [], "triple": {}, "curves": []}
    for pair in pairs:
        name = pair.checkpoint
        result["cells"] += [cell.row for cell in measured.get(name, [])]
        result["cells"] += _plain_rows(plain[name], budgets, settings.bootstrap)
        result["curves"] += [cell_math.curve(samples) for samples in plain[name]]
        if run.solution.states_confidence:
            result.setdefault("calibration", []).extend(calibration_row(samples) for samples in plain[name])
        if name in iid:
            bare = max(plain[name], key=lambda samples: samples.correct.mean())  # at its best temperature
            result["triple"][name] = cell_math.triple(bare.correct, iid[name], settings.bootstrap)
    if "cotrained" in measured:
        result["comparisons"] = _comparisons(measured, plain, settings.bootstrap)
    result["meta"]["seconds"] = round(time.perf_counter() - begin, 1)
    return result


def _breadth_cells(samples: BreadthSamples, run: RunConfig) -> list[Cell]:
    return [
        cell_math.breadth_cell(samples, n, m, select, run.sweep.bootstrap, run.sweep.of(select))
        for n, m in run.sweep.grid
        for select in run.sweep.select
    ]


def _plain_rows(runs: list[PlainSamples], budgets: list[float], resamples: int) -> list[dict]:
    """Plain sampling at every budget and temperature; without budgets, at one and at all samples."""
    rows = []
    for samples in runs:
        if budgets:
            rows += [cell_math.plain_at_budget(samples, budget, resamples).row for budget in budgets]
        else:
            rows += [cell_math.plain_cell(samples, m, resamples).row for m in (1, samples.samples)]
    return rows


def _comparisons(measured: dict[str, list[Cell]], plain: dict[str, list[PlainSamples]], resamples: int) -> list[dict]:
    """At the co-trained pair's largest budget: breadth against plain sampling of both models, and against the base."""
    widest = max(measured["cotrained"], key=lambda cell: cell.row["tokens_per_problem"])
    budget = widest.row["tokens_per_problem"]
    found = []
    for name, key in (("cotrained", "cotrained"), ("warmstart", "base")):
        if name in plain:
            rival = cell_math.best_plain_at_budget(plain[name], budget, resamples)
            found.append(cell_math.comparison(QUESTIONS[key], widest, rival, resamples=resamples))
    shape = [widest.row["n"], widest.row["m"], widest.row["select"]]
    for before in measured.get("warmstart", []):
        if [before.row["n"], before.row["m"], before.row["select"]] == shape:
            found.append(cell_math.comparison(QUESTIONS["kept"], widest, before, resamples=resamples))
    return found


def _meta(run: RunConfig, folder: Path) -> dict:
    settings = run.sweep
    return {
        "run": run.name,
        "seed": run.seed,
        "source": run.problems.source,
        "problems": min(settings.problems, run.problems.test) or None,
        "propose_temperature": settings.propose_temperature,
        "solve_temperature": settings.solve_temperature,
        "iid_abstractions": settings.iid_abstractions,
        "iid_solutions": settings.iid_solutions,
        "command": f"./launch.sh sweep {folder}",
    }


def open_run(given: str, overrides: list[str]) -> tuple[RunConfig, Path]:
    """The configuration and folder that a command's RUN_OR_CONFIG argument means."""
    path = Path(given)
    if path.is_dir():
        return load_config(path / "config.yaml", overrides), path
    if not path.exists():
        raise ConfigError(f"There is no run folder or configuration file '{given}'.")
    run = load_config(path, overrides)
    folder = Path(run.runs_dir) / run.name
    if not folder.is_dir():
        raise ConfigError(f"There is no run folder '{folder}' yet; train with '{given}' first.")
    return run, folder


def main(words: list[str] | None = None) -> None:
    parser = Parser(prog="sweep", description=__doc__.splitlines()[0])
    parser.add_argument("run", help="a run folder, or the configuration it was made with")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    arguments = parser.parse_intermixed_args(words)
    run, folder = open_run(arguments.run, arguments.overrides)
    result = sweep(run, folder)
    (folder / "sweep.json").write_text(json.dumps(result, indent=1) + "\n")
    print_sweep(result)
    (folder / "plots").mkdir(exist_ok=True)
    plot_sweep(result, folder / "plots" / "sweep.png")


if __name__ == "__main__":
    main_guard(main)
