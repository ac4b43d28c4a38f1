"""The keys of selection rules, fitted on validation problems: never on the problems on which accuracy is reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from rlad.config.registry import rule
from rlad.selection import Candidate
from rlad.selection.calibrated import FEATURES, IsotonicKeys, PlattKeys

Candidates = Sequence[Sequence[Candidate]]
Accuracy = Callable[[Any], NDArray[np.float64]]


FOLDS = 5
"""Parts into which the validation problems are dealt: keys that are judged on one were fitted on the others."""


class Fit(NamedTuple):
    """Keys fitted on all the problems, and what fitting such keys is worth."""

    keys: Any
    right: NDArray[np.float64]
    """(P,) accuracy of the selected answer on every problem under keys that were fitted without it (5-fold
    cross-validation); on the same problems a rule with more to fit would look better than one with less."""


def fitted(select: str, keys: Any, candidates: Candidates, correct: Sequence[ArrayLike], accuracy: Accuracy) -> Fit:
    """The keys with which a rule does best on some problems; those that were given where it has nothing to fit.

    Args:
        keys: the keys as configured, None for a rule without any.
        candidates, correct: each problem's candidates and their verdicts.
        accuracy: keys -> accuracy of the selected answer on every one of the problems.
    """
    how = rule[select].facts.get("fit")
    if how is None:
        return Fit(keys, accuracy(keys))
    if isinstance(how, dict):
        return best_of_grid(keys, how, accuracy)

    def learnt(chosen: Sequence[int]) -> Any:
        some, verdicts = [candidates[i] for i in chosen], [correct[i] for i in chosen]
        return how(some, verdicts) if callable(how) else _of_answers(how, keys, some, verdicts)

    right = np.empty(len(candidates))
    for inside, outside in folds(len(candidates)):
        right[inside] = accuracy(learnt(outside))[inside]
    return Fit(learnt(range(len(candidates))), right)


def folds(problems: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """(the problems of a fold, all others) of every fold that has any; with one problem there are no others.

    >>> [(inside.tolist(), outside.tolist()) for inside, outside in folds(6)][:2]
    [([0, 5], [1, 2, 3, 4]), ([1], [0, 2, 3, 4, 5])]
    """
    number = np.arange(problems)
    for fold in range(min(FOLDS, problems)):
        yield number[number % FOLDS == fold], number[number % FOLDS != fold]


def best_of_grid(keys: Any, grid: dict[str, Sequence[float]], accuracy: Accuracy) -> Fit:
    """The most accurate keys of a grid; those that were given where nothing is better.

    >>> from rlad.selection.proposing import ProposerKeys
    >>> near = lambda keys: 1 - abs(keys.alpha - np.array([0.5, 0.5, 0.5, 2.0]))
    >>> best_of_grid(ProposerKeys(), {"alpha": (0.5, 2.0)}, near)  # without the fourth, .5 is better still
    Fit(keys=ProposerKeys(alpha=0.5), right=array([ 1. ,  1. ,  1. , -0.5]))
    """
    tried = [keys, *(replace(keys, **dict(zip(grid, values, strict=True))) for values in product(*grid.values()))]
    table = np.stack([accuracy(one) for one in tried])  # (keys, problems)
    right = np.empty(table.shape[1])
    for inside, outside in folds(table.shape[1]):
        right[inside] = table[_best(table[:, outside]), inside]
    return Fit(tried[_best(table)], right)


def _best(table: NDArray[np.float64]) -> int:
    """The row with the highest mean; the first of those that are equal up to rounding."""
    means = table.mean(axis=1) if table.shape[1] else np.zeros(len(table))
    return int(np.argmax(means > means.max() - 1e-12))


def _of_answers(way: str, keys: Any, candidates: Candidates, correct: Sequence[ArrayLike]) -> Any:
    """Keys learnt from single answers and their verdicts; those that were given where all verdicts are the same."""
    answered = [
        (one, bool(flag))
        for row, flags in zip(candidates, correct, strict=True)
        for one, flag in zip(row, np.asarray(flags), strict=True)
        if one.key is not None
    ]
    return WAYS[way](answered) if len({flag for _, flag in answered}) == 2 else keys


def _logistic(answered: list[tuple[Candidate, bool]]) -> PlattKeys:
    """Platt's map: log-odds that are linear in what the players said."""
    features = np.array([[value(one) for value in FEATURES.values()] for one, _ in answered])
    varied = np.ptp(features, axis=0) > 0
    weights = np.zeros(len(FEATURES))
    if not varied.any():
        return PlattKeys(proposal=0.0, solution=0.0)
    scale = features[:, varied].std(axis=0)
    model = LogisticRegression(C=1e3, max_iter=1000).fit(features[:, varied] / scale, [flag for _, flag in answered])
    weights[varied] = model.coef_[0] / scale
    numbers = dict(zip(FEATURES, (round(float(weight), 4) for weight in weights), strict=True))
    return PlattKeys(intercept=round(float(model.intercept_[0]), 4), **numbers)


def _isotonic(answered: list[tuple[Candidate, bool]]) -> IsotonicKeys:
    """The rising step function of log π_abs π_sol that is nearest to the verdicts (pool adjacent violators)."""
    scores = np.array([one.joint for one, _ in answered])
    order = np.argsort(scores, kind="stable")
    fit = IsotonicRegression(y_min=0, y_max=1).fit_transform(scores, np.array([flag for _, flag in answered], float))
    values, first = np.unique(np.round(fit[order], 4), return_index=True)
    return IsotonicKeys([round(float(scores[order][i]), 4) for i in first], [float(value) for value in values])


WAYS: dict[str, Callable[[list[tuple[Candidate, bool]]], Any]] = {"logistic": _logistic, "isotonic": _isotonic}
"""How a rule is fitted that names its way; what they take are answered candidates with their verdicts."""
