"""The sigmoid of reward over compute (ScaleRL, 2510.13786): R = R_0 + (A - R_0) / (1 + (C_mid / C)^B).

A is the asymptote, C_mid the compute where half of the gain is made, B the steepness. Before the curve bends A and
C_mid cannot be told apart; the standard error of A is then as large as A itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Sigmoid:
    """A curve; `error` is the standard error of a fitted A, infinite where the points do not determine it."""

    start: float
    asymptote: float
    middle: float
    steepness: float
    error: float = math.inf

    def reward(self, compute: float) -> float:
        """The curve at a compute above 0, in the unit of `middle`.

        >>> curve = Sigmoid(0.2, 0.61, 2542, 1.92)
        >>> curve.reward(2542), round(curve.reward(4 * 2542), 4)
        (0.405, 0.5832)
        """
        return self.start + (self.asymptote - self.start) / (1 + (self.middle / compute) ** self.steepness)


def fit_sigmoid(compute: Sequence[float], reward: Sequence[float], start: float) -> Sigmoid:
    """Least squares from the best point of a grid over (A, C_mid, B). Raises ValueError with fewer than five points.

    A stays in (start, 1], because rewards are shares, and C_mid within a factor 100 of the measured compute.

    >>> true = Sigmoid(0.2, 0.61, 2542, 1.92)
    >>> C = [300 * 1.3**i for i in range(14)]
    >>> found = fit_sigmoid(C, [true.reward(c) for c in C], 0.2)
    >>> round(found.asymptote, 4), round(found.middle), round(found.steepness, 3)
    (0.61, 2542, 1.92)
    """
    from scipy.optimize import least_squares

    c, y = np.asarray(compute, dtype=np.float64), np.asarray(reward, dtype=np.float64)
    if len(c) < 5:
        raise ValueError(f"the sigmoid needs at least five points and got {len(c)}")
    if start >= 1:
        raise ValueError("the reward starts at its largest value, 1")

    def residuals(parameters: np.ndarray) -> np.ndarray:
        a, log_middle, log_b = parameters
        power = np.clip(np.exp(log_b) * (log_middle - np.log(c)), -500, 500)
        return start + (a - start) / (1 + np.exp(power)) - y

    low = np.array([start + 1e-6, math.log(c.min() / 100), math.log(0.1)])
    high = np.array([1.0, math.log(c.max() * 100), math.log(10.0)])
    grid = [
        np.array([a, m, b])
        for a in np.linspace(start, 1.0, 13)[1:]
        for m in np.linspace(math.log(c.min()), math.log(c.max() * 10), 12)
        for b in np.log([0.5, 1.0, 2.0, 4.0])
    ]
    best = min(grid, key=lambda point: float((residuals(point) ** 2).sum()))
    found = least_squares(residuals, np.clip(best, low + 1e-9, high - 1e-9), bounds=(low, high), xtol=1e-12, ftol=1e-12)
    a, log_middle, log_b = found.x
    return Sigmoid(start, float(a), math.exp(log_middle), math.exp(log_b), _asymptote_error(found.jac, found.fun))


def _asymptote_error(jacobian: np.ndarray, residual: np.ndarray) -> float:
    """From the curvature at the minimum; infinite where A cannot be told from C_mid and B."""
    variance = float((residual**2).sum()) / max(1, len(residual) - 3)
    information = jacobian.T @ jacobian
    if np.linalg.cond(information) > 1e14:
        return math.inf
    return math.sqrt(max(0.0, variance * float(np.linalg.inv(information)[0, 0])))
