"""Budget sweep of a pair: n x m at equal generated tokens against plain sampling, before and after co-training.

`python -m evals.sweep RUN_OR_CONFIG [key=value ...]` reads the run's models, solves its held-out test problems and
writes sweep_trees.jsonl (every text that was sampled), sweep.json and plots. Abstraction tokens count, duplicates too.
Plain sampling is given its best temperature. `--rescore` measures the kept trees again, e.g. by another selection rule.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import NamedTuple

from evals import trees
from evals.measuring import largest_budget, measure
from evals.plots import plot_sweep
from evals.sampling import ModelPair, SamplingPool
from evals.selecting import BREADTH, book_of, sides
from evals.spending import keep_spending
from evals.tables import print_sweep
from evals.temperatures import chosen, guided_choices, guided_grid
from evals.trees import Sampled
from rlad.cli import Parser, locked, main_guard, note_further_players, open_run
from rlad.config import ConfigError, RunConfig
from rlad.config.registry import rule
from rlad.reasoning.pair import pretrained

MEASURING = ("sweep.select", "sweep.fit", "sweep.grid", "sweep.bootstrap", "sweep.budget_policy")
"""Keys that say what is measured of the samples, not how they are drawn."""


def pairs_of(run: RunConfig, folder: Path) -> list[ModelPair]:
    """What there is to sweep: the pretrained model that a run starts from, its warm-started base, its trained players.

    Co-training's base is the checkpoint `warmstart`, be it warm-started or pretrained; a pretrained model that a warm
    start has changed since is the checkpoint `pretrained`. Raises ConfigError when there is nothing yet.
    """
    found = []
    base, export = folder / "base", folder / "export"
    task = "one_pass" if run.cotrain.one_pass else "plain"
    warm = (base / "config.json").is_file()
    if begin := pretrained(run):
        before = ("pretrained", "pretrained") if warm else ("warmstart", "base")
        proposer = begin["abstraction"] if run.cotrain.abstractions else None
        found.append(ModelPair(*before, proposer, begin["solution"], "plain"))
    if warm:
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

    Where something is to be chosen (a guided temperature, a selection rule) the validation problems come first, at all
    temperatures of both sides; the test problems are then solved with abstractions at those that were best there.
    """
    pairs = pairs_of(run, folder)
    proposing = [pair for pair in pairs if pair.abstraction]
    choosing = proposing and (len(guided_grid(run)) > 1 or len(run.sweep.select) > 1)
    with SamplingPool(run, ("test", "validation") if choosing else ("test",)) as pool:
        first = guided_grid(run)[0]
        best = {pair.checkpoint: Best([first], first) for pair in proposing}
        if pool.sampled.problems.get("validation"):
            best = _validated(run, pool, pairs)
        for pair in proposing:
            for temperature in best[pair.checkpoint].distinct:
                pool.distinct(pair, temperature)
                if run.sweep.joint:
                    pool.joint(pair, temperature)
        budget = largest_budget(run, pool.sampled)
        for pair in pairs:
            for temperature in run.sweep.plain_temperatures:
                pool.plain(pair, temperature, budget)
        for pair in proposing:
            pool.iid(pair, best[pair.checkpoint].iid)
        return pool.sampled


class Best(NamedTuple):
    """At which temperatures a pair's test problems are solved with abstractions."""

    distinct: list[float]
    """That which covers most, and after it that at which the best rule selects best, where it is another."""
    iid: float
    """That at which single solutions are most often right."""


def _validated(run: RunConfig, pool: SamplingPool, pairs: list[ModelPair]) -> dict[str, Best]:
    """Samples the validation problems at every temperature of both sides; what is best there, by checkpoint."""
    proposing = [pair for pair in pairs if pair.abstraction]
    grid = guided_grid(run)
    for pair in proposing:
        for temperature in grid:
            pool.distinct(pair, temperature, "validation")
    budget = largest_budget(run, pool.sampled, "validation")
    for pair in pairs:
        for temperature in run.sweep.plain_temperatures:
            pool.plain(pair, temperature, budget, "validation")
    if len(grid) == 1:
        return {pair.checkpoint: Best([grid[0]], grid[0]) for pair in proposing}
    choices = guided_choices(run, pool.sampled, "validation")
    known = sides(run, pool.sampled, "validation", budget)
    book = book_of(run, "validation", {place: several for place, several in known.items() if place[1] == BREADTH})
    found = {}
    for pair in proposing:
        covering, right = (chosen(choices, pair.checkpoint, BREADTH, what) for what in ("coverage", "accuracy"))
        selecting = book.best(pair.checkpoint, BREADTH, grid).temperature
        found[pair.checkpoint] = Best(list(dict.fromkeys([covering, selecting])), right)
    return found


def main(words: list[str] | None = None) -> None:
    parser = Parser(prog="sweep", description=__doc__.splitlines()[0])
    parser.add_argument("run", help="a run folder, or the configuration it was made with")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    parser.add_argument("--rescore", action="store_true", help="measure the trees of the last sweep, sampling nothing")
    arguments = parser.parse_intermixed_args(words)
    print_sweep(sweep_run(arguments.run, *arguments.overrides, rescore=arguments.rescore))


def sweep_run(given: str, *overrides: str, rescore: bool = False) -> dict:
    """Sweeps a run's folder (or what a configuration trained) with `key=value` changes; returns what sweep.json holds.

    Writes sweep.json, sweep_trees.jsonl, the plot and, with `sweep.budget_policy`, budget.json into the folder.
    `rescore` measures the trees of the last sweep and samples nothing. Raises ConfigError where there is nothing to
    sweep, or for a change that a rescore cannot obey, PlainError while another command works in the folder.
    """
    run, folder = open_run(given, list(overrides))
    note_further_players(run)
    with locked(folder):
        return _sweep(run, folder, list(overrides), rescore)


def _sweep(run: RunConfig, folder: Path, overrides: list[str], rescore: bool) -> dict:
    """The sweep of a folder that is this process's alone."""
    begin = time.perf_counter()
    if rescore:
        _require_measuring(overrides)
        sampled = Sampled.read(folder / trees.NAME)
    else:
        sampled = sample(run, folder)
        sampled.write(folder / trees.NAME)
    result = measure(run, folder, sampled)
    result["meta"]["seconds"] = round(time.perf_counter() - begin, 1)
    (folder / "sweep.json").write_text(json.dumps(result, indent=1) + "\n")
    keep_spending(folder, result.get("budget"))
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
