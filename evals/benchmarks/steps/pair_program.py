"""Trains a run on N ranks, a pair and its halves in turns: `python -m evals.benchmarks.steps.pair_program FOLDER N`.

FOLDER holds a config.yaml of a run. Who learns in a step is `pair.kind_of`; the steps of a turn draw the same problems
and the same samples. Every rank leaves FOLDER/laps_RANK.json: of each step the seconds and processor seconds by phase.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType

from evals.benchmarks.harness.forked import run_ranks
from evals.benchmarks.steps.pair import kind_of, turn_of

TRAINER, PHASES, PLANS = "trainers.cotrain", "trainers.rollout", "trainers.data.plans"
PROBLEMS = "trainers.data.step_problems"


def take_turns(trainer: type, problems: type) -> None:
    """Makes the trainer's players learn in turns, and every step of a turn draw its problems."""
    draw = problems.draw

    def drawn(self, step: int):
        self.cursor.restore((turn_of(step) - 1) * self.config.problems)
        return draw(self, step)

    problems.draw = drawn
    trainer.learning = lambda self, step: [role for role in self.roles if kind_of(step) in ("pair", role)]


def share_seeds(*modules: ModuleType) -> None:
    """Gives the steps of a turn the same sampling seeds."""
    for module in modules:
        seed = module.sampling_seed
        module.sampling_seed = lambda run, step, rank, phase, seed=seed: seed(run, turn_of(step), rank, phase)


def with_laps(stopwatch: type, laps: list[dict]) -> type:
    """A stopwatch that also measures processor time, and keeps every step in `laps`."""

    class Laps(stopwatch):
        def __init__(self):
            super().__init__()
            self.cpu: dict[str, float] = {}
            self._begin = time.process_time()

        @contextmanager
        def phase(self, name: str) -> Iterator[None]:
            begin = time.process_time()
            with super().phase(name):
                yield
            self.cpu[name] = self.cpu.get(name, 0.0) + time.process_time() - begin

        def lap(self) -> dict[str, float]:
            now = time.process_time()
            cpu, self.cpu = self.cpu | {"total": now - self._begin}, {}
            self._begin = now
            seconds = super().lap()
            if "update" in seconds:  # not what lies between two steps
                laps.append({"seconds": seconds, "cpu": cpu})
            return seconds

    return Laps


def main() -> None:
    folder, laps = Path(sys.argv[1]), []
    program, phases, plans, problems = map(importlib.import_module, (TRAINER, PHASES, PLANS, PROBLEMS))
    take_turns(program.Cotrainer, problems.StepProblems)
    share_seeds(phases, plans)
    program.Stopwatch = with_laps(program.Stopwatch, laps)
    run_ranks(program.main, [TRAINER, "--run", str(folder)], folder, int(sys.argv[2]), partial(_tell, folder, laps))


def _tell(folder: Path, laps: list[dict], rank: int) -> None:
    (folder / f"laps_{rank}.json").write_text(json.dumps(laps))


if __name__ == "__main__":
    main()
