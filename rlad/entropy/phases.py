"""Does learning have two phases: execution settles first, then planning explores (2509.03646's picture)?

The rule is ours: two straight lines are fitted to the execution series, split where they fit best. The run is
two-phase when execution's late slope is below a tenth of its early one and the planning series rises in the late part
more clearly than 97.5 % of autocorrelated series that go nowhere. There is no knee where one line fits as well (BIC).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEAST = 3
"""Points on either side of a knee."""
CHANCE = 0.025
"""A rise that series without a trend show as often as this is none."""
MOST_CORRELATED = 0.99
ROUNDING = 1e-9
"""Residuals below this share of a series' largest value are rounding, not noise: no fit is better by them."""
SHORTLIST = 64
"""Splits that are fitted exactly, those that running sums find best."""


@dataclass(frozen=True)
class Line:
    slope: float
    rss: float
    """Sum of squared residuals."""


@dataclass(frozen=True)
class Knee:
    """The best split of a series: the second line begins at index `at`."""

    at: int
    early: Line
    late: Line

    @property
    def rss(self) -> float:
        return self.early.rss + self.late.rss


@dataclass(frozen=True)
class Phases:
    """What was found. `step` is where the second phase begins, None when there is none; `reason` says why in words."""

    step: float | None
    reason: str
    planning_slope: float | None = None
    planning_chance: float | None = None
    """How often a series without a trend rises as clearly, see `rise_chance`."""


def fit_line(x: np.ndarray, y: np.ndarray) -> Line:
    """Least squares.

    >>> line = fit_line(np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0]))
    >>> round(line.slope, 9), round(line.rss, 9)
    (2.0, 0.0)
    """
    dx, dy = x - x.mean(), y - y.mean()
    slope = float(dx @ dy / (dx @ dx))
    return Line(slope, float(((dy - slope * dx) ** 2).sum()))


def best_splits(x: Sequence[float], y: Sequence[float]) -> list[Knee]:
    """The best splits with at least three points a side, at most `SHORTLIST`, the best first.

    Raises ValueError with fewer than six points.

    >>> steps = list(range(40))
    >>> best, second, *_ = best_splits(steps, [2 - 0.05 * t if t < 20 else 0.9 for t in steps])
    >>> best.at, best.rss < 1e-20, second.rss > 1e-3
    (20, True, True)
    """
    if len(x) < 2 * LEAST:
        raise ValueError(f"a knee needs at least {2 * LEAST} points and got {len(x)}")
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    places = np.arange(LEAST, len(x) - LEAST + 1)
    if len(places) > SHORTLIST:  # fitted one by one, ten thousand points would take minutes
        places = np.sort(places[np.argsort(_split_rss(x, y, places), kind="stable")[:SHORTLIST]])
    found = [Knee(i, fit_line(x[:i], y[:i]), fit_line(x[i:], y[i:])) for i in places.tolist()]
    return sorted(found, key=lambda knee: knee.rss)


def _split_rss(x: np.ndarray, y: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Residual sums of squares of two lines that part at each of `places`, from running sums: right but for rounding.

    >>> x, y = np.arange(8.0), np.array([1.0, 2, 3, 4, 4, 3, 2, 1])
    >>> _split_rss(x, y, np.array([3, 4])).round(9)
    array([0.4, 0. ])
    """
    x, y = x - x.mean(), y - y.mean()
    sums = np.cumsum([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)  # (6, N)
    early = sums[:, places - 1]

    def rss(part: np.ndarray) -> np.ndarray:
        n, sx, sy, sxx, sxy, syy = part
        cross, spread = sxy - sx * sy / n, sxx - sx * sx / n
        return (syy - sy * sy / n) - cross**2 / spread

    return rss(early) + rss(sums[:, -1:] - early)


def bends(x: np.ndarray, y: np.ndarray, knee: Knee) -> bool:
    """Whether two lines that part at `knee` describe y better than one, by the Bayesian information criterion.

    A line has two parameters; two lines and where they part have five.

    >>> x = np.arange(400.0)
    >>> [bends(x, y, best_splits(x, y)[0]) for y in (1 - x / 490, np.abs(x - 200))]
    [False, True]
    """
    n, rounding = len(x), (ROUNDING * float(np.abs(y).max())) ** 2 + 1e-30

    def bic(rss: float, parameters: int) -> float:
        # Unfloored, a straight line without noise would bend or not as the processor rounds.
        return n * math.log(max(rss / n, rounding)) + parameters * math.log(n)

    return bic(knee.rss, 5) < bic(fit_line(x, y).rss, 2)


def autoregression(residuals: np.ndarray) -> float:
    """The largest first-order autocorrelation that a line's residuals leave open (one-sided 95 %), at most .99.

    Residuals of a fitted line look less correlated than the series is: their own value lies near rho - (2 + 4 rho) / n,
    which is solved for rho at the upper end of the sample value's interval.

    >>> round(autoregression(np.array([1.0, -1.0] * 20)), 3), autoregression(np.repeat([1.0, -1.0], 20))
    (0.0, 0.99)
    """
    n, spread = len(residuals), float(residuals @ residuals)
    if n <= 4 or spread == 0:
        return 0.0 if spread == 0 else MOST_CORRELATED
    own = float(residuals[1:] @ residuals[:-1]) / spread
    upper = own + 1.645 * math.sqrt(max(0.0, 1 - own**2) / n)
    return min(MOST_CORRELATED, max(0.0, (n * upper + 2) / (n - 4)))


def rise_chance(x: np.ndarray, y: np.ndarray, surrogates: int = 1000, seed: int = 0) -> float:
    """How often a series that goes nowhere, as autocorrelated as y may be, rises as clearly as y does.

    Clearly: by the t value of its slope. The surrogates are stationary AR(1) series. Points that follow each other
    stay close in every training curve, so resampling single points would take every slow wave for a trend.

    >>> x = np.arange(20.0)
    >>> wave = np.sin(x)
    >>> rise_chance(x, wave + x) < 0.002, rise_chance(x, wave) > 0.1, rise_chance(x, wave - x)
    (True, True, 1.0)
    """
    observed, residuals = _t_values(x, y[None])
    if observed[0] <= 0:
        return 1.0
    rho, rng = autoregression(residuals[0]), np.random.default_rng(seed)
    noise = rng.normal(size=(surrogates, len(x)))
    series = np.empty_like(noise)
    series[:, 0] = noise[:, 0] / math.sqrt(1 - rho**2)
    for t in range(1, len(x)):
        series[:, t] = rho * series[:, t - 1] + noise[:, t]
    reached = int((_t_values(x, series)[0] >= observed[0]).sum())
    return (1 + reached) / (1 + surrogates)


def _t_values(x: np.ndarray, series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The t value of every row's slope (N,), and the rows' residuals (N, len(x))."""
    dx, dy = x - x.mean(), series - series.mean(1, keepdims=True)
    slopes = dy @ dx / (dx @ dx)
    residuals = dy - slopes[:, None] * dx
    errors = np.sqrt((residuals**2).sum(1) / ((len(x) - 2) * (dx @ dx)))
    return slopes / np.maximum(errors, 1e-30), residuals


def two_phases(
    steps: Sequence[float], execution: Sequence[float], planning: Sequence[float], flat: float = 0.1
) -> Phases:
    """From which step planning rises while execution is flat.

    `execution` is the execution tokens' perplexity or entropy, `planning` that of planning tokens or the semantic
    entropy; all of equal length, no gaps.

    >>> steps = list(range(40))
    >>> execution = [2 - 0.05 * t if t < 20 else 0.9 for t in steps]
    >>> two_phases(steps, execution, [1 if t < 20 else 1 + 0.02 * (t - 20) for t in steps]).step
    20
    >>> two_phases(steps, execution, [1.0] * 40).reason
    'planning does not rise after execution flattens'
    >>> two_phases(steps, [2 - 0.05 * t for t in steps], [1.0] * 40).reason
    'execution has no knee: one straight line fits as well'
    """
    if len(steps) < 2 * LEAST:
        return Phases(None, f"fewer than {2 * LEAST} steps were measured")
    x, y, z = (np.asarray(values, dtype=np.float64) for values in (steps, execution, planning))
    knee = best_splits(x, y)[0]
    if not bends(x, y, knee):
        return Phases(None, "execution has no knee: one straight line fits as well")
    if abs(knee.late.slope) >= flat * abs(knee.early.slope):
        return Phases(None, "execution does not flatten after its knee")
    late = slice(knee.at, None)
    slope, chance = fit_line(x[late], z[late]).slope, rise_chance(x[late], z[late])
    if chance > CHANCE:
        return Phases(None, "planning does not rise after execution flattens", slope, chance)
    return Phases(steps[knee.at], "execution is flat and planning rises", slope, chance)
