"""How well scores rank what is right above what is wrong."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def auroc(scores: ArrayLike, right: ArrayLike) -> float | None:
    """Chance that of a right and a wrong one the right one has the higher score, ties counting half.

    scores (N,): any numbers, such as confidences; a constant gives .5. right (N,): 0 or 1, or shares r in between (of
    an abstraction's solutions), where a pair (i, j) of different ones counts r_i (1 - r_j) times. None where no pair is
    right and wrong. Raises ValueError for another count of shares than of scores.

    >>> auroc([.9, .9, .1, .1], [1, 0, 0, 0]), auroc([.5, .5], [1, 0]), auroc([.5], [1])
    (0.8333333333333334, 0.5, None)
    >>> auroc([3, 2, 2, 1], [1, 1, 0, 0])  # of four pairs three are in order and one is tied
    0.875
    >>> auroc([-1.0, -2.0], [0.5, 0.5]), auroc([2.0, 1.0], [1.0, 0.5])  # in the second there is one pair, in order
    (0.5, 1.0)
    """
    score, share = np.asarray(scores, float), np.asarray(right, float)
    if score.shape != share.shape:
        raise ValueError(f"AUROC needs one score per verdict; got {score.shape} and {share.shape}.")
    _, level = np.unique(score, return_inverse=True)
    wrong = np.bincount(level, 1 - share)  # by level of the score
    below = np.cumsum(wrong) - wrong
    wins = (below + wrong / 2)[level] - (1 - share) / 2  # nobody is compared with himself
    pairs = (share * (wrong.sum() - (1 - share))).sum()
    return float((share * wins).sum() / pairs) if pairs else None
