"""A run's abstractions given to another solver, from the problems to transfer.json."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from evals.samples.journal import Shard
from evals.samples.shards import keep
from evals.samples.trees import ModelPair, Sampled
from evals.samples.workers import problems_of
from evals.sweeping.drawing import splits_of
from evals.sweeping.pairs import pairs_of
from evals.transfer.measuring import measure
from evals.transfer.sampling import drawn
from evals.transfer.solvers import Solver, require_words, solver_of
from evals.transfer.sources import sources_for
from rlad.cli import PlainError, locked
from rlad.config import RunConfig
from rlad.config.servers import is_url
from rlad.problems import Problem
from rlad.reasoning.endpoint import settle_servers

TREES, RESULT = "transfer_trees.jsonl", "transfer.json"


def transfer(
    run: RunConfig, folder: Path, solver: str, name: str | None = None, rescore: bool = False, command: str = ""
) -> dict[str, Any]:
    """Gives the abstractions of a run's newest proposer to a solver; writes and returns what transfer.json holds.

    Samples go to RUN/transfer/NAME/transfer_trees.jsonl; what was killed goes on where it was. `rescore` measures those
    samples again; `command` is kept as what was typed. Raises ConfigError and PlainError, in a sentence, where that
    cannot be.
    """
    begin, whom, notes = time.process_time(), solver_of(solver, run), []
    target = folder / "transfer" / (name or whom.name)
    with locked(folder):
        sampled, models = _kept(target) if rescore else _sampled(run, folder, whom, target, notes)
        meta = {
            "run": run.name, "seed": run.seed, "solver": whom.pair.label, "problems": len(sampled.problems["test"]),
            "models": models, "notes": notes, "command": command,
        }  # fmt: skip
        found = {"meta": meta} | measure(run, sampled)
        meta["cpu_seconds"] = round(time.process_time() - begin, 1)
        if not rescore:
            sampled.write(target / TREES)
        (target / RESULT).write_text(json.dumps(found, indent=1) + "\n")
        Shard().path(target).unlink(missing_ok=True)  # the journal, whose samples are kept now
    return found


def _kept(target: Path) -> tuple[Sampled, dict[str, str]]:
    """The samples of the last time, and what that said of the models."""
    known = target / RESULT
    models = json.loads(known.read_text())["meta"].get("models", {}) if known.is_file() else {}
    return Sampled.read(target / TREES), models


def _sampled(
    run: RunConfig, folder: Path, whom: Solver, target: Path, notes: list[str]
) -> tuple[Sampled, dict[str, str]]:
    """Samples everything that is measured, and says of which models (digests, or address and name of one behind a
    server); what had to be left out goes to the notes."""
    proposer = pairs_of(run, folder)[-1].abstraction
    if proposer is None:
        raise PlainError(f"'{folder}' holds no player that writes abstractions; train a pair first.")
    pair = replace(whom.pair, abstraction=whom.proposer)
    names = settle_servers(whom.run, pair.places)
    for place, name in settle_servers(run, [("abstraction", proposer)]).items():
        names[place] = name if names.get(place, name) == name else f"{name}, {names[place]}"
    problems = _problems(run, whom, notes)
    require_words(whom, problems["test"])
    sources, left_out = sources_for(run, problems, whom.pair.label if whom.proposer is None else None, proposer)
    notes += left_out
    pairs = [ModelPair("own", "own", proposer, proposer, "plain"), pair]
    kept = keep(_settled(run, whom), target, pairs, problems, Shard(), names)
    return drawn(run, whom, proposer, sources, problems, kept), kept.head["models"]


def _settled(run: RunConfig, whom: Solver) -> RunConfig:
    """The run, with the name of the solver's model that was asked for where it was left open."""
    if not is_url(whom.pair.solution):
        return run
    endpoint = replace(run.transfer.endpoint, name=whom.run.transfer.endpoint.name)
    return replace(run, transfer=replace(run.transfer, endpoint=endpoint))


def _problems(run: RunConfig, whom: Solver, notes: list[str]) -> dict[str, list[Problem]]:
    """The run's held-out problems by split, as many as the sweep takes, without those that the solver learnt from."""
    whole = replace(run, sweep=replace(run.sweep, problems=run.problems.test))
    found = problems_of(whole, splits_of(run, [replace(whom.pair, abstraction=whom.pair.solution)]))
    known = whom.trained_on(run)
    fresh = {split: [one for one in several if one.question not in known] for split, several in found.items()}
    if lost := sum(map(len, found.values())) - sum(map(len, fresh.values())):
        notes.append(f"The solver has trained on {lost} of the {sum(map(len, found.values()))} problems: left out.")
    if not fresh["test"]:
        raise PlainError("The solver has trained on every test problem, so nothing can be measured.")
    return fresh | {"test": fresh["test"][: run.sweep.problems]}
