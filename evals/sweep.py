"""Budget sweep of a pair: n x m at equal generated tokens against plain sampling, before and after co-training.

`python -m evals.sweep RUN_OR_CONFIG [key=value ...]` reads the run's models, solves its held-out test problems and
writes sweep_trees.jsonl (every text that was sampled), sweep.json and plots. Abstraction tokens count, duplicates too.
Plain sampling is given its best temperature. `--rescore` measures the kept trees again, e.g. by another selection rule.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from evals import cells as cell_math
from evals import trees
from evals.calibration import calibration_row
from evals.cells import BreadthSamples, Cell, PlainSamples
from evals.plots import plot_sweep
from evals.sampling import ModelPair, SamplingPool
from evals.tables import print_sweep
from evals.temperatures import Choice, chosen, guided_choices, guided_grid, plain_choices, tokens_of, warnings
from evals.trees import Sampled
from rlad.cli import Parser, main_guard, note_further_players
from rlad.config import ConfigError, RunConfig, load_config
from rlad.config.registry import rule

QUESTIONS = {
    "base": "Does breadth beat plain sampling from the base?",
    "cotrained": "Does breadth beat plain sampling from the co-trained solver?",
    "kept": "Was coverage with abstractions kept (co-trained minus base)?",
}

ON_TEST = "(plain sampling's temperature chosen on the test problems)"
MEASURING = ("sweep.select", "sweep.grid", "sweep.bootstrap")
"""Keys that say what is measured of the samples, not how they are drawn."""


def pairs_of(run: RunConfig, folder: Path) -> list[ModelPair]:
    """What there is to sweep in a run folder. Raises ConfigError when there is nothing yet."""
    found = []
    base, export = folder / "base", folder / "export"
    task = "one_pass" if run.cotrain.one_pass else "plain"
    if (base / "config.json").is_file():
        mixture = run.warmstart.mixture
        proposes = mixture.propose > 0 and mixture.guided > 0
        found.append(ModelPair("warmstart", "base", str(base) if proposes else None, str(base), "plain"))
    if (export / "solution" / "config.json").is_file():
        abstraction = export / "abstraction"
        proposer = str(abstraction) if (abstraction / "config.json").is_file() else None
        label = "co-trained" if proposer else "one-pass RL" if task == "one_pass" else "solver-only RL"
        found.append(ModelPair("cotrained", label, proposer, str(export / "solution"), task))
    if not found:
        raise ConfigError(f"The run folder '{folder}' holds no trained model yet; run the warm start first.")
    return found


def sample(run: RunConfig, folder: Path) -> Sampled:
    """Samples everything that is measured.

    With several guided temperatures the validation problems come first, at all temperatures of both sides; the test
    problems are then solved with abstractions at those that were best there.
    """
    pairs, grid = pairs_of(run, folder), guided_grid(run)
    proposing = [pair for pair in pairs if pair.abstraction]
    tuned = len(grid) > 1 and bool(proposing)
    with SamplingPool(run, ("test", "validation") if tuned else ("test",)) as pool:
        best = {pair.checkpoint: (grid[0], grid[0]) for pair in proposing}
        if tuned:
            best = _validated(run, pool, pairs)
        for pair in proposing:
            pool.distinct(pair, best[pair.checkpoint][0])
        budget = max(budgets_of(run, pool.sampled), default=0.0)
        for pair in pairs:
            for temperature in run.sweep.plain_temperatures:
                pool.plain(pair, temperature, budget)
        for pair in proposing:
            pool.iid(pair, best[pair.checkpoint][1])
        return pool.sampled


def _validated(run: RunConfig, pool: SamplingPool, pairs: list[ModelPair]) -> dict[str, tuple[float, float]]:
    """Samples the validation problems at every temperature of both sides; the guided ones that cover most, and that are
    most often right, of each checkpoint."""
    proposing = [pair for pair in pairs if pair.abstraction]
    for pair in proposing:
        for temperature in guided_grid(run):
            pool.distinct(pair, temperature, "validation")
            pool.iid(pair, temperature, "validation")
    choices = guided_choices(run, pool.sampled, "validation")
    budget = max(budgets_of(run, pool.sampled, "validation"))
    for pair in pairs:
        for temperature in run.sweep.plain_temperatures:
            pool.plain(pair, temperature, budget, "validation")
    return {
        pair.checkpoint: (
            chosen(choices, pair.checkpoint, "abstractions", "coverage"),
            chosen(choices, pair.checkpoint, "abstractions", "accuracy"),
        )
        for pair in proposing
    }


def budgets_of(run: RunConfig, sampled: Sampled, split: str = "test") -> list[float]:
    """Tokens per problem of the grid's cells, of the co-trained pair where there is one: plain sampling's budgets."""
    grown = sampled.of("distinct", split)
    conditions = grown.get("cotrained", grown.get("warmstart", []))
    runs = [BreadthSamples.of(*one) for one in conditions]
    return sorted({round(tokens_of(one, n, m), 2) for one in runs for n, m in run.sweep.grid})


def measure(run: RunConfig, folder: Path, sampled: Sampled) -> dict:
    """What sweep.json holds, from samples alone: no model is asked anything."""
    settings = run.sweep
    breadth = {name: BreadthSamples.of(*found[0]) for name, found in sampled.of("distinct").items()}
    plain = {name: [PlainSamples.of(*one) for one in found] for name, found in sampled.of("plain").items()}
    measured = {name: _breadth_cells(samples, run) for name, samples in breadth.items()}
    budgets = sorted(
        cell.row["tokens_per_problem"]
        for cell in measured.get("cotrained", measured.get("warmstart", []))
        if cell.row["select"] == settings.select[0]
    )
    on_test = plain_choices(sampled, max(budgets, default=0.0), "test")
    tuned = guided_choices(run, sampled, "validation")
    if tuned:
        tuned += plain_choices(sampled, max(budgets_of(run, sampled, "validation")), "validation")
    result = {"meta": _meta(run, folder), "cells": [], "comparisons": [], "triple": {}, "curves": []}
    for name, runs in plain.items():
        result["cells"] += [cell.row for cell in measured.get(name, [])]
        result["cells"] += _plain_rows(runs, budgets, run)
        result["curves"] += [cell_math.curve(samples) for samples in runs]
        if run.solution.states_confidence:
            result.setdefault("calibration", []).extend(calibration_row(samples) for samples in runs)
        for iid in sampled.of("iid").get(name, []):
            at = chosen(tuned or on_test, name, "plain", "accuracy")
            bare = next(samples for samples in runs if samples.temperature == at)
            result["triple"][name] = cell_math.triple(bare.correct, cell_math.iid_flags(*iid), settings.bootstrap)
    if "cotrained" in measured:
        result["comparisons"] = _comparisons(measured, plain, tuned, settings.bootstrap)
    result["temperatures"] = [choice.row() for choice in [*tuned, *on_test]]
    result["warnings"] = warnings(tuned or on_test)
    return result


def _breadth_cells(samples: BreadthSamples, run: RunConfig) -> list[Cell]:
    return [
        cell_math.breadth_cell(samples, n, m, select, run.sweep.bootstrap, run.sweep.of(select))
        for n, m in run.sweep.grid
        for select in run.sweep.select
    ]


def _plain_rows(runs: list[PlainSamples], budgets: list[float], run: RunConfig) -> list[dict]:
    """Plain sampling at every budget and temperature; without budgets, at one and at all samples."""
    rows, resamples = [], run.sweep.bootstrap
    for select in run.sweep.select:
        for samples in runs:
            if budgets:
                rows += [
                    cell_math.plain_at_budget(samples, budget, resamples, select, run.sweep.of(select)).row
                    for budget in budgets
                ]
            else:
                rows += [
                    cell_math.plain_cell(samples, m, resamples, select, run.sweep.of(select)).row
                    for m in (1, samples.samples)
                ]
    return rows


def _comparisons(
    measured: dict[str, list[Cell]], plain: dict[str, list[PlainSamples]], tuned: list[Choice], resamples: int
) -> list[dict]:
    """At the co-trained pair's largest budget: breadth against plain sampling of both models, and against the base.

    Plain sampling has the temperature that was best on the validation problems, where those were sampled, and beside it
    (else instead) the one that is best on the test problems themselves.
    """
    widest = max(measured["cotrained"], key=lambda cell: cell.row["tokens_per_problem"])
    budget = widest.row["tokens_per_problem"]
    found = []
    for name, key in (("cotrained", "cotrained"), ("warmstart", "base")):
        if name not in plain:
            continue
        best = cell_math.best_plain_at_budget(plain[name], budget, resamples)
        if tuned:
            at = chosen(tuned, name, "plain", "coverage")
            samples = next(samples for samples in plain[name] if samples.temperature == at)
            rival = cell_math.plain_at_budget(samples, budget, resamples)
            found.append(cell_math.comparison(QUESTIONS[key], widest, rival, resamples=resamples))
        question = f"{QUESTIONS[key]} {ON_TEST}" if tuned else QUESTIONS[key]
        found.append(cell_math.comparison(question, widest, best, resamples=resamples))
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
    parser.add_argument("--rescore", action="store_true", help="measure the trees of the last sweep, sampling nothing")
    arguments = parser.parse_intermixed_args(words)
    print_sweep(sweep_run(arguments.run, *arguments.overrides, rescore=arguments.rescore))


def sweep_run(given: str, *overrides: str, rescore: bool = False) -> dict:
    """Sweeps a run's folder (or what a configuration trained) with `key=value` changes; returns what sweep.json holds.

    Writes sweep.json, sweep_trees.jsonl and the plot into the folder. `rescore` measures the trees of the last sweep
    and samples nothing. Raises ConfigError where there is nothing to sweep, or for a change that a rescore cannot obey.
    """
    run, folder = open_run(given, list(overrides))
    note_further_players(run)
    begin = time.perf_counter()
    if rescore:
        _require_measuring(list(overrides))
        sampled = Sampled.read(folder / trees.NAME)
    else:
        sampled = sample(run, folder)
        sampled.write(folder / trees.NAME)
    result = measure(run, folder, sampled)
    result["meta"]["seconds"] = round(time.perf_counter() - begin, 1)
    (folder / "sweep.json").write_text(json.dumps(result, indent=1) + "\n")
    (folder / "plots").mkdir(exist_ok=True)
    plot_sweep(result, folder / "plots" / "sweep.png")
    return result


def _require_measuring(overrides: list[str]) -> None:
    """Raises ConfigError for a key that only a new sweep could obey."""
    rules = tuple(f"sweep.{method.name}." for method in rule)
    for word in overrides:
        if word.partition("=")[0] not in MEASURING and not word.startswith(rules):
            known = ", ".join(MEASURING)
            raise ConfigError(f"'{word}' cannot change what was sampled; --rescore takes {known}.")


if __name__ == "__main__":
    main_guard(main)
