"""Clip-Cov (2505.22617): a few tokens of high covariance, drawn at random, get no policy gradient."""

from __future__ import annotations

import torch

from rlad.config import PlayerConfig
from trainers.losses.ppo_clip import clipped_surrogate
from trainers.losses.ratio import importance_ratio
from trainers.losses.selection import TokenTable, covariance, covariance_count, draw


def clip_cov(
    logp: torch.Tensor,
    logp_old: torch.Tensor,
    advantage: torch.Tensor,
    mask: torch.Tensor,
    player: PlayerConfig,
    chosen: torch.Tensor,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """PPO's clip, times 1 - chosen; all tensors (B, T). They stay in the denominator, which counts all tokens.

    >>> r, ones = torch.tensor([[1.5, 1.5]]), torch.ones(1, 2)
    >>> loss, stats = clip_cov(r.log(), 0 * ones, ones, ones, PlayerConfig(), torch.tensor([[0.0, 1.0]]))
    >>> [round(x, 4) + 0 for x in loss[0].tolist()], stats["chosen_share"].tolist()
    ([-1.5, 0.0], [[0.0, 1.0]])
    """
    method, ratio = player.clip_cov, importance_ratio(logp, logp_old)
    loss = clipped_surrogate(ratio, advantage, method.clip_low, method.clip_high)
    inactive = ((loss != -ratio * advantage) & (advantage != 0)).float()
    stats = {"clip_fraction": torch.maximum(inactive, chosen) * mask, "chosen_share": chosen * mask}
    return loss * (1 - chosen), stats


def clip_cov_tokens(tokens: TokenTable, player: PlayerConfig, seed: int) -> torch.Tensor:
    """Which tokens of the whole mini-batch: (N,) bool.

    max(1, share * N) of those with low < covariance < high that the ratio's clip has not already silenced.

    >>> logp, advantage = torch.tensor([-.1, -.1, -.1, -3.7]), torch.tensor([1., 1., -1., -1.])
    >>> clip_cov_tokens(TokenTable(logp, logp, advantage, -logp), PlayerConfig(), seed=0).tolist()
    [False, False, False, True]

    Where we differ from public code: the authors' and verl's choose in every micro-batch of every GPU, so their sets
    change with its size; ours is one draw over all ranks.
    """
    method = player.clip_cov
    cov = covariance(tokens.logp, tokens.advantage)
    ratio = importance_ratio(tokens.logp, tokens.logp_old)
    above = (tokens.advantage > 0) & (ratio > 1 + method.clip_high)
    below = (tokens.advantage < 0) & (ratio < 1 - method.clip_low)
    eligible = (cov > method.low) & (cov < method.high) & ~above & ~below
    return draw(eligible, cov, covariance_count(len(cov), method.share), seed)
