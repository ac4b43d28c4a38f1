"""The terminal accuracy cliff (2605.24202): how far accuracy has fallen from its best to the end. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BLOCKS = 20
"""Equal stretches of a run, of which the best and the last are compared."""
LEAST = 4 * BLOCKS
"""Fewest steps of a run: two of each stretch to choose by, two to measure with."""


@dataclass(frozen=True)
class Fall:
    """From the best stretch to the last one; shares of solutions that are right."""

    first: float
    """Mean of the first stretch."""
    best: float
    """Of the stretch that is best on the even steps, the mean on the odd ones."""
    best_step: float
    """The middle of it."""
    last: float
    """Mean of the last stretch, on the odd steps."""
    drop: float
    """best - last; 0 where the last stretch is the best."""
    ci95: tuple[float, float] | None
    """Welch's interval of the drop; None where the last stretch is the best."""


def fall(steps: Sequence[float], values: Sequence[float], blocks: int = BLOCKS) -> Fall:
    """How far a series has fallen from its best stretch to its last.

    The best of many noisy means is best partly by luck, so of every two steps the first chooses the stretch and the
    second measures it: the drop of a series that goes nowhere is 0 in the mean, and negative as often as not. The noise
    of a step must not last into the next one, which holds where every step has problems of its own. Raises ValueError
    with fewer than four steps a stretch.

    Here the first of two stretches is chosen (.3 to .1 on the even steps) and measured by .2 and .4, the last by .1
    and .1: the error is the root of .02 / 2 + 0 / 2, with one degree of freedom, so t = 12.706:

    >>> found = fall([1, 2, 3, 4, 5, 6, 7, 8], [0.2, 0.2, 0.4, 0.4, 0.1, 0.1, 0.1, 0.1], blocks=2)
    >>> round(found.best, 4), found.best_step, round(found.drop, 4), [round(end, 3) for end in found.ci95]
    (0.3, 2.5, 0.2, [-1.071, 1.471])
    >>> fall([1, 2, 3, 4, 5, 6, 7, 8], [0.1] * 4 + [0.2] * 4, blocks=2).drop
    0.0
    """
    if len(values) < 4 * blocks:
        raise ValueError(f"{len(values)} steps are recorded, and {4 * blocks} are needed to compare their ends.")
    x, y = (np.array_split(np.asarray(column, dtype=np.float64), blocks) for column in (steps, values))
    best = int(np.argmax([part[::2].mean() for part in y]))
    top, end = y[best][1::2], y[-1][1::2]
    drop = float(top.mean() - end.mean()) if best < blocks - 1 else 0.0
    interval = _welch(top, end) if best < blocks - 1 else None
    means = (float(y[0].mean()), float(top.mean()), float(x[best].mean()), float(end.mean()))
    return Fall(*means, drop, interval)


def _welch(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """95 % interval of mean(a) - mean(b); of two constants it has no width."""
    from scipy.special import stdtrit

    gap, parts = float(a.mean() - b.mean()), [float(one.var(ddof=1)) / len(one) for one in (a, b)]
    if not sum(parts):
        return gap, gap
    freedom = sum(parts) ** 2 / sum(part**2 / (len(one) - 1) for part, one in zip(parts, (a, b), strict=True))
    half = float(stdtrit(freedom, 0.975)) * math.sqrt(sum(parts))
    return gap - half, gap + half
