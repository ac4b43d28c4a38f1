"""CE-GPPO (2509.20712): GPPO with a coefficient of its own for each side, to steer entropy."""

from __future__ import annotations

import torch

from rlad.config import PlayerConfig
from trainers.losses.gppo import beyond
from trainers.losses.ratio import importance_ratio, unit


def ce_gppo(
    logp: torch.Tensor, logp_old: torch.Tensor, advantage: torch.Tensor, mask: torch.Tensor, player: PlayerConfig
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """-r A inside; beyond the bounds -(beta * bound * pi / sg(pi)) A, beta_low below and beta_high above.

    All tensors (B, T). beta_low speeds the decay of entropy and beta_high slows it: want beta_low < beta_high. With
    0 and 0 it has PPO's gradient, but the value 0 where PPO's is the bound's.

    >>> logp = torch.tensor([[0.5, 1.5, 4.0]]).log().requires_grad_()
    >>> advantage = torch.tensor([[-1.0, 1.0, -1.0]])
    >>> loss, _ = ce_gppo(logp, torch.zeros(1, 3), advantage, torch.ones(1, 3), PlayerConfig())
    >>> loss.sum().backward()
    >>> [round(x, 4) for x in logp.grad[0].tolist()]       # 0.75 * 0.8, -1 * 1.28, no dual clip
    [0.6, -1.28, 4.0]

    Where we differ from public code: its defaults are beta_low 0.25 in the code and 0.75 in the README, we take the
    latter; the dual clip is GPPO's, the paper has none here.
    """
    ratio = importance_ratio(logp, logp_old)
    low, high = beyond(ratio.detach(), advantage, player)
    method = player.ce_gppo
    bound = torch.where(low, method.beta_low * (1 - player.clip_low), method.beta_high * (1 + player.clip_high))
    loss = -torch.where(low | high, bound * unit(logp), ratio) * advantage
    return loss, {"clip_fraction": (low | high).float() * mask}
