"""The clipped surrogate of PPO/GRPO (1707.06347, 2402.03300), with clip-higher (DAPO) and dual clip.

With `aggregation=constant` and centred advantages it is Dr. GRPO, which is declared in dr_grpo.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlad.config.registry import key, loss
from trainers.losses.base import LossTensors
from trainers.losses.ratio import importance_ratio

if TYPE_CHECKING:
    import torch


@dataclass
class ClipKeys:
    """Bounds of the token's ratio, [1 - clip_low, 1 + clip_high], and the dual clip."""

    clip_low: float = key(0.2, above=0, most=1)
    """Below 1 - clip_low a ratio with A < 0 teaches nothing."""
    clip_high: float = key(0.28, above=0)
    """Above 1 + clip_high a ratio with A > 0 teaches nothing (DAPO's clip-higher)."""
    dual_clip: float | None = key(3.0, least=1)
    """For negative advantages the loss is at most dual_clip * |A|; None = off."""


@loss("ppo_clip", keys=ClipKeys, aggregation="token-mean", source="1707.06347, 2402.03300, 2503.14476, 1912.09729")
def ppo_clip(tokens: LossTensors, keys: ClipKeys) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """max(-r A, -clip(r, 1 - low, 1 + high) A), for A < 0 at most dual_clip * |A|; r = exp(logp - logp_old).

    All tensors (B, T). At r = 1 the gradient is that of -A log p: with one update per rollout nothing is clipped.
    Clip-higher: DAPO, 2503.14476; dual clip: 1912.09729.

    >>> import torch
    >>> r, advantage = torch.tensor([[1.5, 1.5, 4.0]]), torch.tensor([[1., -1., -1.]])
    >>> loss, stats = ppo_clip(LossTensors(r.log(), torch.zeros(1, 3), advantage, torch.ones(1, 3)), ClipKeys())
    >>> [round(x, 4) for x in loss[0].tolist()]       # clipped at 1.28; not clipped; dual clip at 3
    [-1.28, 1.5, 3.0]

    Where we differ from public code: verl has the same three pieces; the aggregation that 2402.03300 printed is the
    sequence mean, ours the token mean of DAPO unless `aggregation` says otherwise.
    """
    ratio, advantage = importance_ratio(tokens.logp, tokens.logp_old), tokens.advantage
    loss = clipped_surrogate(ratio, advantage, keys.clip_low, keys.clip_high)
    loss = at_most(loss, advantage, keys.dual_clip)
    return loss, {"clip_fraction": clipped(loss, ratio, tokens)}


def clipped(loss: torch.Tensor, ratio: torch.Tensor, tokens: LossTensors) -> torch.Tensor:
    """Where the loss is no longer -r A, and so has no gradient: 1 or 0, (B, T)."""
    inactive = (loss != -ratio * tokens.advantage) & (tokens.advantage != 0)
    return inactive.float() * tokens.mask


def clipped_surrogate(ratio: torch.Tensor, advantage: torch.Tensor, low: float, high: float) -> torch.Tensor:
    """max(-r A, -clip(r, 1 - low, 1 + high) A), the pessimistic of the two.

    >>> import torch
    >>> clipped_surrogate(torch.tensor([0.5, 0.5]), torch.tensor([1.0, -1.0]), 0.2, 0.2).tolist()
    [-0.5, 0.800000011920929]
    """
    return (-ratio * advantage).maximum(-ratio.clamp(1 - low, 1 + high) * advantage)


def at_most(loss: torch.Tensor, advantage: torch.Tensor, dual_clip: float | None) -> torch.Tensor:
    """Dual clip: where A < 0 the loss is at most dual_clip * |A|, without gradient there; None = as it is.

    >>> import torch
    >>> at_most(torch.tensor([2.0, 4.0, 4.0]), torch.tensor([-1.0, -1.0, 1.0]), 3.0).tolist()
    [2.0, 3.0, 4.0]
    """
    if dual_clip is None:
        return loss
    return loss.minimum(-dual_clip * advantage).where(advantage < 0, loss)
