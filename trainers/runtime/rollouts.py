"""Where a step's trees come from: they grow in its own time, or beside the update of the step before it.

One step ahead, the trees of step k + 1 grow in a thread while the players learn from those of step k. The samplers hold
one version all the while, because weights are published between two rollouts only, so a tree is sampled by weights that
are one update older than those that learn from it. Its tokens keep the log-probs of the weights that sampled them,
which is what the importance ratios divide by (`old_logprobs=sampler` or `mismatch`; AReaL, 2505.24298, goes further).
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

from rlad.cli import sentence
from rlad.generation import SamplerFailed
from rlad.reasoning.judge import Judge
from rlad.reasoning.tree import Tree
from trainers.runtime import zero3
from trainers.runtime.loggers import Stopwatch

Drawn = tuple[list[Tree], list[Tree]]
"""A step's trees of this rank: (those to propose for, those that stay bare)."""


class Rollouts:
    """The trees of one step after another; at most one step's are grown ahead."""

    def __init__(
        self, draw: Callable[[int], Drawn], grow: Callable[[list[Tree], list[Tree], int, Stopwatch], None], judge: Judge
    ):
        """draw: a step's trees, still bare of everything. grow: all that needs no other rank, up to the verdicts."""
        self.draw, self.grow, self.judge = draw, grow, judge
        self._thread: threading.Thread | None = None
        self._ready: Drawn | None = None
        self._own: Counter[str] = Counter()
        self._verdicts: Counter[str] = Counter()
        self._seconds: dict[str, float] = {}
        self._error: BaseException | None = None

    def of(self, step: int, clock: Stopwatch) -> Drawn:
        """The judged trees of a step: those that `finish` found, or grown now."""
        if self._ready is not None:
            drawn, self._ready = self._ready, None
            self.judge.outcomes.update(self._verdicts)
            return drawn
        with clock.phase("draw"):
            drawn = self.draw(step)
        self.grow(*drawn, step, clock)
        return drawn

    def begin(self, step: int, clock: Stopwatch) -> None:
        """Begins to grow a step's trees ahead; until `finish` nobody else asks samplers or judge for anything."""
        with clock.phase("draw"):
            drawn = self.draw(step)
        self._own, self._verdicts = self.judge.outcomes, Counter()
        self.judge.outcomes = self._verdicts  # they are counted in the step that learns from these trees

        def work() -> None:
            beside = Stopwatch()
            try:
                self.grow(*drawn, step, beside)
            except BaseException as error:  # raised by `finish`, in the thread that can end the run
                self._error = error
            self._seconds = beside.lap()

        self._ready = drawn
        self._thread = threading.Thread(target=work, name=f"rollout of step {step}", daemon=True)
        self._thread.start()

    def finish(self, clock: Stopwatch) -> dict[str, float]:
        """Waits for the trees that were begun, on all ranks; {} where none were.

        Returns the seconds that they took by phase, their `total`, and how many of those were `hidden`: nobody waited
        for them. Collective. Raises on every rank what a rank's rollout ended with, SamplerFailed where another's did.
        """
        if self._thread is None:
            return {}
        begin = time.perf_counter()
        with clock.phase("wait"):
            self._thread.join()
            self._thread, self.judge.outcomes = None, self._own
            failures = zero3.gather([] if self._error is None else [_told(self._error)])
        if self._error is not None:
            raise self._error
        if failures:
            raise SamplerFailed(failures[0])
        hidden = max(0.0, self._seconds["total"] - (time.perf_counter() - begin))
        return self._seconds | {"hidden": round(hidden, 4)}


def _told(error: BaseException) -> str:
    """What other ranks say of a rank's error.

    >>> _told(SamplerFailed("The engine ended.")), _told(ValueError("no room"))
    ('The engine ended.', 'A rollout beside an update ended with ValueError: no room')
    """
    if isinstance(error, SamplerFailed):
        return str(error)
    return f"A rollout beside an update ended with {type(error).__name__}: {sentence(error)}"
