"""Token entropies: their means, their quantiles, and the few forking tokens that carry most of them (2506.01939).

Everything is in nats. Entropies are those of the full vocabulary at the sampling temperature; truncated logits or
padding would make other numbers of the same name.
"""

from __future__ import annotations

import numpy as np

QUANTILES = (0.1, 0.5, 0.8, 0.9, 0.99)
FORKING = 0.2
"""The share of tokens that are called forking tokens: those of highest entropy."""
QUIET = 0.01
"""Below this entropy, nats, a token is as good as certain."""


def entropy_profile(entropy: np.ndarray, threshold: float = 0.672) -> dict[str, float]:
    """Mean, quantiles, and where the entropy of (N,) tokens sits.

    `quiet_share`: tokens that are as good as certain. `forking_share`: tokens above `threshold`, by default the 80th
    percentile that 2506.01939 found in a trained model, so that runs can be compared. `top20_share`: how much of all
    entropy the fifth of the tokens with most of it carries (1 when there is no entropy at all to share would say
    nothing, so that is None).

    >>> found = entropy_profile(np.array([0.0, 0.0, 0.0, 0.0, 2.0]))
    >>> found["mean"], found["p50"], found["quiet_share"], found["forking_share"], found["top20_share"]
    (0.4, 0.0, 0.8, 0.2, 1.0)
    """
    values = np.sort(np.asarray(entropy, dtype=np.float64))
    total = values.sum()
    top = values[len(values) - forking_count(len(values)) :]
    quantiles = dict(zip((f"p{100 * q:.0f}" for q in QUANTILES), np.quantile(values, QUANTILES).tolist(), strict=True))
    return {
        "mean": float(values.mean()),
        **quantiles,
        "quiet_share": float((values < QUIET).mean()),
        "forking_share": float((values > threshold).mean()),
        "top20_share": float(top.sum() / total) if total > 0 else None,
    }


def forking_count(tokens: int, share: float = FORKING) -> int:
    """How many tokens a share is, rounded up, at least one.

    >>> [forking_count(n) for n in (1, 5, 10, 11, 12)]
    [1, 1, 2, 3, 3]
    """
    return max(1, int(tokens * share + 0.9999))


def forking_set(entropy: np.ndarray) -> set[int]:
    """Positions of the fifth of the tokens with the highest entropy; of equal ones the earlier.

    >>> forking_set(np.array([0.1, 0.9, 0.2, 0.9, 0.3]))
    {1}
    """
    values = np.asarray(entropy, dtype=np.float64)
    return set(np.argsort(-values, kind="stable")[: forking_count(len(values))].tolist())


def forking_overlap(base: np.ndarray, trained: np.ndarray) -> float:
    """Jaccard index of the two models' forking tokens on the *same* texts, token by token.

    >>> forking_overlap(np.array([3.0, 2.0, 1.0, 0.0, 0.0, 0.0]), np.array([0.0, 2.0, 3.0, 0.0, 0.0, 0.0]))
    0.3333333333333333
    """
    first, second = forking_set(base), forking_set(trained)
    return len(first & second) / len(first | second)
