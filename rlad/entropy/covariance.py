"""Where entropy is lost: the covariance of log pi and advantage (2505.22617).

One step of gain eta changes the logits by Delta and the entropy by about -Cov_{a~pi}(log pi, Delta). Of single tokens
only the product of their two deviations is known; a handful of tokens carries most of it.
"""

from __future__ import annotations

import numpy as np

QUANTILES = (0.01, 0.5, 0.99)
TOP = 0.002


def token_covariance(logp: np.ndarray, advantage: np.ndarray) -> np.ndarray:
    """(log p - mean)(A - mean) of each of (N,) tokens; their mean is the covariance.

    >>> token_covariance(np.array([-0.1, -0.1, -0.1, -3.7]), np.array([1.0, 1.0, -1.0, -1.0])).round(6).tolist()
    [0.9, 0.9, -0.9, 2.7]
    """
    logp, advantage = np.asarray(logp, dtype=np.float64), np.asarray(advantage, dtype=np.float64)
    return (logp - logp.mean()) * (advantage - advantage.mean())


def covariance_profile(logp: np.ndarray, advantage: np.ndarray) -> dict[str, float | None]:
    """Mean and quantiles of the tokens' covariances, and what the .2 % largest carry of all that is positive.

    `top_share` is None where no token's covariance is positive: nothing drives the entropy down then.

    >>> found = covariance_profile(np.array([-0.1, -0.1, -0.1, -3.7]), np.array([1.0, 1.0, -1.0, -1.0]))
    >>> {name: round(value, 4) for name, value in found.items()}
    {'mean': 0.9, 'p1': -0.846, 'p50': 0.9, 'p99': 2.646, 'top_share': 0.6}
    """
    values = np.sort(token_covariance(logp, advantage))
    positive = values[values > 0].sum()
    top = values[-max(1, int(TOP * len(values))) :]
    quantiles = {f"p{100 * q:.0f}": v for q, v in zip(QUANTILES, np.quantile(values, QUANTILES).tolist(), strict=True)}
    share = float(top.clip(min=0).sum() / positive) if positive > 0 else None
    return {"mean": float(values.mean()), **quantiles, "top_share": share}
