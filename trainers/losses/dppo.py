"""DPPO (2602.04879), the total-variation form: the trust region is one of probabilities, not of ratios."""

from __future__ import annotations

import torch

from rlad.config import PlayerConfig
from trainers.losses.ratio import importance_ratio, unit


def dppo(
    logp: torch.Tensor, logp_old: torch.Tensor, advantage: torch.Tensor, mask: torch.Tensor, player: PlayerConfig
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """-min(r, ratio_cap) * A, and 0 where the probability itself has moved by more than delta the way A pushes it.

    All tensors (B, T). A rare token may multiply its probability (.01 -> .05 is r = 5, kept), a common one may not
    move far (.5 -> .75 is r = 1.5, dropped when A > 0, kept when A < 0):

    >>> new, old = torch.tensor([[0.05, 0.75, 0.75]]).log(), torch.tensor([[0.01, 0.5, 0.5]]).log()
    >>> loss, _ = dppo(new, old, torch.tensor([[1.0, 1.0, -1.0]]), torch.ones(1, 3), PlayerConfig())
    >>> [round(x, 3) + 0 for x in loss[0].tolist()]
    [-5.0, 0.0, 1.5]

    Where we differ from public code: verl writes -sg(min(r, 20)) * A * logp; ours has the same gradient, but its value
    is the surrogate, comparable with PPO's.
    """
    ratio = importance_ratio(logp, logp_old).detach()
    moved = logp.detach().exp() - logp_old.exp()
    inside = torch.where(advantage > 0, moved <= player.dppo.delta, moved >= -player.dppo.delta)
    loss = -ratio.clamp(max=player.dppo.ratio_cap) * unit(logp) * advantage * inside
    return loss, {"clip_fraction": (~inside & (advantage != 0)).float() * mask}
