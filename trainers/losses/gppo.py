"""GPPO (2508.07629): PPO's clipped value, but beyond the bounds the gradient goes on at the bound's size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlad.config.registry import loss
from trainers.losses.base import LossTensors
from trainers.losses.ppo_clip import ClipKeys, at_most
from trainers.losses.ratio import importance_ratio, unit

if TYPE_CHECKING:
    import torch


@loss("gppo", keys=ClipKeys, aggregation="token-mean", source="2508.07629")
def gppo(tokens: LossTensors, keys: ClipKeys) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """-r A inside; beyond the bound that PPO would clip at, -(bound * pi / sg(pi)) A; then the dual clip.

    All tensors (B, T). Gradient weight 1 + clip_high where r > 1 + clip_high and A > 0, and 1 - clip_low where
    r < 1 - clip_low and A < 0: exploration is kept, and failures are still learnt from when already unlikely.

    >>> import torch
    >>> logp = torch.tensor([[0.5, 1.5, 1.1]]).log().requires_grad_()
    >>> advantage = torch.tensor([[-1.0, 1.0, 1.0]])
    >>> loss, _ = gppo(LossTensors(logp, torch.zeros(1, 3), advantage, torch.ones(1, 3)), ClipKeys())
    >>> loss.sum().backward()
    >>> [round(x, 4) for x in loss[0].tolist()], [round(x, 4) for x in logp.grad[0].tolist()]
    ([0.8, -1.28, -1.1], [0.8, -1.28, -1.1])

    Where we differ from public code: bound / sg(r) * r is written bound * pi / sg(pi), the same number, because r / r
    is not one when r overflows.
    """
    ratio, advantage = importance_ratio(tokens.logp, tokens.logp_old), tokens.advantage
    low, high = beyond(ratio.detach(), advantage, keys.clip_low, keys.clip_high)
    bound = ratio.new_full(ratio.shape, 1 - keys.clip_low).where(low, 1 + keys.clip_high) * unit(tokens.logp)
    loss = at_most(-bound.where(low | high, ratio) * advantage, advantage, keys.dual_clip)
    return loss, {"clip_fraction": (low | high).float() * tokens.mask}


def beyond(
    ratio: torch.Tensor, advantage: torch.Tensor, clip_low: float, clip_high: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Where PPO would clip: (below the lower bound and A < 0, above the upper one and A > 0), both (B, T) bool.

    >>> import torch
    >>> low, high = beyond(torch.tensor([0.5, 0.5, 1.5]), torch.tensor([1.0, -1.0, 1.0]), 0.2, 0.28)
    >>> low.tolist(), high.tolist()
    ([False, True, False], [False, False, True])
    """
    low = (advantage < 0) & (ratio < 1 - clip_low)
    high = (advantage > 0) & (ratio > 1 + clip_high)
    return low, high
