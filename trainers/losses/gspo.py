"""GSPO (2507.18071): one ratio per sequence, the geometric mean of its tokens' ratios."""

from __future__ import annotations

import torch

from rlad.config import PlayerConfig
from trainers.losses.ppo_clip import clipped_surrogate
from trainers.losses.ratio import unit


def gspo(
    logp: torch.Tensor, logp_old: torch.Tensor, advantage: torch.Tensor, mask: torch.Tensor, player: PlayerConfig
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """PPO's clip on s = exp(mean over the sequence of log r), in the per-token form sg(s) * pi / sg(pi).

    All tensors (B, T). Under the sequence mean every token's gradient is s * A / |y|, that of the sequence form. The
    bounds are a thousandth of a token's: with 0.2 nothing would ever be clipped.

    r = (1.2, 1, 0.9): the product is 1.08, s its third root 1.0260, clipped to 1.0004 where A > 0:

    >>> r = torch.tensor([[1.2, 1.0, 0.9]])
    >>> loss, stats = gspo(r.log(), torch.zeros(1, 3), torch.ones(1, 3), torch.ones(1, 3), PlayerConfig())
    >>> [round(x, 4) for x in loss[0].tolist()], stats["clip_fraction"].tolist()
    ([-1.0004, -1.0004, -1.0004], [[1.0, 1.0, 1.0]])

    Where we differ from public code: verl clamps log s at 10 from above only, we clamp it to +-20 like every ratio.
    """
    length = mask.sum(1, keepdim=True).clamp(min=1)
    log_ratio = ((logp - logp_old).detach() * mask).sum(1, keepdim=True) / length
    ratio = log_ratio.clamp(-20, 20).exp() * unit(logp)
    loss = clipped_surrogate(ratio, advantage, player.gspo.clip_low, player.gspo.clip_high)
    inactive = (loss != -ratio * advantage) & (advantage != 0)
    return loss, {"clip_fraction": inactive.float() * mask}
