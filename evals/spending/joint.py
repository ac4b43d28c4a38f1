"""Lists of abstractions against independent distinct draws in a sweep, at equal generated tokens.

A list that was written for the grid's widest cell is cut behind its n-th different item: what comes before does not
depend on what comes after, so these are the tokens of stopping there. Both ways have their own temperature, selection
rule and keys, chosen on the validation problems, and their own splits of equal tokens: else a cell would be judged by
its shape.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.cells.lattice import PoolCells
from evals.cells.selecting import BREADTH, MODES, PLAIN, Book, Sides, keys_row
from evals.samples.judged import BreadthSamples
from evals.samples.trees import Grown, Sampled
from evals.spending.choosing import Votes, fixed_splits
from evals.statistics import estimators as est
from evals.statistics.rounding import rounded
from rlad.config import RunConfig

MODE = "joint"

Floats = NDArray[np.float64]


def as_draws(sampled: Sampled) -> Sampled:
    """A sweep's lists in the place of its distinct draws, and nothing else: whatever chooses for those chooses for
    these.

    Where some items were not scored as single proposals (sweeps of before did not ask) none of them is, so that a rule
    that reads π_abs is left out on the problems that choose and on those that are reported alike.
    """
    lists = {condition: records for condition, records in sampled.conditions.items() if condition.mode == MODE}
    scored = all(one.scored for records in lists.values() for one in records)
    found = {
        replace(condition, mode=MODES[BREADTH]): records if scored else [_unsaid(one) for one in records]
        for condition, records in lists.items()
    }
    return Sampled(sampled.problems, found)


def _unsaid(grown: Grown) -> Grown:
    return replace(grown, draws=replace(grown.draws, model_logprob=[None] * len(grown.draws.text)))


def left_out(own: Book, book: Book) -> list[str]:
    """A sentence where lists, whose book is `own`, are without some of the rules that everything else has."""
    names = [name for name in book.rules if name not in own.rules]
    if not names:
        return []
    return [
        f"Lists of abstractions are measured without {', '.join(names)}: nobody asked how likely each of their items "
        "is by itself when they were sampled; sweep anew for that."
    ]


def joint_rows(run: RunConfig, own: Book, lists: Sides, book: Book, known: Sides) -> list[dict[str, Any]]:
    """One row per checkpoint and cell, whose tokens are the budget: coverage, majority and selected answer of lists and
    of independent draws, both at their best fixed splits in hindsight, with paired differences; the cell's own selected
    answer beside plain sampling's.

    `own` and `lists` are the book and the sides of lists (`as_draws`), `book` and `known` those of everything else, or
    of another run on the same problems. A checkpoint that those have not got has no rows.
    """
    rows = []
    for checkpoint, way in lists:
        if (checkpoint, way) in known:
            beside = _Beside(own, lists, book, known, checkpoint)
            rows += [beside.row(n, m, run.sweep.bootstrap) for n, m in run.sweep.grid]
    return rows


class _Beside:
    """The lists of a checkpoint, and what they are set beside."""

    def __init__(self, own: Book, lists: Sides, book: Book, known: Sides, checkpoint: str):
        sides = {side.samples.temperature: side.samples for side in lists[checkpoint, BREADTH]}
        self.split, self.option = own.split, own.best(checkpoint, BREADTH, sides)
        self.selecting: BreadthSamples = sides[self.option.temperature]
        # What covers most of the validation problems was sampled first.
        self.covering: BreadthSamples = lists[checkpoint, BREADTH][0].samples
        self.drawn: BreadthSamples = known[checkpoint, BREADTH][0].samples
        self.pool, self.rival = (PoolCells.of(one, "majority") for one in (self.covering, self.drawn))
        self.weighed = PoolCells.of(self.selecting, self.option.rule, self.option.keys)
        self.votes = Votes(book, known, checkpoint)
        self.ways = [way for way in (BREADTH, PLAIN) if (checkpoint, way) in known]

    def row(self, n: int, m: int, resamples: int) -> dict[str, Any]:
        """The cell n x m."""
        tokens = float(self.covering.spent(n, m).mean())
        return {
            "checkpoint": self.covering.checkpoint, "label": self.covering.label, "n": n, "m": m,
            "problems": len(self.covering.problems),
            "temperature": self.covering.temperature, "independent_temperature": self.drawn.temperature,
            "tokens_per_problem": rounded(tokens),
            "distinct": rounded(np.mean([len(one.correct[:n]) for one in self.covering.problems])),
            "coverage": self._measure(self.pool.covered, self.rival.covered, (n, m), tokens, resamples),
            "majority": self._measure(self.pool.accuracy, self.rival.accuracy, (n, m), tokens, resamples),
            "selected": self._selected(n, m, resamples),
        }  # fmt: skip

    def _measure(
        self, table: Floats, rival: Floats, cell: tuple[int, int], tokens: float, resamples: int
    ) -> dict[str, Any]:
        """What a cell has, and what lists and draws have at their best splits of as many tokens."""
        ours, _, splits = fixed_splits(self.pool, table, tokens)
        theirs, _, others = fixed_splits(self.rival, rival, tokens)
        return {
            "cell": rounded(table[:, cell[0] - 1, cell[1] - 1].mean()),
            "joint": rounded(ours.mean()), "independent": rounded(theirs.mean()),
            "joint_splits": _shares(splits), "independent_splits": _shares(others), **_gap(ours, theirs, resamples),
        }  # fmt: skip

    def _selected(self, n: int, m: int, resamples: int) -> dict[str, Any]:
        tokens, option, right = float(self.selecting.spent(n, m).mean()), self.option, self.weighed.accuracy
        cell = right[:, n - 1, m - 1]
        best, _, splits = fixed_splits(self.weighed, right, tokens)
        votes = []
        for way in self.ways:
            vote, ours = self.votes.best_at(way, tokens), best if way == BREADTH else cell
            values = {"joint": rounded(ours.mean()), "accuracy": rounded(vote.right.mean())}
            votes.append(vote.row | values | _gap(ours, vote.right, resamples))
        return {
            "rule": option.rule, "keys": keys_row(option.keys), "temperature": option.temperature,
            "chosen_on": self.split, "tokens_per_problem": rounded(tokens), "accuracy": rounded(cell.mean()),
            "ci95": rounded(est.bootstrap(cell, resamples=resamples).ci95), "splits": _shares(splits), "votes": votes,
        }  # fmt: skip


def _shares(splits: dict[tuple[int, int], float]) -> list[list[float]]:
    """Splits with their shares of the problems."""
    return [[*split, rounded(share)] for split, share in splits.items()]


def _gap(values: Floats, rival: Floats, resamples: int) -> dict[str, Any]:
    """The mean of paired differences, with its interval."""
    gap = est.paired_difference(values, rival, resamples=resamples)
    return {"difference": rounded(gap.estimate), "ci95": rounded(gap.ci95)}
