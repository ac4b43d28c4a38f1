"""What the losses share: the importance ratio, and tensors that carry a gradient but no value."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def importance_ratio(logp: torch.Tensor, logp_old: torch.Tensor) -> torch.Tensor:
    """r = exp(logp - logp_old), any shape; the log-ratio is clamped to +-20, so that nothing overflows.

    >>> import torch
    >>> importance_ratio(torch.tensor([0.5, 1.0]).log(), torch.tensor([0.25, 1.0]).log()).tolist()
    [2.0, 1.0]
    """
    return (logp - logp_old).clamp(-20, 20).exp()


def unit(logp: torch.Tensor) -> torch.Tensor:
    """pi / sg(pi): 1, with the gradient of logp. A bound times this is passed in value and kept in gradient.

    >>> import torch
    >>> logp = torch.tensor([-3.0], requires_grad=True)
    >>> bound = 1.28 * unit(logp)
    >>> bound.sum().backward()
    >>> round(bound.item(), 4), round(logp.grad.item(), 4)
    (1.28, 1.28)
    """
    return (logp - logp.detach()).exp()
