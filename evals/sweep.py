"""Budget sweep of a pair: n x m at equal generated tokens against plain sampling, before and after co-training.

`python -m evals.sweep RUN_OR_CONFIG [key=value ...]` reads the run's models, solves its held-out test problems and
writes sweep_trees.jsonl (every text that was sampled), sweep.json and plots. Abstraction tokens count, duplicates too.
Plain sampling is given its best temperature. `--rescore` measures the kept trees again, e.g. by another selection rule.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from evals.charts.plots import plot_splits, plot_sweep
from evals.samples import trees
from evals.samples.journal import Shard
from evals.samples.shards import Kept, Unfinished, keep, keep_all
from evals.samples.trees import ModelPair, Sampled
from evals.samples.workers import problems_of
from evals.spending.auto import keep_spending
from evals.sweeping.against import compare, print_against
from evals.sweeping.drawing import drawn, splits_of
from evals.sweeping.measuring import measure
from evals.sweeping.pairs import pairs_of
from evals.tables.sweep import print_sweep
from rlad.card import write_cards
from rlad.cli import Parser, PlainError, command_line, locked, main_guard, note_further_players, open_run
from rlad.config import ConfigError, RunConfig
from rlad.config.registry import rule
from rlad.players.roles import choosers
from rlad.reasoning.endpoint import settle_servers

MEASURING = ("sweep.select", "sweep.fit", "sweep.grid", "sweep.bootstrap", "sweep.budget_policy")
"""Keys that say what is measured of the samples, not how they are drawn."""


def sample(run: RunConfig, folder: Path) -> Sampled:
    """Samples everything that is measured, of all test problems and in one go."""
    pairs = _pairs(run, folder)
    return drawn(run, pairs, problems_of(run, splits_of(run, pairs)))


def main(words: list[str] | None = None) -> None:
    parser = Parser(prog="sweep", description=__doc__.splitlines()[0])
    parser.add_argument("run", help="a run folder, or the configuration it was made with")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    parser.add_argument("--rescore", action="store_true", help="measure the trees of the last sweep, sampling nothing")
    parser.add_argument("--shard", metavar="K/N", help="sample the K-th of N parts of the test problems, e.g. 3/8")
    parser.add_argument("--merge", action="store_true", help="make one sweep of all shards, sampling nothing")
    parser.add_argument("--against", metavar="OTHER", help="compare the kept trees with those of another run")
    given = parser.parse_intermixed_args(words)
    if given.rescore + given.merge + bool(given.shard) + bool(given.against) > 1:
        raise PlainError("Of --rescore, --shard, --merge and --against only one can be given.")
    if given.against:
        print_against(against(given.run, given.against, *given.overrides))
        return
    shard = Shard.parse(given.shard) if given.shard else None
    found = sweep_run(given.run, *given.overrides, rescore=given.rescore, shard=shard, merge=given.merge)
    if found is not None:
        print_sweep(found)


def sweep_run(
    given: str, *overrides: str, rescore: bool = False, shard: Shard | None = None, merge: bool = False
) -> dict | None:
    """Sweeps a run's folder (or what a configuration trained) with `key=value` changes; returns what sweep.json holds.

    Writes sweep.json, sweep_trees.jsonl, the plot and, with `sweep.budget_policy`, budget.json into the folder. A sweep
    that was killed goes on where it was. `rescore` measures the trees of the last sweep and samples nothing. `shard`
    samples a part, and measures all where the other parts lie in the folder already (else None is returned); `merge`
    samples nothing. Raises ConfigError where there is nothing to sweep, or for a change that a rescore cannot obey,
    PlainError while another command works in the folder and for a shard that is missing, damaged or of another sweep.
    """
    run, folder = open_run(given, list(overrides))
    note_further_players(run, taking=choosers(run))
    begin = time.perf_counter()
    if shard:
        with locked(folder, f"shard_{shard.number}_of_{shard.of}"):
            try:
                sampled, kept = _shared(run, folder, shard)
            except Unfinished as error:
                print(f"Shard {shard} is sampled. {error}")
                return None
    with locked(folder):
        if rescore:
            _require_measuring(list(overrides))
            sampled, kept = Sampled.read(folder / trees.NAME), None
        elif not shard:
            sampled, kept = _merged(run, folder) if merge else _shared(run, folder, Shard())
        result = measure(run, sampled)
        options = {"rescore": rescore, "shard": shard, "merge": merge}
        result["meta"]["command"] = command_line("sweep", given, *overrides, **options)
        result["meta"]["sampled"] = _sampled_from(kept, folder)
        result["meta"]["seconds"] = round(time.perf_counter() - begin, 1)
        _write(folder, result, None if rescore else sampled)
        write_cards(run, folder)
    return result


def against(given: str, other: str, *overrides: str) -> dict[str, Any]:
    """Compares the last sweep of a run with that of another on the same problems; writes and returns against.json.

    `overrides` may change what is measured. Raises PlainError where they were not swept on the same problems.
    """
    _require_measuring(list(overrides))
    run, folder = open_run(given, list(overrides))
    found = compare(run, folder, *open_run(other))
    (folder / "against.json").write_text(json.dumps(found, indent=1) + "\n")
    return found


def _pairs(run: RunConfig, folder: Path) -> list[ModelPair]:
    """The models that are swept. Raises ConfigError where the run has none of those that are named."""
    found = pairs_of(run, folder)
    kept = [pair for pair in found if not run.sweep.checkpoints or pair.checkpoint in run.sweep.checkpoints]
    if not kept:
        there = ", ".join(pair.checkpoint for pair in found)
        named = ", ".join(run.sweep.checkpoints)
        raise ConfigError(f"sweep.checkpoints=[{named}] names no model of '{folder}'; it has {there}.")
    return kept


def _shared(run: RunConfig, folder: Path, shard: Shard) -> tuple[Sampled, Kept]:
    """Samples a shard; then all is put together. Raises Unfinished where other shards are not there for that."""
    pairs = _pairs(run, folder)
    names = settle_servers(run, [place for pair in pairs for place in pair.places])
    problems = problems_of(run, splits_of(run, pairs))
    kept = keep(run, folder, pairs, problems, shard, names)
    if shard.of > 1:
        drawn(run, pairs, problems, kept, shard)
    return drawn(run, pairs, problems, kept), kept


def _merged(run: RunConfig, folder: Path) -> tuple[Sampled, Kept]:
    """All shards together, without their models. Raises PlainError where that cannot be."""
    kept = keep_all(folder)
    pairs = [ModelPair.of(pair) for pair in kept.head["pairs"]]
    problems = problems_of(run, splits_of(run, pairs))
    kept.require_same(run, problems)
    return drawn(run, pairs, problems, kept), kept


def _sampled_from(kept: Kept | None, folder: Path) -> dict[str, Any]:
    """Digests of models and problems, versions, and how many shards there were; of kept trees what the sweep said."""
    if kept is not None:
        return {name: kept.head[name] for name in ("models", "problems", "versions")} | {"shards": kept.of}
    known = folder / "sweep.json"
    return json.loads(known.read_text())["meta"].get("sampled", {}) if known.is_file() else {}


def _write(folder: Path, result: dict, sampled: Sampled | None) -> None:
    """What comes of a sweep, and its trees where they are new; its journal, which holds the same, goes."""
    if sampled is not None:
        sampled.write(folder / trees.NAME)
    (folder / "sweep.json").write_text(json.dumps(result, indent=1) + "\n")
    keep_spending(folder, result.get("budget"))
    (folder / "plots").mkdir(exist_ok=True)
    plot_sweep(result, folder / "plots" / "sweep.png")
    plot_splits(result, folder / "plots" / "splits.png")
    Shard().path(folder).unlink(missing_ok=True)


def _require_measuring(overrides: list[str]) -> None:
    """Raises ConfigError for a key that only a new sweep could obey."""
    rules = tuple(f"sweep.{method.name}." for method in rule)
    for word in overrides:
        if word.partition("=")[0] not in MEASURING and not word.startswith(rules):
            known = ", ".join(MEASURING)
            raise ConfigError(f"'{word}' cannot change what was sampled; kept trees take {known}.")


if __name__ == "__main__":
    main_guard(main)
