"""CISPO (2506.13585): the ratio is clipped as a weight, so every token keeps a gradient."""

from __future__ import annotations

import torch

from rlad.config import PlayerConfig
from trainers.losses.ratio import importance_ratio


def cispo(
    logp: torch.Tensor, logp_old: torch.Tensor, advantage: torch.Tensor, mask: torch.Tensor, player: PlayerConfig
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """-sg(clip(r, floor, cap)) * A * logp; all tensors (B, T). Its value is no objective, only its gradient counts.

    >>> logp, player = torch.tensor([[1.5]]).log().requires_grad_(), PlayerConfig()
    >>> player.cispo.cap = 1.28
    >>> loss, _ = cispo(logp, torch.zeros(1, 1), torch.ones(1, 1), torch.ones(1, 1), player)
    >>> loss.sum().backward()
    >>> round(loss.item(), 4), round(logp.grad.item(), 4)       # -1.28 log 1.5, and a gradient of -1.28 A
    (-0.519, -1.28)

    Where we differ from public code: `cap` is the bound itself, as TRL's `epsilon_high`; verl, slime, NeMo-RL and ROLL
    read 1 + epsilon_high and verl has a lower bound of 0.8 by default, where the paper's is off (our floor of 0).
    """
    ratio = importance_ratio(logp, logp_old).detach()
    weight = ratio.clamp(player.cispo.floor, player.cispo.cap)
    return -weight * advantage * logp, {"clip_fraction": ((weight != ratio) & (advantage != 0)).float() * mask}
