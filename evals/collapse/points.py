"""The swept checkpoints of a run, and what each is measured by: all at the same tokens, with as many samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evals.cells.lattice import PoolCells
from evals.cells.selecting import BREADTH, PLAIN, Book, Sides
from evals.collapse.spread import Floats, Spread, distinct_share, spread
from evals.runs import column, read_jsonl
from evals.samples.judged import BreadthSamples, PlainSamples
from evals.samples.trees import NAME, Grown, Sampled
from evals.spending.choosing import Votes, fixed_splits
from evals.sweeping.against import require_same_problems
from evals.sweeping.measuring import books, largest_budget
from rlad.cli import PlainError
from rlad.config import RunConfig

ROLES = ("abstraction", "solution")
WINDOW = 5
"""Training steps up to a checkpoint over which entropy is averaged: a step alone is mostly the luck of its problems."""


@dataclass(frozen=True)
class Swept:
    """One checkpoint of a run that was swept."""

    step: int
    """Of training; 0 = the base."""
    folder: Path
    sampled: Sampled
    """What was sampled of this checkpoint alone."""
    book: Book
    known: Sides
    largest: float
    """Tokens per problem of the grid's largest cell; 0 without abstractions."""

    @property
    def checkpoint(self) -> str:
        """Its name in its own sweep."""
        return next(iter(self.sampled.conditions)).checkpoint

    @property
    def plain(self) -> list[PlainSamples]:
        """Plain samples at every temperature."""
        return [side.samples for side in self.known[self.checkpoint, PLAIN]]

    @property
    def breadth(self) -> list[BreadthSamples]:
        """Distinct abstractions and their solutions at every temperature; none where nobody proposes."""
        return [side.samples for side in self.known.get((self.checkpoint, BREADTH), [])]


def swept_checkpoints(folder: Path, run: RunConfig) -> list[Swept]:
    """The base and all steps of a run of which there are trees, in the order of their steps.

    The run's own sweep has the base and the last step, RUN/exports/step_N that of step N. `run`: how they were swept.
    Raises PlainError where there are fewer than two, or where they were asked different problems.
    """
    found: dict[int, Swept] = {}
    places = [folder, *(one for one in sorted((folder / "exports").glob("step_*")) if _exported(one) is not None)]
    for place in [one for one in places if (one / NAME).is_file()]:
        whole = Sampled.read(place / NAME)
        for checkpoint in ("warmstart", "cotrained"):
            step = 0 if checkpoint == "warmstart" else _step_of(place)
            own = _only(whole, checkpoint)
            if own.of("plain") and step not in found:
                book, _, known = books(run, own)
                found[step] = Swept(step, place, own, book, known, largest_budget(run, own))
    if len(found) < 2:
        raise PlainError(
            f"'{folder}' has the sweeps of {len(found)} of its checkpoints, and two are needed to compare: export more "
            "(./launch.sh export RUN --step N) and sweep RUN/exports/step_N."
        )
    series = [found[step] for step in sorted(found)]
    for one in series[1:]:
        require_same_problems(series[0].sampled, one.sampled, str(series[0].folder), str(one.folder))
    if len({bool(one.breadth) for one in series}) > 1:
        raise PlainError(f"Some checkpoints of '{folder}' were swept with abstractions and others without.")
    return series


def _step_of(place: Path) -> int:
    """The step of what a run folder exports. Raises PlainError where nothing says so."""
    if (step := _exported(place)) is not None:
        return step
    rows = read_jsonl(place / "metrics.jsonl")
    if not rows:
        raise PlainError(f"'{place}' has no metrics.jsonl that says which step its players are of.")
    return int(rows[-1]["step"])


def _exported(place: Path) -> int | None:
    """The step that the folder of an export is named by; None for any other, such as a copy of one or a run.

    >>> [_exported(Path(one)) for one in ("run/exports/step_00050", "run/exports/step_00050.old", "runs/step_two")]
    [50, None, None]
    """
    number = place.name.removeprefix("step_")
    return int(number) if place.resolve().parent.name == "exports" and number.isdecimal() else None


def _only(sampled: Sampled, checkpoint: str) -> Sampled:
    kept = {one: records for one, records in sampled.conditions.items() if one.checkpoint == checkpoint}
    return Sampled(sampled.problems, kept)


@dataclass(frozen=True)
class Common:
    """What all checkpoints of a series are measured by."""

    tokens: float
    """Per problem: the least that the largest cell, or all plain samples of a temperature, take of any of them."""
    samples: int
    """Plain samples of a problem that are read."""
    temperature: float
    """Of the plain samples whose success is told: of those that all have, the one nearest to 1."""

    @classmethod
    def of(cls, series: Sequence[Swept]) -> Common:
        """Raises PlainError where the checkpoints have no temperature in common."""
        at = set.intersection(*({one.temperature for one in swept.plain} for swept in series))
        if not at:
            raise PlainError(
                "The checkpoints were sampled at different temperatures: none of plain sampling's is common."
            )
        everywhere = [one for swept in series for one in swept.plain]
        largest = [swept.largest for swept in series if swept.largest]
        tokens = min([*largest, *(one.samples * one.tokens_per_sample for one in everywhere)])
        return cls(tokens, min(one.samples for one in everywhere), min(at, key=lambda t: (abs(t - 1), t)))


@dataclass(frozen=True)
class Measured:
    """What a checkpoint comes to: its row of collapse.json, and its columns, one value a problem."""

    row: dict[str, Any]
    columns: dict[str, Floats]


def point_of(swept: Swept, common: Common, metrics: list[dict[str, Any]]) -> Measured:
    """Measures one checkpoint."""
    bare = next(one for one in swept.plain if one.temperature == common.temperature)
    single = spread(bare.correct[:, : common.samples])
    votes = Votes(swept.book, swept.known, swept.checkpoint)
    selected = votes.best_at(PLAIN, common.tokens)
    covered = [one.covered(common.tokens / one.tokens_per_sample) for one in swept.plain]
    columns = _columns("plain", single, selected.right, max(covered, key=lambda values: float(values.mean())))
    row = {"step": swept.step, "folder": str(swept.folder), "entropy": _entropies(metrics, swept.step)}
    row["plain"] = single.row() | {"within": single.within} | _told(columns, "plain", selected.row)
    if swept.breadth:
        grown = swept.breadth[0]
        guided = spread([[flags[0] for flags in one.correct if len(flags)] for one in grown.problems])
        selected = votes.best_at(BREADTH, common.tokens)
        pool = PoolCells.of(grown, "majority")
        columns |= _columns("breadth", guided, selected.right, fixed_splits(pool, pool.covered, common.tokens)[0])
        columns["distinct"] = _distinct([one.grown for one in grown.problems], len(grown.depth))
        row["distinct"] = float(columns["distinct"].mean())
        row["breadth"] = guided.row() | _told(columns, "breadth", selected.row)
        row["breadth"]["solution_temperature"] = grown.temperature
    return Measured(row, columns)


def _columns(way: str, single: Spread, selected: Floats, covered: Floats) -> dict[str, Floats]:
    found = {"pass_at_1": single.right, "variance": single.variance, "covered": covered, "selected": selected}
    return {f"{way}_{name}": values for name, values in found.items()}


def _told(columns: dict[str, Floats], way: str, vote: dict[str, Any]) -> dict[str, Any]:
    means = {name: float(columns[f"{way}_{name}"].mean()) for name in ("covered", "selected")}
    return means | {"rule": vote["select"], "temperature": vote["temperature"]}


def _distinct(grown: Sequence[Grown], n: int) -> Floats:
    return np.array([distinct_share(one.draws.branch, n) for one in grown])


def _entropies(metrics: list[dict[str, Any]], step: int) -> dict[str, float | None]:
    """Each player's entropy in training over the steps up to this one, nats per token; of the base the first that was
    measured, before the player had learnt anything. None where none of these steps had something to learn from."""
    rows = [row for row in metrics if step - WINDOW < row["step"] <= step] if step else metrics
    found = {role: [value for value in column(rows, role, "entropy") if value is not None] for role in ROLES}
    return {role: float(np.mean(values if step else values[:1])) if values else None for role, values in found.items()}
