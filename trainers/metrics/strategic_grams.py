"""Strategic grams of a run: mined once, before training, from what the base solves; frozen in the run's folder."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from rlad.config import InstrumentsConfig, RunConfig
from rlad.entropy import StrategicGrams, mine
from rlad.entropy.embedders import local_model, tfidf
from rlad.problems import Problem
from rlad.problems.base import World
from trainers.runtime import zero3

FILE = "strategic_grams.json"
FEWEST = 32
"""Correct solutions below which demonstrations are mined as well: a phrase must be able to repeat."""


def wanted(run: RunConfig) -> bool:
    """Whether anything in the run tells planning tokens from others."""
    asked = any(player.hicra for player in run.players.values())
    return asked or (run.instruments.every > 0 and run.instruments.planning)


def frozen_grams(
    run: RunConfig,
    folder: Path,
    problems: list[Problem],
    world: World | None,
    solved: Callable[[list[Problem]], list[str]],
) -> StrategicGrams:
    """The run's grams: those in its folder, else mined there from the first training problems. Collective.

    `solved(problems)` samples this rank's share and returns the texts of the correct solutions.
    """
    path, config = folder / FILE, run.instruments
    if not zero3.from_first(path.is_file()):
        chosen = problems[: config.gram_problems]
        gathered = zero3.to_first(solved(chosen[zero3.rank() :: zero3.world_size()]))
        if gathered is not None:
            texts = [text for part in gathered for text in part]
            if len(set(texts)) < FEWEST:
                texts += _worked_solutions(chosen, world, config.gram_samples, run.seed)
            found = mined(texts, world is not None, config, run.seed)
            if any(player.hicra for player in run.players.values()):
                warn_of(found.share(texts), run.alarms.planning)
            found.save(path)
    # Only rank 0 reads: the folder need not be shared between machines.
    return StrategicGrams.from_json(
        zero3.from_first(StrategicGrams.load(path).as_json() if zero3.rank() == 0 else None)
    )


def warn_of(share: float | None, margin: float) -> None:
    """Says so where the grams mark next to nothing or next to everything: HICRA's credit then chooses nothing.

    >>> warn_of(0.915, 0.1)
    Warning: 91.5 % of the words of correct solutions are planning: HICRA tells none from the others.
    >>> warn_of(0.4, 0.1)
    """
    if share is None or not margin <= share <= 1 - margin:
        words = f"{100 * (share or 0):.1f} % of the words of correct solutions are planning"
        print(f"Warning: {words}: HICRA tells none from the others.", flush=True)


def _worked_solutions(problems: list[Problem], world: World | None, samples: int, seed: int) -> list[str]:
    """Worked solutions of the problems: a world's, or those that came with the data."""
    if world is None:
        return [problem.solution for problem in problems if problem.solution]
    rng = random.Random(f"{seed}|grams")
    return [world.solve(problem, None, rng) for problem in problems for _ in range(samples)]


def mined(texts: list[str], symbols: bool, config: InstrumentsConfig, seed: int) -> StrategicGrams:
    """`rlad.entropy.mine` as configured. In worlds operators are words: they are all the strategy there is."""
    embed = local_model(config.embedder) if config.embedder else tfidf
    return mine(texts, symbols, config.gram_clusters, embed=embed, seed=seed)
