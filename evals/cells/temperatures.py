"""Which temperature of a grid is best, on which problems that was decided, and whether the grid holds its optimum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from evals.cells.rows import breadth_covered
from evals.samples.judged import BreadthSamples, PlainSamples
from evals.samples.trees import Grown, Sampled
from evals.statistics import estimators as est
from evals.statistics.rounding import rounded
from rlad.config import RunConfig

KEYS = {"plain": "sweep.plain_temperatures", "abstractions": "sweep.guided_temperatures"}
WAYS = {"plain": "plain sampling", "abstractions": "solving with abstractions"}


@dataclass(frozen=True)
class Choice:
    """One measure of one model's way of solving, at every temperature of a grid."""

    checkpoint: str
    label: str
    mode: str
    """plain, abstractions, or decoding: and a method's name."""
    measure: str
    """coverage (at the largest budget) or accuracy (of single solutions)."""
    split: str
    """The problems that decided: validation or test."""
    values: dict[float, float]

    @property
    def best(self) -> float:
        """The best temperature; of several the first.

        >>> Choice("cotrained", "co-trained", "plain", "coverage", "test", {0.7: 0.5, 1.0: 0.6, 1.3: 0.4}).best
        1.0
        """
        return max(self.values, key=self.values.__getitem__)

    @property
    def at_edge(self) -> bool:
        """Whether a better temperature may lie beyond the grid: nothing inside it is as good as one of its ends.

        >>> def edge(*values): return Choice("", "", "plain", "coverage", "test", dict(enumerate(values))).at_edge
        >>> edge(3, 2, 1), edge(1, 2, 1), edge(2, 2, 1), edge(1, 1, 1), edge(1), edge(1, 2)
        (True, False, False, False, False, True)
        """
        ends = {min(self.values), max(self.values)}
        inside = max((value for t, value in self.values.items() if t not in ends), default=-np.inf)
        top = self.values[self.best]
        return inside < top and min(self.values.values()) < top

    def row(self) -> dict[str, Any]:
        """What `sweep.json` says of it."""
        return {
            "checkpoint": self.checkpoint, "label": self.label, "mode": self.mode, "measure": self.measure,
            "chosen_on": self.split, "best": self.best, "edge": self.at_edge, "grid": sorted(self.values),
            "values": [rounded(self.values[t]) for t in sorted(self.values)],
        }  # fmt: skip


def warnings(choices: list[Choice]) -> list[str]:
    """A sentence for every way of solving whose best temperature is an end of its grid.

    >>> choice = Choice("cotrained", "co-trained", "plain", "coverage", "test", {0.7: 0.6, 1.0: 0.5})
    >>> warnings([choice])[0][:71]
    'co-trained, plain sampling: coverage is best at T 0.7, an end of sweep.'
    """
    found: dict[tuple, list[str]] = {}
    for choice in choices:
        if choice.at_edge:
            found.setdefault((choice.label, choice.mode, choice.best, tuple(sorted(choice.values))), []).append(
                choice.measure
            )
    sentences = []
    for (label, mode, best, grid), measures in found.items():
        way = WAYS.get(mode, mode.replace(":", " by "))
        what = f"{' and '.join(measures)} {'are' if len(measures) > 1 else 'is'} best at T {best:g}"
        ends = f"an end of {KEYS.get(mode, 'sweep.decoding_temperatures')} ({', '.join(f'{t:g}' for t in grid)})"
        sentences.append(f"{label}, {way}: {what}, {ends}; a better one may lie beyond: widen the grid.")
    return sentences


def guided_grid(run: RunConfig) -> list[float]:
    """Temperatures at which solutions under abstractions are tried."""
    return list(run.sweep.guided_temperatures) or [run.sweep.solve_temperature]


def guided_choices(run: RunConfig, sampled: Sampled, split: str) -> list[Choice]:
    """Of every pair that proposes: coverage of the grid's largest cell, and accuracy of single solutions."""
    found = []
    for conditions in sampled.of("distinct", split).values():
        head = conditions[0][0]
        runs = [BreadthSamples.of(*one) for one in conditions]
        n, m = max(run.sweep.grid, key=lambda cell: tokens_of(runs[0], *cell))
        covered = {one.temperature: float(np.mean(breadth_covered(one, n, m))) for one in runs}
        right = {c.temperature: float(np.mean([drawn_accuracy(one) for one in grown])) for c, grown in conditions}
        for measure, values in (("coverage", covered), ("accuracy", right)):
            found.append(Choice(head.checkpoint, head.label, "abstractions", measure, split, values))
    return found


def drawn_accuracy(grown: Grown) -> float:
    """Accuracy of a solution under a proposal as it comes: a distinct one counts as often as it was drawn, and a draw
    that is no abstraction solves nothing."""
    branches = grown.draws.branch
    right = [np.mean(branch.solutions.correct) * branches.count(i) for i, branch in enumerate(grown.branches)]
    return float(sum(right)) / max(1, len(branches))


def plain_choices(sampled: Sampled, budget: float, split: str) -> list[Choice]:
    """Of every model: coverage by plain samples of `budget` tokens (0: by all there are), and their accuracy."""
    found = []
    for conditions in sampled.of("plain", split).values():
        head = conditions[0][0]
        runs = [PlainSamples.of(*one) for one in conditions]
        covered = {run.temperature: float(run.covered(_count(run, budget)).mean()) for run in runs}
        right = {run.temperature: float(run.correct.mean()) for run in runs}
        for measure, values in (("coverage", covered), ("accuracy", right)):
            found.append(Choice(head.checkpoint, head.label, "plain", measure, split, values))
    return found


def _count(run: PlainSamples, budget: float) -> float:
    return est.samples_for_budget(run.tokens, budget) if budget else run.samples


def tokens_of(samples: BreadthSamples, n: int, m: int) -> float:
    """Generated tokens per problem of a cell."""
    return float(samples.spent(n, m).mean())


def best_temperature(choices: list[Choice], checkpoint: str, mode: str, measure: str) -> float:
    """The best temperature by one of some choices."""
    return next(c.best for c in choices if (c.checkpoint, c.mode, c.measure) == (checkpoint, mode, measure))
