"""What a sweep samples, in which order, and what it chooses on the way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from evals.cells.selecting import BREADTH, book_of, sides
from evals.cells.temperatures import best_temperature, guided_choices, guided_grid
from evals.samples.choosing import choose_job
from evals.samples.journal import Shard
from evals.samples.shards import Kept, Unfinished
from evals.samples.trees import ModelPair, Sampled
from evals.samples.workers import SamplingPool
from evals.spending import choosing, decoding
from evals.spending.joint import as_draws
from evals.sweeping.asking import ask_along
from evals.sweeping.measuring import largest_budget
from rlad.config import RunConfig
from rlad.problems import Problem
from rlad.reasoning.endpoint import served


def splits_of(run: RunConfig, pairs: Sequence[ModelPair]) -> tuple[str, ...]:
    """Whose problems are sampled: the validation problems too, where something is to be chosen on them.

    A solver without abstractions has its rule to choose as well, for whoever compares it with a pair.
    """
    guided = any(pair.abstraction for pair in pairs) and len(guided_grid(run)) > 1
    decoded = run.sweep.decoding and len(decoding.temperatures_of(run.sweep)) > 1
    return ("test", "validation") if guided or decoded or len(run.sweep.select) > 1 else ("test",)


MARGIN = 1.1
"""Plain samples drawn for each that is foretold to be wanted, so that a further round is seldom needed."""


def drawn(
    run: RunConfig,
    pairs: Sequence[ModelPair],
    problems: dict[str, list[Problem]],
    kept: Kept | None = None,
    shard: Shard | None = None,
) -> Sampled:
    """Samples everything that is measured; of a `shard` what can be without knowing the others'.

    Where something is to be chosen (a guided temperature, a selection rule) the validation problems come first, at all
    temperatures of both sides; the test problems are then solved with abstractions at those that were best there. How
    many plain samples will be wanted is foretold from the validation problems, else from the first job's test problems;
    where they are not enough, more are drawn when all test problems are there.
    """
    proposing = [pair for pair in pairs if pair.abstraction]
    if any(served(pair.abstraction, pair.solution) for pair in pairs):  # a server says how much it takes at a time
        run = replace(run, launch=replace(run.launch, ranks=1))
    with SamplingPool(run, problems, kept, shard and shard.owns) as pool:
        first = guided_grid(run)[0]
        best = listed = {pair.checkpoint: Best([first], first) for pair in proposing}
        if problems.get("validation"):
            best, listed = _validated(run, pool, pairs)
        if proposing and not problems.get("validation"):
            with SamplingPool(run, problems, kept, lambda job: job == 0, pilot=True) as pilot:
                _guided(pilot, proposing, best)
                for pair in pairs:
                    for temperature in run.sweep.plain_temperatures:
                        pilot.plain(pair, temperature)
            expected = foretold(run, pilot.sampled, "test")
        else:
            expected = foretold(run, pool.sampled, "validation")
        _guided(pool, proposing, best)
        if run.sweep.joint:
            _listed(pool, proposing, listed)
        _decoded(run, pool, pairs[-1])
        _chosen(pool, proposing, best)
        if run.sweep.budget_policy:
            ask_along(run, pool, proposing, {name: one.distinct for name, one in best.items()})
        grown = (largest_budget(run, one) for one in (pool.sampled, as_draws(pool.sampled)))
        spent = (*grown, decoding.spent(pool.sampled), choosing.spent(pool.sampled))
        budget = 0.0 if shard else max(spent)
        lacking: list[Unfinished] = []
        for pair in pairs:
            for temperature in run.sweep.plain_temperatures:
                wanted = expected.get((pair.checkpoint, temperature), 0)
                try:
                    pool.plain(pair, temperature, budget, expected=wanted)
                except Unfinished as error:  # what this process may draw of the others is drawn all the same
                    lacking.append(error)
        if lacking:
            raise lacking[0]
        for pair in proposing:
            pool.iid(pair, best[pair.checkpoint].iid)
        return pool.sampled


def _guided(pool: SamplingPool, proposing: Sequence[ModelPair], best: dict[str, Best]) -> None:
    """Solves the test problems with abstractions at the temperatures that were chosen."""
    for pair in proposing:
        for temperature in best[pair.checkpoint].distinct:
            pool.distinct(pair, temperature)


def _listed(pool: SamplingPool, proposing: Sequence[ModelPair], best: dict[str, Best]) -> None:
    """Solves the test problems with abstractions that one text lists, at the temperatures that were chosen for them."""
    for pair in proposing:
        for temperature in best[pair.checkpoint].distinct:
            pool.joint(pair, temperature)


def _decoded(run: RunConfig, pool: SamplingPool, pair: ModelPair) -> None:
    """Solves the test problems by every decoding method in all its settings, at the temperature that selects best on
    the validation problems."""
    grid, settings = decoding.temperatures_of(run.sweep), decoding.settings_of(run.sweep)
    for setting in settings if len(grid) > 1 else ():
        for temperature in grid:
            pool.decoded(pair, setting, temperature, decoding.decoding_job, "validation")
    choices = decoding.decoding_choices(pool.sampled)
    for setting in settings:
        mode = f"{decoding.MODE}{setting}"
        best = best_temperature(choices, pair.checkpoint, mode, "accuracy") if len(grid) > 1 else grid[0]
        pool.decoded(pair, setting, best, decoding.decoding_job)


def _chosen(pool: SamplingPool, proposing: Sequence[ModelPair], best: dict[str, Best]) -> None:
    """What further players choose on the test problems; on the validation problems where a temperature is to be chosen
    for them."""
    for pair in proposing:
        temperatures = best[pair.checkpoint].distinct
        splits = ("validation", "test") if len(temperatures) > 1 else ("test",)
        for role, _ in pair.choosers:
            for split in splits:
                for temperature in temperatures:
                    pool.chosen(pair, role, temperature, choose_job, split)


def foretold(run: RunConfig, sampled: Sampled, split: str) -> dict[tuple[str, float], int]:
    """Checkpoint and temperature -> how many plain samples will spend as much as the grid's largest cell, by what was
    sampled of a few problems."""
    budget = largest_budget(run, sampled, split)
    return {
        (checkpoint, condition.temperature): math.ceil(
            MARGIN * budget / float(np.mean([tokens for one in records for tokens in one.tokens]))
        )
        + 1
        for checkpoint, conditions in sampled.of("plain", split).items()
        for condition, records in conditions
    }


class Best(NamedTuple):
    """At which temperatures a pair's test problems are solved with abstractions."""

    distinct: list[float]
    """That which covers most, and after it that at which the best rule selects best, where it is another."""
    iid: float
    """That at which single solutions are most often right."""


def _validated(run: RunConfig, pool: SamplingPool, pairs: list[ModelPair]) -> tuple[dict[str, Best], dict[str, Best]]:
    """Samples the validation problems at every temperature of both sides; what is best there, by checkpoint, and what
    is best for lists of abstractions."""
    proposing = [pair for pair in pairs if pair.abstraction]
    grid = guided_grid(run)
    for pair in proposing:
        for temperature in grid:
            pool.distinct(pair, temperature, "validation")
            if run.sweep.joint:
                pool.joint(pair, temperature, "validation")
    budget = largest_budget(run, pool.sampled, "validation")
    for pair in pairs:
        for temperature in run.sweep.plain_temperatures:
            pool.plain(pair, temperature, budget, "validation")
    best = _best(run, pool.sampled, budget, proposing)
    return best, _best(run, as_draws(pool.sampled), budget, proposing, True) if run.sweep.joint else best


def _best(
    run: RunConfig, sampled: Sampled, budget: float, proposing: Sequence[ModelPair], lenient: bool = False
) -> dict[str, Best]:
    """Which temperatures of solutions under abstractions are best on the validation problems, by checkpoint; `lenient`
    as in `book_of`."""
    grid = guided_grid(run)
    if len(grid) == 1:
        return {pair.checkpoint: Best([grid[0]], grid[0]) for pair in proposing}
    choices = guided_choices(run, sampled, "validation")
    known = sides(run, sampled, "validation", budget)
    guided = {place: several for place, several in known.items() if place[1] == BREADTH}
    book = book_of(run, "validation", guided, lenient=lenient)
    found = {}
    for pair in proposing:
        covering, right = (
            best_temperature(choices, pair.checkpoint, BREADTH, what) for what in ("coverage", "accuracy")
        )
        selecting = book.best(pair.checkpoint, BREADTH, grid).temperature
        found[pair.checkpoint] = Best(list(dict.fromkeys([covering, selecting])), right)
    return found
