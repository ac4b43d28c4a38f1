"""Keys of `curriculum`: how often the base solves each problem, and which problems are trained on when."""

from __future__ import annotations

from dataclasses import dataclass

from rlad.config.registry import key

BANDS = ("easy", "medium", "hard")
"""Bands of problems, by how often they are solved."""


@dataclass
class CurriculumConfig:
    """Easy, medium and hard problems by the base's success, as in RLAD (2510.02263)."""

    samples: int = key(8, least=1, most=1024)
    """Solutions per training problem by which `./launch.sh curriculum` measures the base's success."""
    hard: float = key(0.125, least=0, most=1)
    """A problem that is solved at most this often is hard."""
    easy: float = key(0.5, least=0, most=1)
    """One that is solved more often than this is easy; between the two it is medium."""
    bands: list[str] = key(one_of=BANDS, factory=list)
    """Bands that are trained on, after they were measured; empty = all problems."""
    steps: int = key(0, least=0)
    """Steps of each band of the list in turn, of which the last stays; 0 = all of them at once."""
    max_new_tokens: list[int] = key(least=1, factory=list)
    """Longest solutions in each stage, in tokens, one number per band; solution.max_new_tokens must be the largest.
    Empty = that in all of them."""
    memory: int = key(32, least=1)
    """Solutions by which a problem's success is known in training: older ones fade, the base's among them."""
    easy_tree: list[int] = key(least=1, factory=list)
    """[n, m] of easy problems; empty = cotrain.abstractions and cotrain.solutions."""
    medium_tree: list[int] = key(least=1, factory=list)
    """[n, m] of medium problems, likewise."""
    hard_tree: list[int] = key(least=1, factory=list)
    """[n, m] of hard problems, likewise."""

    @property
    def active(self) -> bool:
        """Whether anything depends on how often problems are solved."""
        return bool(self.bands or any(self.tree(band) for band in BANDS))

    def stage(self, step: int) -> int:
        """Which of the bands a step (from 1) has, where each has its turn; before the first step the first.

        >>> [CurriculumConfig(bands=["easy", "medium"], steps=3).stage(step) for step in (0, 1, 3, 4, 99)]
        [0, 0, 0, 1, 1]
        """
        return min(max(step - 1, 0) // self.steps, len(self.bands) - 1) if self.steps else 0

    def longest(self, step: int, otherwise: int) -> int:
        """Most tokens of a solution in a step.

        >>> CurriculumConfig(bands=["easy", "medium"], steps=3, max_new_tokens=[8, 16]).longest(4, otherwise=16)
        16
        """
        return self.max_new_tokens[self.stage(step)] if self.max_new_tokens else otherwise

    def tree(self, band: str) -> tuple[int, int] | None:
        """(n, m) of a band's problems; None where they are those of all."""
        return tuple(getattr(self, f"{band}_tree")) or None

    def trees(self, abstractions: int, solutions: int) -> list[tuple[int, int]]:
        """(n, m) of every band; those given where a band says nothing of its own.

        >>> CurriculumConfig(hard_tree=[16, 4]).trees(8, 2)
        [(8, 2), (8, 2), (16, 4)]
        """
        return [self.tree(band) or (abstractions, solutions) for band in BANDS]

    def band(self, rate: float) -> str:
        """The band of a problem that is solved so often.

        >>> [CurriculumConfig().band(rate) for rate in (0.125, 0.126, 0.5, 0.6)]
        ['hard', 'medium', 'medium', 'easy']
        """
        return "hard" if rate <= self.hard else "easy" if rate > self.easy else "medium"
