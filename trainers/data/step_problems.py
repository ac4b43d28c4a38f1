"""The problems of a run's steps: which come next, how large their trees may grow, and what is known of each."""

from __future__ import annotations

from pathlib import Path

from rlad.config import RunConfig
from rlad.problems import load_problems
from rlad.reasoning.tree import Tree
from trainers.data.curriculum import Curriculum, read_measured
from trainers.data.cursor import Cursor
from trainers.data.dynamic_sampling import PassRates
from trainers.runtime import zero3


class StepProblems:
    """A run's problems with what draws them: the data cursor, how often each was solved, and a curriculum, if any."""

    def __init__(self, run: RunConfig, folder: Path):
        """`folder`: the run's. Raises PlainError where a curriculum's problems were not measured."""
        self.config = config = run.cotrain
        self.train = load_problems(run.problems, "train")
        self.validation = load_problems(run.problems, "validation") if config.validate_every else []
        self.cursor, self.curriculum = Cursor(len(self.train), run.seed), None
        if run.curriculum.active:
            self.curriculum = Curriculum(run.curriculum, self.train, read_measured(folder), config.problems)
        again = (config.settled_share, run.seed)
        self.rates = PassRates(self.train, config.retire_above, config.problems, self.curriculum, *again)

    def draw(self, step: int) -> tuple[list[Tree], list[Tree]]:
        """The step's problems of this rank: (those to propose for, those that stay bare)."""
        picked = self._take(self.config.problems, step)
        bare = len(picked) if not self.config.abstractions else round(self.config.bare.share * len(picked))
        # Every rank takes its stride of both kinds, so the work is spread as evenly as it divides.
        stride, ranks = zero3.rank(), zero3.world_size()
        return picked[bare:][stride::ranks], picked[:bare][ranks - 1 - stride :: ranks]

    def further(self, count: int, step: int) -> list[Tree]:
        """This rank's share of the next `count` problems, in place of drawn ones."""
        return self._take(count, step)[zero3.rank() :: zero3.world_size()]

    def _take(self, count: int, step: int) -> list[Tree]:
        """Trees to grow for the next problems, with the n and m of their bands."""
        picked = self.cursor.take(count, self.rates.skipped(step))
        shape = self.curriculum.shape if self.curriculum else lambda index: None
        return [Tree(self.train[index], shape=shape(index)) for index in picked]

    @property
    def parts(self) -> dict:
        """What of it a checkpoint keeps, by name."""
        parts = {"cursor": self.cursor, "pass_rates": self.rates}
        return parts | ({"curriculum": self.curriculum} if self.curriculum else {})
