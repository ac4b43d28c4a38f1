"""How success varies between the samples of a problem: what more samples, votes and coverage can live on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """Success of the samples of P problems, problem by problem."""

    right: Floats
    """(P,) share of a problem's samples that are right; 0 without any."""
    variance: Floats
    """(P,) variance of success between a problem's samples, unbiased: the estimate of p(1 - p); 0 below two."""
    all_right: Floats
    """(P,) 1 where every sample is right."""
    all_wrong: Floats
    """(P,) 1 where none is."""

    @property
    def within(self) -> float:
        """The part of the variance of success, over all samples of all problems, that lies between samples of one
        problem; the rest is between problems, and sampling more changes nothing about it. 0 where nothing varies. Of
        samples that are drawn independently: it can exceed 1 where they are made to differ.

        >>> round(spread([[1, 0], [1, 1], [0, 0]]).within, 4), spread([[1, 1], [0, 0]]).within  # 1/6 of 1/4
        (0.6667, 0.0)
        """
        mean = float(self.right.mean())
        return float(self.variance.mean()) / (mean * (1 - mean)) if 0 < mean < 1 else 0.0

    def row(self) -> dict[str, float]:
        """Means over problems, for JSON."""
        return {
            "pass_at_1": float(self.right.mean()), "variance": float(self.variance.mean()),
            "all_right": float(self.all_right.mean()), "all_wrong": float(self.all_wrong.mean()),
        }  # fmt: skip


def spread(flags: Sequence[Sequence[bool]]) -> Spread:
    """Of which samples are right, a row for each problem; rows may differ in length.

    Of c right among N the variance is c (N - c) / (N (N - 1)): one of two is 1/2, two of four 1/3.

    >>> found = spread([[1, 0], [1, 1], [0, 0], [1, 1, 0, 0]])
    >>> found.variance.round(4).tolist(), found.all_right.tolist(), found.all_wrong.tolist()
    ([0.5, 0.0, 0.0, 0.3333], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0])
    """
    count = np.array([len(row) for row in flags], float)
    right = np.array([sum(map(bool, row)) for row in flags], float)
    pairs = count * (count - 1)
    variance = np.where(pairs > 0, right * (count - right) / np.maximum(pairs, 1), 0.0)
    return Spread(
        right / np.maximum(count, 1),
        variance,
        ((right == count) & (count > 0)).astype(float),
        (right == 0).astype(float),
    )


def distinct_share(branches: Sequence[int | None], n: int) -> float:
    """Different abstractions among the first n proposals, as a share of n; None is a proposal that is none.

    >>> distinct_share([0, 1, 0, None, 2], 4)
    0.5
    """
    return len({branch for branch in branches[:n] if branch is not None}) / n
