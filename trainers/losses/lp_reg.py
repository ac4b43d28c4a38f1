"""Lp-Reg (2510.03222): unlikely tokens that were penalised are held at a policy without its noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlad.config.registry import key, loss
from trainers.losses.base import LossTensors
from trainers.losses.ppo_clip import ClipKeys, ppo_clip
from trainers.losses.selection import TokenTable, covariance_count, top

if TYPE_CHECKING:
    import torch


@dataclass
class LpRegKeys(ClipKeys):
    """Which tokens are held, how hard, and PPO's bounds for all."""

    share: float = key(0.01, above=0, most=1)
    """Share of the tokens with A < 0, those of lowest log-prob, that may be held; at least one."""
    min_p: float = key(0.02, above=0, most=1)
    """Words below this share of the likeliest one's probability are noise, and left out of what tokens are held at."""
    beta: float = key(1.0, least=0)
    """Weight of a held token's distance; 0 = PPO's clip."""


def lp_reg_tokens(tokens: TokenTable, keys: LpRegKeys, seed: int) -> torch.Tensor:
    """Which tokens of the whole mini-batch may be held: (n,) in 0..1; ties share. `seed` is not needed.

    The max(1, share * n) of lowest log-prob among the n with A < 0; none where n is 0.

    >>> import torch
    >>> logp, advantage = torch.tensor([-0.1, -5.0, -4.0, -2.0]), torch.tensor([-1.0, 1.0, -1.0, -1.0])
    >>> lp_reg_tokens(TokenTable(logp, logp, advantage, -logp), LpRegKeys(share=0.4), seed=0).tolist()
    [0.0, 0.0, 1.0, 0.0]
    """
    penalised = tokens.advantage < 0
    held, count = tokens.logp.new_zeros(tokens.logp.shape).float(), tokens.counted(penalised)
    if count:
        held[penalised] = top(-tokens.logp[penalised], covariance_count(count, keys.share), tokens.ranks)
    return held


def without_noise(distribution: torch.Tensor, ids: torch.Tensor, keys: LpRegKeys) -> torch.Tensor:
    """Log-probs of words under a distribution without its noise, (...); -inf for words that are noise.

    Words below min_p times the likeliest one's probability are left out, the others share their mass. `distribution`:
    (..., V) log-probs, `ids`: (...).

    Of (.6, .3, .1) at min_p = .4 the last is noise, and the others are .6 / .9 and .3 / .9:

    >>> import torch
    >>> p = torch.tensor([[0.6, 0.3, 0.1]] * 3).log()
    >>> [round(x, 4) for x in without_noise(p, torch.tensor([0, 1, 2]), LpRegKeys(min_p=0.4)).exp().tolist()]
    [0.6667, 0.3333, 0.0]
    """
    noise = distribution < distribution.amax(-1, keepdim=True) + math.log(keys.min_p)
    kept = distribution.masked_fill(noise, -math.inf)
    return (kept - kept.logsumexp(-1, keepdim=True)).gather(-1, ids[..., None])[..., 0]


@loss(
    "lp_reg",
    keys=LpRegKeys,
    aggregation="token-mean",
    choose=lp_reg_tokens,
    filtered=without_noise,
    source="2510.03222",
)
def lp_reg(tokens: LossTensors, keys: LpRegKeys) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """PPO's clip, and + beta * k3 from q on chosen tokens that are less likely than under q; all tensors (B, T).

    q is the policy of before the update without its noise, so a token that is no noise is likelier under q than it was.
    k3's gradient is that of KL(q || pi): it pulls such a token up, on the first update of a rollout too, and lets go at
    q. What is noise is not held: an entropy bonus would raise it.

    Two chosen tokens with A = -1 and r = 1, one of probability .1 held at .125, the other noise: l = log 1.25 = .2231,
    k3 = 1.25 - 1 - .2231 = .0269, and the gradient of log p is 1 + beta * (1 - 1.25) = .75.

    >>> import torch
    >>> logp = torch.tensor([[0.1, 0.001]]).log().requires_grad_()
    >>> ones, q = torch.ones(1, 2), torch.tensor([[0.125, 0.0]]).log()
    >>> loss, stats = lp_reg(LossTensors(logp, logp.detach(), -ones, ones, ones, q), LpRegKeys())
    >>> loss.sum().backward()
    >>> [round(x, 4) for x in loss[0].tolist()], [round(x, 4) for x in logp.grad[0].tolist()], stats["held"].tolist()
    ([1.0269, 1.0], [0.75, 1.0], [[1.0, 0.0]])

    Where we differ from the authors' code: tokens are chosen over the whole mini-batch, not per micro-batch and GPU,
    and PPO's clip stays on held tokens, where theirs goes (their recipes clip at 0 and 10 anyway).
    """
    loss, stats = ppo_clip(tokens, keys)
    held = tokens.chosen * (tokens.logp.detach() < tokens.filtered)
    gap = (tokens.filtered - tokens.logp).clamp(-20, 20)
    stats |= {"chosen_share": tokens.chosen * tokens.mask, "held": held * tokens.mask}
    return loss + keys.beta * (gap.expm1() - gap) * held, stats
