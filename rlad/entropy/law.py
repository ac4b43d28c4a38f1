"""The entropy law R = -a e^H + b (2505.22617): reward bought with entropy, and the ceiling b - a where none is left.

Linear in x = e^H, so ordinary least squares. It was stated for runs without KL and entropy terms; where those act it is
a diagnostic. Without range in x the ceiling is a long extrapolation, and its standard error says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

Interval = tuple[float, float]


@dataclass(frozen=True)
class EntropyLaw:
    """A fitted law. `s` is the residuals' standard deviation, `mean_x` and `s_xx` those of e^H in the fitted points."""

    a: float
    b: float
    n: int
    s: float
    mean_x: float
    s_xx: float

    @property
    def ceiling(self) -> float:
        """The reward at zero entropy."""
        return self.b - self.a

    def reward(self, entropy: float) -> float:
        """The law's reward at an entropy, nats."""
        return self.b - self.a * math.exp(entropy)

    def slope(self, entropy: float) -> float:
        """dR/dH = -a e^H."""
        return -self.a * math.exp(entropy)

    def error(self, x: float) -> float:
        """Standard error of the line at x = e^H; x = 1 is the ceiling, x = 0 is b."""
        return self.s * math.sqrt(1 / self.n + (x - self.mean_x) ** 2 / self.s_xx)

    def intervals(self, level: float = 0.95) -> dict[str, Interval]:
        """Student-t intervals of a, b and the ceiling."""
        t = self._t(level)
        a_error = self.s / math.sqrt(self.s_xx)
        errors = {"a": (self.a, a_error), "b": (self.b, self.error(0.0)), "ceiling": (self.ceiling, self.error(1.0))}
        return {name: (value - t * error, value + t * error) for name, (value, error) in errors.items()}

    def prediction(self, entropy: float, level: float = 0.95) -> Interval:
        """Where a new measurement at this entropy should fall: the line's error and a point's own noise."""
        x, centre = math.exp(entropy), self.reward(entropy)
        half = self._t(level) * math.hypot(self.s, self.error(x))
        return centre - half, centre + half

    def _t(self, level: float) -> float:
        return _quantile(0.5 + level / 2, self.n - 2)


@cache
def _quantile(level: float, freedom: int) -> float:
    """Of Student's t; kept, because an interval is asked for every step of a run."""
    from scipy.special import stdtrit  # scipy.stats would take a second to import

    return float(stdtrit(freedom, level))


def fit_law(entropy: Sequence[float], reward: Sequence[float]) -> EntropyLaw:
    """Least squares of reward on e^H. Raises ValueError with fewer than three points or none that differ in entropy.

    >>> H, R = [1.2, 0.9, 0.6, 0.4, 0.3], [0.2519825, 0.3810595, 0.4766822, 0.5262263, 0.5475212]
    >>> law = fit_law(H, R)
    >>> round(law.a, 6), round(law.b, 6), round(law.ceiling, 6), round(law.slope(0.3), 4)
    (0.15, 0.75, 0.6, -0.2025)
    """
    x, y = np.exp(np.asarray(entropy, dtype=np.float64)), np.asarray(reward, dtype=np.float64)
    if len(x) < 3:
        raise ValueError(f"the entropy law needs at least three points and got {len(x)}")
    s_xx = float(((x - x.mean()) ** 2).sum())
    if s_xx < 1e-12:
        raise ValueError("the entropy did not change, so no law can be fitted")
    slope = float(((x - x.mean()) * (y - y.mean())).sum()) / s_xx
    b = float(y.mean() - slope * x.mean())
    residual = y - (b + slope * x)
    s = math.sqrt(float((residual**2).sum()) / (len(x) - 2))
    return EntropyLaw(-slope, b, len(x), s, float(x.mean()), s_xx)
