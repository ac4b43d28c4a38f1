"""How well the scores that votes can read tell right from wrong *inside* a problem, and whether they are calibrated.

What makes a problem hard moves all its candidates alike and changes no vote. So what counts is within-problem AUROC:
the chance that a right candidate of a problem is scored above a wrong one of the same problem.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from math import exp
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from evals.cells.calibration import brier, expected_calibration_error
from evals.statistics import estimators as est
from evals.statistics.rounding import rounded
from rlad.entropy.auroc import auroc
from rlad.selection import Candidate

Scorer = Callable[[Sequence[Candidate]], list[float | None]]


def agreement(candidates: Sequence[Candidate]) -> list[float]:
    """The share of a problem's candidates that give the same answer; 0 for none.

    >>> agreement([Candidate("A"), Candidate("B"), Candidate("B"), Candidate(None)])
    [0.25, 0.5, 0.5, 0.0]
    """
    counted = Counter(one.key for one in candidates)
    return [counted[one.key] / len(candidates) if one.key is not None else 0.0 for one in candidates]


def _each(value: Callable[[Candidate], float | None]) -> Scorer:
    return lambda candidates: [value(one) for one in candidates]


SCORES: dict[str, Scorer] = {
    "proposal": _each(lambda one: None if one.proposal is None else exp(one.proposal)),
    "draws": _each(lambda one: one.draws / one.drawn),
    "agreement": agreement,
    "likelihood": _each(lambda one: one.likelihood),
    "solution": _each(lambda one: None if one.logprob is None else exp(one.logprob)),
    "unguided": _each(lambda one: None if one.unguided is None else exp(one.unguided)),
    "joint": _each(lambda one: None if one.joint is None else exp(one.joint)),
    "judgement": _each(lambda one: one.judgement),
    "stated": _each(lambda one: one.stated_confidence),
}
"""Scores as probabilities, by name: π_abs; share of the proposals; share of the answers; geometric mean of the
solution's token probabilities; π_sol of the whole solution, and without its abstraction; π_abs π_sol; a judge's
probability that it is right; the confidence that is stated."""


def score_rows(
    head: dict[str, Any], candidates: Sequence[Sequence[Candidate]], correct: Sequence[ArrayLike], resamples: int
) -> list[dict[str, Any]]:
    """What `sweep.json` says of every score of some problems' candidates, those that are the same for all left out.

    `auroc` is the mean over the `problems` that have candidates of both kinds, with its interval; `brier` and `ece`
    are over all candidates, the score taken as a probability of being right.
    """
    rows = []
    for name, scorer in SCORES.items():
        found = [scorer(one) for one in candidates]
        values = [value for one in found for value in one]
        if None in values or len(set(values)) < 2:
            continue
        by_problem = [auroc(scores, flags) for scores, flags in zip(found, correct, strict=True)]
        mixed = [value for value in by_problem if value is not None]
        flags = np.concatenate([np.asarray(one, bool) for one in correct])
        interval = est.bootstrap(mixed, resamples=resamples) if mixed else None
        rows.append(
            head | {
                "score": name, "problems": len(mixed),
                "auroc": interval and rounded(interval.estimate), "auroc_ci95": interval and rounded(interval.ci95),
                "brier": rounded(brier(values, flags)), "ece": rounded(expected_calibration_error(values, flags)),
                "mean": rounded(np.mean(values)), "right": rounded(flags.mean()),
            }
        )  # fmt: skip
    return rows
