"""Success against several causes at once: a logistic model of counts, and the null of independent slips. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.optimize import minimize_scalar

STEEP = 15.0
"""A coefficient beyond this is on its way to infinity: the causes part successes from failures, and no fit exists."""


@dataclass(frozen=True)
class Logistic:
    """A fitted model: log-odds of success = sum over causes of coefficient * value."""

    coefficients: NDArray[np.float64]
    """(K,)"""
    errors: NDArray[np.float64]
    """(K,) standard errors that hold where the samples of one problem share its luck (sandwich, one term a problem)."""

    def intervals(self, level: float = 0.95) -> NDArray[np.float64]:
        """(K, 2): normal intervals of the coefficients."""
        half = stats.norm.ppf(0.5 + level / 2) * self.errors
        return np.stack([self.coefficients - half, self.coefficients + half], axis=1)


def fit_logistic(causes: ArrayLike, right: ArrayLike, total: ArrayLike) -> Logistic | None:
    """Maximum likelihood by Newton's steps; None where there is no finite maximum.

    causes: (P, K), one row per problem; right and total: (P,) successes of so many samples.

    Two groups of one problem each, right in 1 of 2 and in 3 of 4: log-odds 0 and log 3.

    >>> model = fit_logistic([[1, 0], [1, 1]], [1, 3], [2, 4])
    >>> [round(float(c), 4) + 0 for c in model.coefficients]
    [0.0, 1.0986]
    >>> fit_logistic([[1, 0], [1, 1]], [0, 4], [2, 4]) is None       # parted
    True
    """
    x, c, n = (np.asarray(values, np.float64) for values in (causes, right, total))
    weights = np.zeros(x.shape[1])
    if np.linalg.matrix_rank(x) < x.shape[1]:
        return None
    for _ in range(100):
        p = 1 / (1 + np.exp(-x @ weights))
        hessian = x.T @ (x * (n * p * (1 - p))[:, None])
        if np.linalg.cond(hessian) > 1e12:
            return None
        step = np.linalg.solve(hessian, x.T @ (c - n * p))
        weights = weights + step
        if np.abs(weights).max() > STEEP:
            return None
        if np.abs(step).max() < 1e-10:
            break
    scores = x * (c - n * p)[:, None]
    inverse = np.linalg.inv(hessian)
    return Logistic(weights, np.sqrt(np.diag(inverse @ (scores.T @ scores) @ inverse)))


def slip_rate(steps: ArrayLike, right: ArrayLike, total: ArrayLike) -> float:
    """epsilon of the null that every step goes wrong by itself: success (1 - epsilon)^steps; maximum likelihood.

    >>> round(slip_rate([1, 1], [9, 9], [10, 10]), 4), round(slip_rate([2], [81], [100]), 4)
    (0.1, 0.1)
    """
    k, c, n = (np.asarray(values, np.float64) for values in (steps, right, total))

    def loss(epsilon: float) -> float:
        p = np.clip(no_slip(epsilon, k), 1e-12, 1 - 1e-12)
        return -float((c * np.log(p) + (n - c) * np.log1p(-p)).sum())

    return float(minimize_scalar(loss, bounds=(1e-9, 1 - 1e-9), method="bounded", options={"xatol": 1e-9}).x)


def no_slip(epsilon: float, steps: ArrayLike) -> NDArray[np.float64]:
    """(1 - epsilon)^steps.

    >>> round(float(no_slip(0.05, 10)), 4)
    0.5987
    """
    return (1 - epsilon) ** np.asarray(steps, np.float64)
