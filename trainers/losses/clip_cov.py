"""Clip-Cov (2505.22617): a few tokens of high covariance, drawn at random, get no policy gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlad.config.errors import ConfigError
from rlad.config.registry import key, loss
from trainers.losses.base import LossTensors
from trainers.losses.ppo_clip import clipped, clipped_surrogate
from trainers.losses.ratio import importance_ratio
from trainers.losses.selection import TokenTable, covariance_count, draw

if TYPE_CHECKING:
    import torch

    from rlad.config import RunConfig


@dataclass
class ClipCovKeys:
    """Which tokens may be drawn, how many are, and PPO's bounds for the others."""

    share: float = key(2e-4, above=0, most=1)
    """Share of the mini-batch's tokens that is drawn and left out of the policy gradient, at least one."""
    low: float = key(1.0, least=-math.inf)
    """Only tokens with a covariance above this can be drawn."""
    high: float = key(5.0, least=-math.inf)
    """Only tokens with a covariance below this can be drawn."""
    clip_low: float = key(1.0, above=0, most=1)
    """Lower bound of the ratio as in the authors' recipes: wider than PPO's, so the covariance does the work."""
    clip_high: float = key(1.0, above=0)
    """Upper bound of the ratio, wider than PPO's too."""


def _check(run: RunConfig, role: str) -> None:
    """There must be covariances between the bounds."""
    keys = run.players[role].of("clip_cov")
    if keys.low >= keys.high:
        raise ConfigError(f"{role}.clip_cov.low={keys.low} must be less than {role}.clip_cov.high={keys.high}.")


def clip_cov_tokens(tokens: TokenTable, keys: ClipCovKeys, seed: int) -> torch.Tensor:
    """Which tokens of the whole mini-batch: (n,) in 0..1, as ties share.

    max(1, share * N) of those with low < covariance < high that the ratio's clip has not already silenced.

    >>> import torch
    >>> logp, advantage = torch.tensor([-.1, -.1, -.1, -3.7]), torch.tensor([1., 1., -1., -1.])
    >>> clip_cov_tokens(TokenTable(logp, logp, advantage, -logp), ClipCovKeys(), seed=0).tolist()
    [0.0, 0.0, 0.0, 1.0]

    Where we differ from public code: the authors' and verl's choose in every micro-batch of every GPU, so their sets
    change with its size; ours is one draw over all ranks.
    """
    cov = tokens.covariance
    ratio = importance_ratio(tokens.logp, tokens.logp_old)
    above = (tokens.advantage > 0) & (ratio > 1 + keys.clip_high)
    below = (tokens.advantage < 0) & (ratio < 1 - keys.clip_low)
    eligible = (cov > keys.low) & (cov < keys.high) & ~above & ~below
    return draw(eligible, cov, covariance_count(tokens.count, keys.share), seed, tokens.ranks)


@loss(
    "clip_cov",
    keys=ClipCovKeys,
    aggregation="token-mean",
    choose=clip_cov_tokens,
    check=_check,
    source="2505.22617",
)
def clip_cov(tokens: LossTensors, keys: ClipCovKeys) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """PPO's clip, times 1 - chosen; all tensors (B, T). They stay in the denominator, which counts all tokens.

    >>> import torch
    >>> r, ones = torch.tensor([[1.5, 1.5]]), torch.ones(1, 2)
    >>> tokens = LossTensors(r.log(), 0 * ones, ones, ones, torch.tensor([[0.0, 1.0]]))
    >>> loss, stats = clip_cov(tokens, ClipCovKeys())
    >>> [round(x, 4) + 0 for x in loss[0].tolist()], stats["chosen_share"].tolist()
    ([-1.5, 0.0], [[0.0, 1.0]])
    """
    ratio, chosen = importance_ratio(tokens.logp, tokens.logp_old), tokens.chosen * tokens.mask
    loss = clipped_surrogate(ratio, tokens.advantage, keys.clip_low, keys.clip_high)
    stats = {"clip_fraction": clipped(loss, ratio, tokens).maximum(chosen), "chosen_share": chosen}
    return loss * (1 - tokens.chosen), stats
