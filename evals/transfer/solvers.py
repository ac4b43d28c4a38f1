"""Whom a run's abstractions are given to: another run's solver, a model's folder, or a model behind a server."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evals.samples.trees import ModelPair
from evals.sweeping.pairs import pairs_of
from rlad.cli import PlainError, open_run
from rlad.config import ModelConfig, RunConfig, is_url, load_config
from rlad.problems import Problem, load_problems
from rlad.problems.base import words

CHECKPOINT = "solver"
"""The checkpoint of the solver's own samples, those without an abstraction."""


@dataclass(frozen=True)
class Solver:
    """Who solves, and how it is asked."""

    name: str
    """For the results' folder."""
    run: RunConfig
    """The run that it comes from, which says how it is prompted; of a model or a server by itself the proposer's."""
    pair: ModelPair
    foreign: bool
    """Whether `run` is another run than the proposer's."""
    proposer: str | None = None
    """Folder of the proposer that it was trained with; None = it has none."""

    @property
    def served(self) -> bool:
        """Whether it is behind a server."""
        return is_url(self.pair.solution)

    def trained_on(self, run: RunConfig) -> set[str]:
        """Questions that it has learnt from and that might be among the held-out ones of `run`."""
        if not self.foreign or self.run.problems == run.problems:
            return set()
        return {problem.question for problem in load_problems(self.run.problems, "train")}


def solver_of(given: str, run: RunConfig) -> Solver:
    """The solver that `--solver` means. Raises PlainError where there is none, ConfigError for a run that cannot be
    read."""
    if is_url(given):
        asked = replace(run, transfer=replace(run.transfer, endpoint=replace(run.transfer.endpoint, url=given)))
        return Solver(_named(given.partition("://")[2]), asked, _pair(f"the model at {given}", given), False)
    path = Path(given)
    if (path / "config.yaml").is_file():
        return _of_run(*open_run(path), path.resolve().name)
    if not (path / "config.json").is_file():
        raise PlainError(f"'{given}' is no solver: neither the folder of a run or a model, nor a server's address.")
    around = next((one for one in path.resolve().parents[:2] if (one / "config.yaml").is_file()), None)
    if around is None:
        return Solver(_named(path.resolve().name), run, _pair(f"the model in {given}", str(path)), False)
    place = path.resolve().relative_to(around)
    return _of_run(load_config(around / "config.yaml"), around, f"{around.name}-{place}", path)


def _of_run(run: RunConfig, folder: Path, name: str, place: Path | None = None) -> Solver:
    """The newest solver of a run, or the one in one of its folders."""
    pairs = pairs_of(run, folder)
    if place is not None:
        pairs = [pair for pair in pairs if Path(pair.solution).resolve() == place.resolve()]
        if not pairs:
            raise PlainError(f"The model in '{place}' is none of the solvers of the run '{folder}'.")
    found = pairs[-1]
    pair = _pair(f"{found.label} solver of {folder.resolve().name}", found.solution, found.task)
    return Solver(_named(name), run, pair, True, found.abstraction)


def _pair(label: str, solution: str, task: str = "plain") -> ModelPair:
    return ModelPair(CHECKPOINT, label, None, solution, task)


def _named(text: str) -> str:
    """A folder's name.

    >>> _named("127.0.0.1:8000/v1")
    '127.0.0.1-8000-v1'
    """
    return re.sub(r"[^\w.]+", "-", text).strip("-.") or CHECKPOINT


def require_words(solver: Solver, problems: Sequence[Problem]) -> None:
    """Raises PlainError where the solver's vocabulary is a world's and lacks a word of the problems."""
    if solver.served:
        return
    from rlad.players.policy import load_tokenizer
    from rlad.players.tokenizer import is_world_tokenizer

    tokenizer = load_tokenizer(ModelConfig(path=solver.pair.solution), solver.run.problems)
    known = tokenizer.get_vocab()
    if is_world_tokenizer(tokenizer) and (
        lacking := next((word for one in problems for word in words(one.question) if word not in known), None)
    ):
        raise PlainError(f"The {solver.pair.label} does not know the word '{lacking}': it is from another world.")
