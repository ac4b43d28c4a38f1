"""What routing recovers of the gain between base and trained player."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.statistics import estimators as est
from evals.statistics.rounding import rounded

Values = NDArray[np.float64]


def recovered(base: float, hybrid: float, trained: float) -> float | None:
    """(hybrid - base) / (trained - base); None, for undefined, where the ends are equal (2510.07364).

    >>> ends = ((37.8, 63.4, 83.4), (90.8, 93.0, 94.2), (92.6, 94.4, 94.8), (92.6, 94.8, 96.4), (50, 51, 50))
    >>> [found and round(found, 3) for found in (recovered(*three) for three in ends)]
    [0.561, 0.647, 0.818, 0.579, None]
    """
    return None if trained == base else (hybrid - base) / (trained - base)


def _share(one: Values, other: Values, base: Values, trained: Values, axis: int = -1) -> Values:
    """Mean of one - other as a share of the gain; an infinite one where a resample's gain is 0."""
    gap, gain = (one - other).mean(axis=axis), (trained - base).mean(axis=axis)
    return gap / np.where(gain == 0, np.finfo(float).tiny, gain)


def share_of_gain(one: Values, other: Values, base: Values, trained: Values, resamples: int) -> dict[str, Any]:
    """The difference of two hybrids (or of one and the base) as a share of the gain, columns (P,) by problem.

    `share` is None where the ends are equal; `ci95`, 95 % over problems, also where the gain's own interval holds 0: a
    ratio to what may be nothing has none.

    >>> base, trained = np.array([0.0, 0, 1, 0] * 25), np.array([1.0, 0, 1, 0] * 25)
    >>> found = share_of_gain((base + trained) / 2, base, base, trained, 100)
    >>> found["share"], [round(end, 6) for end in found["ci95"]]
    (0.5, [0.5, 0.5])
    >>> share_of_gain(trained, base, base, base, 100)
    {'share': None, 'ci95': None}
    """
    share = recovered(0.0, float((one - other).mean()), float((trained - base).mean()))
    gain = est.paired_difference(trained, base, resamples=resamples)
    if share is None or gain.low <= 0 <= gain.high:
        return {"share": None if share is None else rounded(share), "ci95": None}
    rng = np.random.default_rng(0)
    rows = rng.integers(0, len(base), (resamples, len(base)))
    found = _share(one[rows], other[rows], base[rows], trained[rows])
    return {"share": rounded(share), "ci95": rounded(np.quantile(found, [0.025, 0.975]).tolist())}
