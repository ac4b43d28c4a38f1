"""The keys of selection rules, fitted on validation problems: never on the problems on which accuracy is reported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from rlad.config.registry import rule
from rlad.selection import Candidate
from rlad.selection.calibrated import FEATURES, IsotonicKeys, PlattKeys

Candidates = Sequence[Sequence[Candidate]]


def fitted(
    select: str, keys: Any, candidates: Candidates, correct: Sequence[ArrayLike], accuracy: Callable[[Any], float]
) -> Any:
    """The keys with which a rule does best on some problems; those that were given where it has nothing to fit.

    Args:
        keys: the keys as configured, None for a rule without any.
        candidates, correct: each problem's candidates and their verdicts.
        accuracy: keys -> accuracy of the selected answer on the same problems.
    """
    how = rule[select].facts.get("fit")
    if how is None:
        return keys
    if callable(how):
        return how(candidates, correct)
    if isinstance(how, str):
        answered = [
            (one, bool(flag))
            for row, flags in zip(candidates, correct, strict=True)
            for one, flag in zip(row, np.asarray(flags), strict=True)
            if one.key is not None
        ]
        return WAYS[how](answered) if len({flag for _, flag in answered}) == 2 else keys
    return best_of_grid(keys, how, accuracy)


def best_of_grid(keys: Any, grid: dict[str, Sequence[float]], accuracy: Callable[[Any], float]) -> Any:
    """The most accurate keys of a grid; those that were given where nothing is better.

    >>> from rlad.selection.proposing import ProposerKeys
    >>> best_of_grid(ProposerKeys(), {"alpha": (0.5, 2.0)}, lambda keys: -abs(keys.alpha - 0.6))
    ProposerKeys(alpha=0.5)
    """
    best, top = keys, accuracy(keys)
    for values in product(*grid.values()):
        tried = replace(keys, **dict(zip(grid, values, strict=True)))
        value = accuracy(tried)
        if value > top + 1e-12:
            best, top = tried, value
    return best


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
