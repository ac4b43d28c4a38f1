"""KL-Cov (2505.22617): the tokens of highest covariance are held at their old log-probs."""

from __future__ import annotations

import torch

from rlad.config import PlayerConfig
from trainers.losses.ratio import importance_ratio
from trainers.losses.selection import TokenTable, covariance, covariance_count, top


def kl_cov(
    logp: torch.Tensor,
    logp_old: torch.Tensor,
    advantage: torch.Tensor,
    mask: torch.Tensor,
    player: PlayerConfig,
    chosen: torch.Tensor,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """-r A, and + beta * |logp - logp_old| on the chosen tokens; all tensors (B, T). Nothing is clipped.

    On the first update after a rollout logp = logp_old, where |x| has gradient 0: an exact no-op there.

    >>> logp, ones = torch.tensor([[1.5, 1.5]]).log(), torch.ones(1, 2)
    >>> loss, _ = kl_cov(logp, 0 * ones, ones, ones, PlayerConfig(), torch.tensor([[0.0, 1.0]]))
    >>> [round(x, 4) for x in loss[0].tolist()]       # -1.5; -1.5 + log 1.5
    [-1.5, -1.0945]

    Where we differ from public code: the tokens are chosen over the whole mini-batch, not per micro-batch and GPU, and
    share is a fraction everywhere (the authors' fork reads percent). beta is the paper's 1, verl's default is 0.1.
    """
    drift = (logp - logp_old).abs()
    loss = -importance_ratio(logp, logp_old) * advantage + player.kl_cov.beta * drift * chosen
    return loss, {"chosen_share": chosen * mask}


def kl_cov_tokens(tokens: TokenTable, player: PlayerConfig, seed: int) -> torch.Tensor:
    """Which tokens of the whole mini-batch: (N,) bool, the max(1, share * N) of highest covariance.

    >>> logp, advantage = torch.tensor([-.1, -.1, -.1, -3.7]), torch.tensor([1., 1., -1., -1.])
    >>> kl_cov_tokens(TokenTable(logp, logp, advantage, -logp), PlayerConfig(), seed=0).tolist()
    [False, False, False, True]
    """
    cov = covariance(tokens.logp, tokens.advantage)
    return top(cov, covariance_count(len(cov), player.kl_cov.share))
