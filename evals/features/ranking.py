"""Which features tell solutions under an abstraction from plain ones, and which merely tell right from wrong."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from rlad.entropy.auroc import auroc

Values = NDArray[np.float64]


def by_text(features: torch.Tensor, owners: torch.Tensor, texts: int) -> Values:
    """Mean of every feature over each text's tokens, (S, F). features (N, F), owners (N,): the text of every row.

    >>> by_text(torch.tensor([[1.0], [3.0], [5.0]]), torch.tensor([0, 0, 1]), 2).tolist()
    [[2.0], [5.0]]
    """
    total = torch.zeros(texts, features.shape[1], dtype=torch.float64).index_add_(0, owners, features.double())
    return (total / torch.bincount(owners, minlength=texts).clamp(min=1)[:, None]).numpy()


def effect(guided: Values, plain: Values) -> Values:
    """Of every feature, how many standard deviations guided solutions have more of it than plain ones (Cohen's d).

    guided (A, F), plain (B, F). The deviation is the root of both groups' mean variance; a feature that does not vary
    within them has an effect of 0.

    >>> effect(np.array([[3.0, 1.0], [5.0, 1.0]]), np.array([[0.0, 1.0], [2.0, 1.0]])).round(4).tolist()  # 3 / 1.4142
    [2.1213, 0.0]
    """
    spread = np.sqrt((guided.var(0, ddof=1) + plain.var(0, ddof=1)) / 2)
    gap = guided.mean(0) - plain.mean(0)
    return np.divide(gap, spread, out=np.zeros_like(gap), where=spread > 1e-12)


def ranked(effects: Values, top: int) -> list[int]:
    """The `top` features that guided solutions have more of, the largest effect first; those without one are left out.

    >>> ranked(np.array([0.2, -3.0, 0.9, 0.0]), 3)
    [2, 0]
    """
    return [int(i) for i in np.argsort(-effects, kind="stable")[:top] if effects[i] > 0]


def random_sets(candidates: list[int], size: int, sets: int, seed: int) -> list[list[int]]:
    """`sets` draws of `size` different candidates each, or of all where there are fewer.

    >>> found = random_sets([4, 7, 9], 2, 5, seed=0)
    >>> [len(set(one)) for one in found], {feature for one in found for feature in one} <= {4, 7, 9}
    ([2, 2, 2, 2, 2], True)
    """
    rng = np.random.default_rng(seed)
    return [[int(i) for i in rng.permutation(candidates)[:size]] for _ in range(sets)]


def tells_right(values: Values, right: list[bool]) -> float | None:
    """AUROC of a feature's values (S,) for solutions being right; None where all are or none."""
    found = auroc(values, np.asarray(right, float))
    return None if found is None else round(found, 4)
