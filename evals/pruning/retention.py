"""What is left of each category, relative to deleting every token alike, with intervals over problems. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.pruning.deletion import Kept
from evals.statistics.estimators import bootstrap

LEAST = 10
"""Chains that must hold a category before a number is said of it."""


@dataclass(frozen=True)
class Tallied:
    """Tokens of one category in every chain, before and after, beside all of the chain's."""

    total_in: NDArray[np.float64]
    kept_in: NDArray[np.float64]
    total: NDArray[np.float64]
    kept: NDArray[np.float64]


def tallied(names: Sequence[Sequence[str]], kept: Sequence[Kept]) -> dict[str, Tallied]:
    """Category -> its tokens, chain by chain; `names`: the category of every token of every chain.

    >>> one = tallied([["a", "a", "b"]], [(0, 2)])["a"]
    >>> one.total_in.tolist(), one.kept_in.tolist(), one.total.tolist(), one.kept.tolist()
    ([2.0], [1.0], [3.0], [2.0])
    """
    before = [Counter(own) for own in names]
    after = [Counter(own[place] for place in some) for own, some in zip(names, kept, strict=True)]
    total, left = (np.array([sum(counts.values()) for counts in side], float) for side in (before, after))
    found = {}
    for name in sorted(set().union(*before)):
        columns = (np.array([counts[name] for counts in side], float) for side in (before, after))
        found[name] = Tallied(*columns, total, left)
    return found


def relative(
    kept_in: NDArray[np.float64],
    total_in: NDArray[np.float64],
    kept: NDArray[np.float64],
    total: NDArray[np.float64],
    axis: int = -1,
) -> NDArray[np.float64]:
    """The share of a category that is kept over the share of all tokens that is: 1 = as if deleted uniformly.

    All arrays (..., P), counts per problem; P is summed over, so that long chains count by their tokens.

    >>> counts = ([2, 1], [2, 2], [6, 6], [8, 8])  # 3 of 4 kept where 12 of 16 are; then 4 of 4
    >>> kept_in, *others = map(np.array, counts)
    >>> float(relative(kept_in, *others)), float(relative(kept_in + [0, 1], *others)).__round__(4)
    (1.0, 1.3333)
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return (kept_in.sum(axis) / total_in.sum(axis)) / (kept.sum(axis) / total.sum(axis))


def retention(names: Sequence[Sequence[str]], kept: Sequence[Kept], resamples: int) -> list[dict[str, Any]]:
    """One row per category: its share of all tokens, and its retention relative to uniform with a 95 % interval.

    Categories that few chains hold are left out; a category of which some resample has nothing has no interval.
    """
    rows = []
    for name, one in tallied(names, kept).items():
        if (one.total_in > 0).sum() < LEAST:
            continue
        found = bootstrap(one.kept_in, one.total_in, one.kept, one.total, statistic=relative, resamples=resamples)
        ci = [round(end, 4) for end in found.ci95] if all(map(isfinite, found.ci95)) else None
        share = one.total_in.sum() / one.total.sum()
        rows.append({"name": name, "share": round(float(share), 4), "relative": round(found.estimate, 4), "ci95": ci})
    return rows
