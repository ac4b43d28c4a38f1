"""Lists of abstractions against independent distinct draws in a sweep, at equal generated tokens.

A list that was written for the grid's widest cell is cut behind its n-th different item: what comes before does not
depend on what comes after, so these are the tokens of stopping there. Both ways have their own temperature, selection
rule and keys, chosen on the validation problems.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.cells.lattice import PoolCells
from evals.cells.rows import breadth_covered
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
    these."""
    found = {
        replace(condition, mode=MODES[BREADTH]): [_alike(one) for one in records]
        for condition, records in sampled.conditions.items()
        if condition.mode == MODE
    }
    return Sampled(sampled.problems, found)


def _alike(grown: Grown) -> Grown:
    """A list whose items weigh alike: how likely one is in view of others says nothing of π_abs(z|x), so to a rule that
    weighs by that each is certain, as the empty abstraction of a plain sample is."""
    return replace(grown, draws=replace(grown.draws, model_logprob=[0.0] * len(grown.draws.text)))


def joint_rows(run: RunConfig, own: Book, lists: Sides, book: Book, known: Sides) -> list[dict[str, Any]]:
    """One row per checkpoint and cell: a list's coverage, majority and selected answer, and paired differences to the
    best fixed splits of independent draws at the same mean tokens; the selected answer also to plain sampling.

    `own` and `lists` are the book and the sides of lists (`as_draws`), `book` and `known` those of everything else, or
    of another run on the same problems. A checkpoint that those have not got has no rows.
    """
    rows = []
    for (checkpoint, way), several in lists.items():
        if (checkpoint, way) not in known:
            continue
        independent = _Independent(book, known, checkpoint)
        rows += [_row(several, own, independent, n, m, run.sweep.bootstrap) for n, m in run.sweep.grid]
    return rows


class _Independent:
    """What lists of a checkpoint are set beside."""

    def __init__(self, book: Book, known: Sides, checkpoint: str):
        self.votes = Votes(book, known, checkpoint)
        self.ways = [way for way in (BREADTH, PLAIN) if (checkpoint, way) in known]
        self.samples: BreadthSamples = known[checkpoint, BREADTH][0].samples  # at the temperature that covers most
        self.pool = PoolCells.of(self.samples, "majority")


def _row(several: list, own: Book, beside: _Independent, n: int, m: int, resamples: int) -> dict[str, Any]:
    covering: BreadthSamples = several[0].samples  # sampled first: it covers most
    option = own.best(covering.checkpoint, BREADTH, [side.samples.temperature for side in several])
    selecting = next(side.samples for side in several if side.samples.temperature == option.temperature)
    tokens = float(covering.spent(n, m).mean())
    found: dict[str, Any] = {
        "checkpoint": covering.checkpoint, "label": covering.label, "n": n, "m": m, "problems": len(covering.problems),
        "temperature": covering.temperature, "independent_temperature": beside.samples.temperature,
        "tokens_per_problem": rounded(tokens),
        "distinct": rounded(np.mean([len(problem.correct[:n]) for problem in covering.problems])),
    }  # fmt: skip
    measures = {
        "coverage": (np.array(breadth_covered(covering, n, m)), beside.pool.covered),
        "majority": (covering.accuracy(n, m, "majority"), beside.pool.accuracy),
    }
    for name, (values, table) in measures.items():
        rival, spent, _ = fixed_splits(beside.pool, table, tokens)
        found[name] = {
            "joint": rounded(values.mean()), "independent": rounded(rival.mean()),
            "independent_tokens": rounded(spent), **_gap(values, rival, resamples),
        }  # fmt: skip
    right, tokens = selecting.accuracy(n, m, option.rule, option.keys), float(selecting.spent(n, m).mean())
    votes = [beside.votes.best_at(way, tokens) for way in beside.ways]
    return found | {
        "selected": {
            "rule": option.rule, "keys": keys_row(option.keys), "temperature": option.temperature,
            "chosen_on": own.split, "tokens_per_problem": rounded(tokens), "accuracy": rounded(right.mean()),
            "ci95": rounded(est.bootstrap(right, resamples=resamples).ci95),
            "votes": [
                vote.row | {"accuracy": rounded(vote.right.mean())} | _gap(right, vote.right, resamples)
                for vote in votes
            ],
        }
    }  # fmt: skip


def _gap(values: Floats, rival: Floats, resamples: int) -> dict[str, Any]:
    """The mean of paired differences, with its interval."""
    gap = est.paired_difference(values, rival, resamples=resamples)
    return {"difference": rounded(gap.estimate), "ci95": rounded(gap.ci95)}
