"""A straight line in the logarithm of compute: what anyone foretells who looks at the curve and at nothing else.

The baseline of the entropy law and of the sigmoid for rewards, and the forecast of the entropy itself where the later
entropies are not known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LogTrend:
    """value = level + slope ln C."""

    level: float
    slope: float

    def value(self, compute: float) -> float:
        """The line at a compute above 0, in the unit it was fitted in."""
        return self.level + self.slope * math.log(compute)


def fit_trend(compute: Sequence[float], values: Sequence[float]) -> LogTrend:
    """Least squares of the values on ln C. Raises ValueError with fewer than three points or compute that stands still.

    >>> trend = fit_trend([1.0, math.e, math.e**2], [0.5, 0.4, 0.3])
    >>> round(trend.level, 9), round(trend.slope, 9), round(trend.value(math.e**3), 9)
    (0.5, -0.1, 0.2)
    """
    c, y = np.asarray(compute, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if len(c) < 3:
        raise ValueError(f"a trend needs at least three points and got {len(c)}")
    if not np.isfinite(c).all() or c.min() <= 0:
        raise ValueError("the run does not record its generated tokens")
    x = np.log(c)
    s_xx = float(((x - x.mean()) ** 2).sum())
    if s_xx < 1e-12:
        raise ValueError("the compute did not change")
    slope = float(((x - x.mean()) * (y - y.mean())).sum()) / s_xx
    return LogTrend(float(y.mean() - slope * x.mean()), slope)
