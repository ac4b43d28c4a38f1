"""Which problems are trained on when: easy, medium and hard ones by how often they are solved (RLAD, 2510.02263).

The base's success is measured once (`./launch.sh curriculum`); while training, what is solved moves problems between
the bands. Problems outside the step's bands are left out by the data cursor, in dynamic sampling as well, so further
problems are of the same bands, and what they show moves bands like anything else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from rlad.cli import PlainError
from rlad.config import CurriculumConfig
from rlad.config.curriculum import BANDS
from rlad.problems import Problem

FILE = "curriculum.jsonl"
"""The measured successes, in a run's folder."""


class Curriculum:
    """How often each problem is solved, and the problems of a step's bands; its state is part of the checkpoint."""

    def __init__(
        self, config: CurriculumConfig, problems: Sequence[Problem], measured: dict[str, list[int]], least: int
    ):
        """`measured`: problem's id -> [right, sampled] of the base. `least`: problems that a step needs.

        Raises PlainError where a problem was not measured.
        """
        self.config, self.least = config, least
        if missing := sum(problem.id not in measured for problem in problems):
            raise PlainError(
                f"The curriculum needs the base's success, but {missing} of {len(problems)} problems were not "
                "measured; run ./launch.sh curriculum with this configuration first."
            )
        self.counts = [[float(count) for count in measured[problem.id]] for problem in problems]
        """Index -> [right, sampled] of the newest solutions."""

    def wanted(self, step: int) -> list[str]:
        """The bands of a step, from 1."""
        bands = self.config.bands or list(BANDS)
        return [bands[self.config.stage(step)]] if self.config.steps else bands

    def outside(self, step: int) -> frozenset[int]:
        """Indices that are not to be drawn in a step; enough for a step always stay, those nearest to its bands."""
        rates = [right / sampled for right, sampled in self.counts]
        wanted = self.wanted(step)
        out = [i for i, rate in enumerate(rates) if self.config.band(rate) not in wanted]
        short = self.least - (len(rates) - len(out))
        nearest = sorted(out, key=lambda i: (_distance(rates[i], wanted, self.config), i))
        return frozenset(nearest[max(0, short) :])

    def count(self, index: int, right: int, sampled: int) -> None:
        """Adds a problem's newest solutions; older ones fade where there are more than `memory`."""
        self.counts[index] = decayed_counts(self.counts[index], right, sampled, self.config.memory)

    def shape(self, index: int) -> tuple[int, int] | None:
        """(n, m) of a problem; None where they are those of all."""
        return self.config.tree(self.band(index))

    def band(self, index: int) -> str:
        """The band of a problem as it is known now."""
        right, sampled = self.counts[index]
        return self.config.band(right / sampled)

    def sizes(self) -> dict[str, int]:
        """How many problems each band holds now."""
        found = [self.band(index) for index in range(len(self.counts))]
        return {band: found.count(band) for band in BANDS}

    def state(self) -> list[list[float]]:
        return self.counts

    def restore(self, state: list[list[float]]) -> None:
        self.counts = state


def decayed_counts(counts: Sequence[float], right: int, sampled: int, memory: int) -> list[float]:
    """[right, sampled] with newer solutions, older ones weighing so much less that all of them count as `memory`.

    >>> decayed_counts([1, 8], 3, 4, 32), decayed_counts([2, 8], 4, 4, 8), decayed_counts([2, 8], 6, 16, 8)
    ([4, 12], [5.0, 8.0], [3.0, 8.0])
    """
    if sampled >= memory:
        return [memory * right / sampled, float(memory)]
    kept = min(1, (memory - sampled) / counts[1])
    return [kept * counts[0] + right, kept * counts[1] + sampled]


def _distance(rate: float, bands: Iterable[str], config: CurriculumConfig) -> float:
    ends = {"easy": (config.easy, 1.0), "medium": (config.hard, config.easy), "hard": (0.0, config.hard)}
    return min(max(low - rate, rate - high, 0.0) for low, high in (ends[band] for band in bands))


def read_measured(folder: Path) -> dict[str, list[int]]:
    """Problem's id -> [right, sampled] of the base; empty where nothing was measured yet."""
    path = folder / FILE
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
    return {row["problem"]: [row["right"], row["sampled"]] for row in rows if "problem" in row}
