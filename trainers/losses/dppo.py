"""DPPO (2602.04879), the total-variation form: the trust region is one of probabilities, not of ratios."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlad.config.registry import key, loss
from trainers.losses.base import LossTensors
from trainers.losses.ratio import importance_ratio, unit

if TYPE_CHECKING:
    import torch


@dataclass
class DppoKeys:
    """Total variation of the sampled token."""

    delta: float = key(0.2, above=0, most=1)
    """A token is left out when its probability has moved further than this in the direction of its advantage."""
    ratio_cap: float = key(20.0, least=1)
    """The ratio weighs at most this."""


@loss("dppo", keys=DppoKeys, aggregation="token-mean", source="2602.04879")
def dppo(tokens: LossTensors, keys: DppoKeys) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """-min(r, ratio_cap) * A, and 0 where the probability itself has moved by more than delta the way A pushes it.

    All tensors (B, T). A rare token may multiply its probability (.01 -> .05 is r = 5, kept), a common one may not
    move far (.5 -> .75 is r = 1.5, dropped when A > 0, kept when A < 0):

    >>> import torch
    >>> new, old = torch.tensor([[0.05, 0.75, 0.75]]).log(), torch.tensor([[0.01, 0.5, 0.5]]).log()
    >>> loss, _ = dppo(LossTensors(new, old, torch.tensor([[1.0, 1.0, -1.0]]), torch.ones(1, 3)), DppoKeys())
    >>> [round(x, 3) + 0 for x in loss[0].tolist()]
    [-5.0, 0.0, 1.5]

    Where we differ from public code: verl writes -sg(min(r, 20)) * A * logp; ours has the same gradient, but its value
    is the surrogate, comparable with PPO's.
    """
    ratio, advantage = importance_ratio(tokens.logp, tokens.logp_old).detach(), tokens.advantage
    moved = tokens.logp.detach().exp() - tokens.logp_old.exp()
    inside = (moved <= keys.delta).where(advantage > 0, moved >= -keys.delta)
    loss = -ratio.clamp(max=keys.ratio_cap) * unit(tokens.logp) * advantage * inside
    return loss, {"clip_fraction": (~inside & (advantage != 0)).float() * tokens.mask}
