"""The clipped surrogate of PPO/GRPO, with clip-higher (DAPO, 2503.14476) and dual clip (1912.09729)."""

from __future__ import annotations

import torch

from rlad.config import PlayerConfig


def ppo_clip(
    logp: torch.Tensor, logp_old: torch.Tensor, advantage: torch.Tensor, mask: torch.Tensor, player: PlayerConfig
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """max(-r A, -clip(r, 1 - low, 1 + high) A), for A < 0 at most dual_clip * |A|; r = exp(logp - logp_old).

    All tensors (B, T). At r = 1 the gradient is that of -A log p: with one update per rollout nothing is clipped.

    >>> r, advantage = torch.tensor([[1.5, 1.5, 4.0]]), torch.tensor([[1., -1., -1.]])
    >>> loss, stats = ppo_clip(r.log(), torch.zeros(1, 3), advantage, torch.ones(1, 3), PlayerConfig())
    >>> [round(x, 4) for x in loss[0].tolist()]       # clipped at 1.28; not clipped; dual clip at 3
    [-1.28, 1.5, 3.0]
    """
    ratio = (logp - logp_old).exp()
    clipped = ratio.clamp(1 - player.clip_low, 1 + player.clip_high)
    loss = torch.maximum(-ratio * advantage, -clipped * advantage)
    if player.dual_clip is not None:
        loss = torch.where(advantage < 0, torch.minimum(loss, -player.dual_clip * advantage), loss)
    inactive = (loss != -ratio * advantage) & (advantage != 0)
    return loss, {"clip_fraction": inactive.float() * mask}
