"""Estimators of the KL to the reference, used as a loss (Schulman's k1, k2, k3; methods compared in 2512.21852)."""

from __future__ import annotations

import torch


def kl_penalty(logp: torch.Tensor, logp_reference: torch.Tensor, estimator: str) -> torch.Tensor:
    """Per-token estimate (B, T), nats, for tokens sampled from the policy; l = logp_reference - logp.

    k1 = -l (as a loss its expected gradient is zero), k2 = l^2 / 2 (gradient of KL(policy || reference)),
    k3 = e^l - 1 - l (never negative; gradient of KL(reference || policy)). l is clamped to +-20 against overflow.

    >>> l = torch.tensor([-0.1])
    >>> [round(kl_penalty(torch.zeros(1), l, k).item(), 6) for k in ("k1", "k2", "k3")]
    [0.1, 0.005, 0.004837]

    From the second update of a rollout on the tokens are samples of an older policy and the estimates are off by its
    ratio; like most public code this leaves it out.

    Where we differ from public code: verl also clamps k3 itself to +-10, which takes its gradient from the tokens that
    drifted furthest; we leave it, the clamp of l is enough against overflow.
    """
    log_ratio = (logp_reference - logp).clamp(-20, 20)
    if estimator == "k1":
        return -log_ratio
    if estimator == "k2":
        return 0.5 * log_ratio**2
    return torch.expm1(log_ratio) - log_ratio
