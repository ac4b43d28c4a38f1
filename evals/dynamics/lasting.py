"""Does the entropy law last? R = -a e^H + b (2505.22617) fitted on a run's beginning, on its rest and on all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evals.law.foretell import foretell
from rlad.entropy.law import EntropyLaw, fit_law

EARLY = 0.3
"""Share of a run that is its beginning, as in evals/law."""


@dataclass(frozen=True)
class Fit:
    """The law on one part of a run."""

    a: float
    ci95: tuple[float, float]
    """Student's interval of a."""
    b: float
    r2: float
    """Share of the reward's variance that the fitted law explains; 0 where the reward does not vary."""
    residual: float
    """Standard deviation of what it leaves."""
    entropy: tuple[float, float]
    """Of the part's first and last point, nats."""
    points: int


@dataclass(frozen=True)
class Lasting:
    """The law early, late and over the whole run."""

    early: Fit
    late: Fit
    whole: Fit
    rmse: float
    """Of the late rewards foretold by the early law, given the late entropies."""
    rmse_no_change: float
    """Of foretelling the mean early reward."""


def r_squared(law: EntropyLaw, entropy: Sequence[float], reward: Sequence[float]) -> float:
    """1 - residual over total sum of squares; 0 for rewards that do not vary.

    >>> law = EntropyLaw(a=0.0, b=0.5, n=4, s=0.1, mean_x=1.5, s_xx=1.0)
    >>> r_squared(law, [0.1, 0.2, 0.3, 0.4], [0.4, 0.6, 0.4, 0.6])
    0.0
    """
    y = np.asarray(reward, dtype=np.float64)
    total = float(((y - y.mean()) ** 2).sum())
    left = float(((y - [law.reward(h) for h in entropy]) ** 2).sum())
    return 1 - left / total if total else 0.0


def fitted(entropy: Sequence[float], reward: Sequence[float]) -> Fit:
    """The law on these points. Raises ValueError as `rlad.entropy.law.fit_law` does.

    Rewards .4, .3 and .2 at e^H = 1, 2 and 3 lie on -.1 e^H + .5:

    >>> found = fitted([0.0, 0.6931472, 1.0986123], [0.4, 0.3, 0.2])
    >>> round(found.a, 6), round(found.b, 6), round(found.r2, 6)
    (0.1, 0.5, 1.0)
    """
    law = fit_law(entropy, reward)
    ends = (float(entropy[0]), float(entropy[-1]))
    return Fit(law.a, law.intervals()["a"], law.b, r_squared(law, entropy, reward), law.s, ends, law.n)


def lasting(entropy: Sequence[float], reward: Sequence[float], early: float = EARLY) -> Lasting:
    """The law on the first share `early` of the points, on the others and on all. Raises ValueError where one of these
    cannot be fitted.

    A law that turns its sign: reward first rises as entropy falls, then falls with it.

    >>> import math
    >>> h = [math.log(x) for x in (5.0, 4.0, 3.0, 2.0, 1.5, 1.0)]
    >>> found = lasting(h, [0.1, 0.2, 0.3, 0.3, 0.25, 0.2], early=0.5)
    >>> round(found.early.a, 4), round(found.late.a, 4), round(found.rmse, 4), round(found.rmse_no_change, 4)
    (0.1, -0.1, 0.216, 0.0645)
    """
    cut = max(3, round(early * len(entropy)))
    first, rest = (fitted(h, r) for h, r in ((entropy[:cut], reward[:cut]), (entropy[cut:], reward[cut:])))
    law = fit_law(entropy[:cut], reward[:cut])
    told = foretell(np.asarray(reward, dtype=np.float64), cut, np.array([law.reward(h) for h in entropy[cut:]]))
    return Lasting(first, rest, fitted(entropy, reward), told.rmse, told.rmse_no_change)
