"""CE-GPPO (2509.20712): GPPO with a coefficient of its own for each side, to steer entropy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlad.config.registry import key, loss
from trainers.losses.base import LossTensors
from trainers.losses.gppo import beyond
from trainers.losses.ratio import importance_ratio, unit

if TYPE_CHECKING:
    import torch


@dataclass
class CeGppoKeys:
    """How much of the gradient beyond each clip bound is kept."""

    clip_low: float = key(0.2, above=0, most=1)
    """The ratio's lower bound is 1 - clip_low."""
    clip_high: float = key(0.28, above=0)
    """The ratio's upper bound is 1 + clip_high."""
    beta_low: float = key(0.75, least=0)
    """Low-probability tokens with negative advantage; drives entropy down."""
    beta_high: float = key(1.0, least=0)
    """Tokens beyond the upper bound with positive advantage; keeps exploration."""


@loss("ce_gppo", keys=CeGppoKeys, aggregation="token-mean", source="2509.20712")
def ce_gppo(tokens: LossTensors, keys: CeGppoKeys) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """-r A inside; beyond the bounds -(beta * bound * pi / sg(pi)) A, beta_low below and beta_high above.

    All tensors (B, T). beta_low speeds the decay of entropy and beta_high slows it: want beta_low < beta_high. With
    0 and 0 it has PPO's gradient, but the value 0 where PPO's is the bound's.

    >>> import torch
    >>> logp = torch.tensor([[0.5, 1.5, 4.0]]).log().requires_grad_()
    >>> advantage = torch.tensor([[-1.0, 1.0, -1.0]])
    >>> loss, _ = ce_gppo(LossTensors(logp, torch.zeros(1, 3), advantage, torch.ones(1, 3)), CeGppoKeys())
    >>> loss.sum().backward()
    >>> [round(x, 4) for x in logp.grad[0].tolist()]       # 0.75 * 0.8, -1 * 1.28, no dual clip
    [0.6, -1.28, 4.0]

    Where we differ from public code: its defaults are beta_low 0.25 in the code and 0.75 in the README, we take the
    latter. It also has a dual clip at 3, with which its results were made; the paper's formula has none, nor have we.
    """
    ratio = importance_ratio(tokens.logp, tokens.logp_old)
    low, high = beyond(ratio.detach(), tokens.advantage, keys.clip_low, keys.clip_high)
    bound = ratio.new_full(ratio.shape, keys.beta_low * (1 - keys.clip_low))
    bound = bound.where(low, keys.beta_high * (1 + keys.clip_high))
    loss = -(bound * unit(tokens.logp)).where(low | high, ratio) * tokens.advantage
    return loss, {"clip_fraction": (low | high).float() * tokens.mask}
