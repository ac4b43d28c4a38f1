"""`./launch.sh bench sweep-cells [run=RUN]`: a sweep of every n x m of a pool beside one of four of its cells.

With `run` both sweeps sample the run's newest pair and its base from the beginning, in processes of their own, and
measure; nothing is written into the run. Without, a made-up pool is measured, since sampling is the same for both:
how deep trees are grown depends on the largest cell alone. The two take turns, so that both meet the same machine, each
in a fresh process, so that neither finds what the other has worked out.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from evals.benchmarks.harness.turns import ratio
from evals.samples.trees import Condition, Draws, Grown, Guided, Sampled, Samples
from evals.sweep import sample
from evals.sweeping.measuring import measure
from rlad.cli import PlainError, open_run
from rlad.config import load_config
from rlad.problems import Problem

Grid = list[list[int]]
CHECKPOINTS = {"warmstart": "base", "cotrained": "co-trained"}


@dataclass
class Keys:
    """How large a pool, of what."""

    run: str = ""
    """Folder of a trained run whose pairs are sampled; empty = a made-up pool, which is only measured."""
    words: list[str] = field(default_factory=list)
    """Words key=value that the run is swept with, such as sweep.plain_temperatures=[1.0]."""
    abstractions: int = 25
    """n of the largest cell."""
    solutions: int = 8
    """m of the largest cell."""
    problems: int = 20
    """Test problems."""
    validation: int = 6
    """Validation problems."""
    turns: int = 1
    """Sweeps of each grid."""


def grids(n: int, m: int) -> dict[str, Grid]:
    """The two grids of a pool n x m.

    >>> grids(3, 2)
    {'four': [[1, 1], [3, 1], [1, 2], [3, 2]], 'all': [[1, 1], [1, 2], [2, 1], [2, 2], [3, 1], [3, 2]]}
    """
    every = [[i, j] for i in range(1, n + 1) for j in range(1, m + 1)]
    return {"four": [[1, 1], [n, 1], [1, m], [n, m]], "all": every}


# ------------------------------------------------------------------------------------------------------ a made-up pool
def made_up(depth: tuple[int, ...], problems: dict[str, int], seed: int = 0) -> Sampled:
    """Trees of two checkpoints with all that the default rules read, and plain samples of as many tokens."""
    plain, rng, asked = round(1.4 * sum(depth)) + 4, np.random.default_rng(seed), {}
    sampled = Sampled({split: [Problem(f"{split}{i}", "?", "0") for i in range(n)] for split, n in problems.items()})
    for split, count in problems.items():
        for checkpoint, label in CHECKPOINTS.items():
            asked[Condition(checkpoint, label, "distinct", 0.3, split, depth)] = [
                _grown(rng, depth) for _ in range(count)
            ]
            for temperature in (0.7, 1.0, 1.3):
                texts = [_samples(rng, plain) for _ in range(count)]
                asked[Condition(checkpoint, label, "plain", temperature, split)] = texts
    sampled.conditions.update(asked)
    return sampled


def _samples(rng: np.random.Generator, count: int) -> Samples:
    keys = [None if one == 5 else int(one) for one in rng.integers(0, 6, count)]
    verdicts = ["correct" if key == 0 else "incorrect" for key in keys]
    logprobs, unguided = ((-rng.exponential(4, count)).round(6).tolist() for _ in range(2))
    texts = [f"{key} {rng.integers(9)}" for key in keys]
    tokens = rng.integers(20, 30, count).tolist()
    return Samples(texts, tokens, logprobs, verdicts, keys, logprobs, unguided)


def _grown(rng: np.random.Generator, depth: tuple[int, ...]) -> Grown:
    branches = [Guided(f"z{i}", False, _samples(rng, m)) for i, m in enumerate(depth)]
    draws, beliefs = list(range(len(depth))), (-rng.exponential(2, len(depth))).round(6).tolist()
    return Grown(Draws([one.abstraction for one in branches], [5] * len(depth), draws, beliefs), branches)


# ---------------------------------------------------------------------------------------------------------- the clock
@contextmanager
def timed(kept: dict[str, dict[str, float]], name: str):
    """Adds the seconds and the processor seconds of a block, its ended processes included."""
    begin, cpu = time.perf_counter(), _cpu()
    yield
    kept[name] = {"seconds": round(time.perf_counter() - begin, 2), "cpu": round(_cpu() - cpu, 2)}


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def swept(keys: Keys, grid: Grid) -> dict[str, dict[str, float]]:
    """One sweep by the clock: of the run, or of the made-up pool. Raises ConfigError for a run that is not there."""
    words = [f"sweep.problems={keys.problems}", f"problems.validation={keys.validation}", f"sweep.grid={grid}"]
    words += keys.words
    found: dict[str, dict[str, float]] = {}
    if keys.run:
        run, folder = open_run(keys.run, words)
        with timed(found, "sampling"):
            sampled = sample(run, folder)
    else:
        run, counts = load_config(None, words), {"test": keys.problems, "validation": keys.validation}
        sampled = made_up((keys.solutions,) * keys.abstractions, counts)
    with timed(found, "measuring"):
        measure(run, sampled)
    return found


def bench(keys: Keys) -> dict[str, Any]:
    """Seconds and processor seconds of both grids, and the ratio of the larger one's to the smaller one's.

    Raises PlainError for a pool of fewer than four cells.
    """
    if keys.abstractions < 2 or keys.solutions < 2:
        raise PlainError("A pool of at least 2 x 2 has four cells to compare with; give abstractions=2 solutions=2.")
    if keys.run:
        open_run(keys.run)  # refused before a process is started
    chosen = grids(keys.abstractions, keys.solutions)
    turns = [{name: _apart(keys, grid) for name, grid in chosen.items()} for _ in range(keys.turns)]
    cells = {name: len(grid) for name, grid in chosen.items()}
    return (
        asdict(keys) | {"cells": cells, "turns": turns} | {clock: _ratio(turns, clock) for clock in ("seconds", "cpu")}
    )


def _apart(keys: Keys, grid: Grid) -> dict[str, dict[str, float]]:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(swept, keys, grid).result()


def _ratio(turns: list[dict[str, dict[str, dict[str, float]]]], clock: str) -> dict[str, float]:
    """All cells over four, sampling and measuring together.

    >>> sweep = lambda sampling, measuring: {"sampling": {"cpu": sampling}, "measuring": {"cpu": measuring}}
    >>> _ratio([{"four": sweep(8.0, 2.0), "all": sweep(8.0, 3.0)}], "cpu")
    {'ratio': 1.1, 'low': 1.1, 'high': 1.1}
    """
    whole = {name: [sum(part[clock] for part in turn[name].values()) for turn in turns] for name in ("four", "all")}
    return ratio(whole["all"], whole["four"])
