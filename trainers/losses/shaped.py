"""The shaped objective of texts written under another prompt than the one they are learnt under (2506.03106)."""

from __future__ import annotations

import torch


def shaped_ratio(logp: torch.Tensor, advantage: torch.Tensor, gamma: torch.Tensor) -> torch.Tensor:
    """-A * p / (p + gamma) per token, p = exp(logp); all tensors (B, T) or broadcast to it; 0 where gamma is 0.

    A refinement was sampled under a critique, so against the bare prompt there is no behaviour probability to divide
    by; the shaping replaces the ratio. Its gradient weight gamma p / (p + gamma)^2 is largest, 1/4, at p = gamma: what
    the policy finds unlikely is still learnt, what it knows already is left alone.

    >>> p = torch.tensor([0.001, 0.01, 0.05, 0.1, 0.5, 1.0])
    >>> logp = p.log().requires_grad_()
    >>> shaped_ratio(logp, torch.tensor(1.0), torch.tensor(0.1)).sum().backward()
    >>> [round(-g, 4) for g in logp.grad.tolist()]
    [0.0098, 0.0826, 0.2222, 0.25, 0.1389, 0.0826]
    """
    p = logp.exp()
    shaped = gamma > 0
    # A gamma of 1 elsewhere keeps 0 / 0, and with it a NaN gradient, out of the branch that isn't taken.
    return torch.where(shaped, -advantage * p / (p + torch.where(shaped, gamma, torch.ones_like(gamma))), 0.0)
