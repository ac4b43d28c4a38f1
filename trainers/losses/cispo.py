"""CISPO (2506.13585): the ratio is clipped as a weight, so every token keeps a gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlad.config.registry import key, loss
from trainers.losses.base import LossTensors
from trainers.losses.ratio import importance_ratio

if TYPE_CHECKING:
    import torch


@dataclass
class CispoKeys:
    """Bounds of the detached ratio itself (not of its distance from 1)."""

    floor: float = key(0.0, least=0, most=1)
    """A ratio weighs at least this; the paper's lower bound is off."""
    cap: float = key(5.0, least=1)
    """A ratio weighs at most this; 5.0 is ScaleRL's (2510.13786), 1 + clip_high in the code of others."""


@loss("cispo", keys=CispoKeys, aggregation="token-mean", source="2506.13585")
def cispo(tokens: LossTensors, keys: CispoKeys) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """-sg(clip(r, floor, cap)) * A * logp; all tensors (B, T). Its value is no objective, only its gradient counts.

    >>> import torch
    >>> logp = torch.tensor([[1.5]]).log().requires_grad_()
    >>> tokens = LossTensors(logp, torch.zeros(1, 1), torch.ones(1, 1), torch.ones(1, 1))
    >>> loss, _ = cispo(tokens, CispoKeys(cap=1.28))
    >>> loss.sum().backward()
    >>> round(loss.item(), 4), round(logp.grad.item(), 4)       # -1.28 log 1.5, and a gradient of -1.28 A
    (-0.519, -1.28)

    Where we differ from public code: `cap` is the bound itself, as TRL's `epsilon_high`; verl, slime, NeMo-RL and ROLL
    read 1 + epsilon_high and verl has a lower bound of 0.8 by default, where the paper's is off (our floor of 0).
    """
    ratio, advantage = importance_ratio(tokens.logp, tokens.logp_old).detach(), tokens.advantage
    weight = ratio.clamp(keys.floor, keys.cap)
    cut = (weight != ratio) & (advantage != 0)
    return -weight * advantage * tokens.logp, {"clip_fraction": cut.float() * tokens.mask}
