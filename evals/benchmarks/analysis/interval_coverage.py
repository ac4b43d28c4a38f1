"""`./launch.sh bench interval-coverage`: how often a sweep's 95 % intervals hold the truth, on made-up solvers.

A problem has a level, the chance that an abstraction leads to the right answer; else it leads to one of a few wrong
ones. A solution gives what its abstraction leads to in the share FOLLOW, else any wrong answer; plain samples are
solutions of an abstraction each. What is true of a cell over all problems is known: of coverage exactly, of the
majority from many more problems than are ever tested. The cells go through the sweep's own code.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from evals.cells.lattice import PoolCells, majorities
from evals.cells.rows import breadth_cell, plain_cell
from evals.samples.judged import BreadthProblem, BreadthSamples, PlainSamples

LEVELS, FOLLOW, WRONG = (0.05, 0.2, 0.4, 0.8), 0.9, 3
DEPTH = (2, 2, 2, 2)
CELLS = ((1, 1), (2, 1), (4, 1), (2, 2), (4, 2))
SAMPLES, COUNTS = 8, (1, 3, 4.5, 8)
TRUTH = 40_000
"""Problems by which the truth of the majority is known, to about .002."""


def answers(rng: np.random.Generator, problems: int, n: int, m: int) -> np.ndarray:  # (problems, n, m)
    """What solutions answer; 0 is right."""
    level = rng.choice(LEVELS, (problems, 1))
    lead = np.where(rng.random((problems, n)) < level, 0, rng.integers(1, WRONG + 1, (problems, n)))
    slip = rng.integers(1, WRONG + 1, (problems, n, m))
    return np.where(rng.random((problems, n, m)) < FOLLOW, lead[..., None], slip)


def covered(n: float, m: int) -> float:
    """The exact coverage of n x m, and for a fractional n of plain samples the line between its neighbours.

    >>> round(covered(1, 1), 5), round(covered(1.5, 1), 5)  # .9 of the mean level .3625; 2 x 1 covers .48189
    (0.32625, 0.40407)
    """
    low = int(n)
    each = FOLLOW if m == 1 else 1 - (1 - FOLLOW) ** m
    at = [float(np.mean([1 - (1 - level * each) ** k for level in LEVELS])) for k in (low, low + 1)]
    return at[0] + (n - low) * (at[1] - at[0])


@lru_cache
def right() -> tuple[np.ndarray, np.ndarray]:
    """How often the majority of each cell n x m, and of each number of plain samples, is right."""
    rng = np.random.default_rng(12345)
    breadth, plain = (answers(rng, TRUTH, n, m) for n, m in ((len(DEPTH), max(DEPTH)), (SAMPLES, 1)))
    return (
        np.mean([majorities(one, one == 0) for one in breadth], axis=0),
        np.mean([majorities(one, one == 0)[:, 0] for one in plain], axis=0),
    )


def _made_up_sweep(seed: int, problems: int, resamples: int) -> list[tuple[str, bool]]:
    """(name of a cell and measure, whether its interval holds the truth) of one made-up sweep."""
    rng = np.random.default_rng(seed)
    guided, bare = answers(rng, problems, len(DEPTH), max(DEPTH)), answers(rng, problems, SAMPLES, 1)[..., 0]
    tokens = np.full(guided.shape, 10)
    breadth = BreadthSamples(
        "cotrained", "made up", 1.0,
        [BreadthProblem([3] * len(DEPTH), list(range(len(DEPTH))), (a == 0).tolist(), t.tolist(), a.tolist())
         for a, t in zip(guided, tokens, strict=True)],
        DEPTH,
    )  # fmt: skip
    plain = PlainSamples("cotrained", "made up", 1.0, bare == 0, np.full(bare.shape, 10), bare.tolist())
    pool, (wide, narrow) = PoolCells.of(breadth, "majority"), right()
    found = []
    for n, m in CELLS:
        row = breadth_cell(breadth, n, m, resamples=resamples, pool=pool).row
        found += _held(f"{n} x {m}", row, wide[n - 1, m - 1], covered(n, m))
    curve = [0.0, *narrow]
    for k in COUNTS:
        row = plain_cell(plain, k, resamples=resamples).row
        found += _held(f"plain x {k:g}", row, float(np.interp(k, range(len(curve)), curve)), covered(k, 1))
    return found


def _held(name: str, row: dict[str, Any], accuracy: float, coverage: float) -> list[tuple[str, bool]]:
    """Rows hold four decimals."""
    truths = (("accuracy", "ci95", accuracy), ("coverage", "pass_ci95", coverage))
    return [
        (f"{name}, {measure}", row[interval][0] - 5e-5 <= truth <= row[interval][1] + 5e-5)
        for measure, interval, truth in truths
    ]


@dataclass
class Keys:
    """How much is drawn."""

    repetitions: int = 200
    """Sweeps."""
    problems: int = 100
    """Test problems of each."""
    resamples: int = 1000
    """Of the bootstrap."""
    seed: int = 0
    """Of the first sweep."""


def bench(keys: Keys) -> dict:
    """How much was drawn, and the share of intervals that hold the truth, over all cells and of the worst one."""
    held: dict[str, list[bool]] = {}
    for repeat in range(keys.repetitions):
        for name, inside in _made_up_sweep(keys.seed + repeat, keys.problems, keys.resamples):
            held.setdefault(name, []).append(inside)
    shares = {name: round(float(np.mean(found)), 4) for name, found in held.items()}
    overall = round(float(np.mean([inside for found in held.values() for inside in found])), 4)
    worst = min(shares, key=shares.__getitem__)
    drawn = asdict(keys)
    return {**drawn, "held": overall, "worst": worst, "worst_held": shares[worst], "cells": shares}
