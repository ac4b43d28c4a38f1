"""The clipped surrogate of PPO/GRPO (1707.06347, 2402.03300), with clip-higher (DAPO) and dual clip.

With `aggregation=constant` and centred advantages it is Dr. GRPO, which has a name of its own in the registry: one of
the two switches alone is another method.
"""

from __future__ import annotations

import torch

from rlad.config import PlayerConfig
from trainers.losses.ratio import importance_ratio


def ppo_clip(
    logp: torch.Tensor, logp_old: torch.Tensor, advantage: torch.Tensor, mask: torch.Tensor, player: PlayerConfig
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """max(-r A, -clip(r, 1 - low, 1 + high) A), for A < 0 at most dual_clip * |A|; r = exp(logp - logp_old).

    All tensors (B, T). At r = 1 the gradient is that of -A log p: with one update per rollout nothing is clipped.
    Clip-higher: DAPO, 2503.14476; dual clip: 1912.09729.

    >>> r, advantage = torch.tensor([[1.5, 1.5, 4.0]]), torch.tensor([[1., -1., -1.]])
    >>> loss, stats = ppo_clip(r.log(), torch.zeros(1, 3), advantage, torch.ones(1, 3), PlayerConfig())
    >>> [round(x, 4) for x in loss[0].tolist()]       # clipped at 1.28; not clipped; dual clip at 3
    [-1.28, 1.5, 3.0]

    Where we differ from public code: verl has the same three pieces; the aggregation that 2402.03300 printed is the
    sequence mean, ours the token mean of DAPO unless `aggregation` says otherwise.
    """
    ratio = importance_ratio(logp, logp_old)
    loss = clipped_surrogate(ratio, advantage, player.clip_low, player.clip_high)
    loss = at_most(loss, advantage, player.dual_clip)
    inactive = (loss != -ratio * advantage) & (advantage != 0)
    return loss, {"clip_fraction": inactive.float() * mask}


def clipped_surrogate(ratio: torch.Tensor, advantage: torch.Tensor, low: float, high: float) -> torch.Tensor:
    """max(-r A, -clip(r, 1 - low, 1 + high) A), the pessimistic of the two.

    >>> clipped_surrogate(torch.tensor([0.5, 0.5]), torch.tensor([1.0, -1.0]), 0.2, 0.2).tolist()
    [-0.5, 0.800000011920929]
    """
    return torch.maximum(-ratio * advantage, -ratio.clamp(1 - low, 1 + high) * advantage)


def at_most(loss: torch.Tensor, advantage: torch.Tensor, dual_clip: float | None) -> torch.Tensor:
    """Dual clip: where A < 0 the loss is at most dual_clip * |A|, without gradient there; None = as it is.

    >>> at_most(torch.tensor([2.0, 4.0, 4.0]), torch.tensor([-1.0, -1.0, 1.0]), 3.0).tolist()
    [2.0, 3.0, 4.0]
    """
    if dual_clip is None:
        return loss
    return torch.where(advantage < 0, torch.minimum(loss, -dual_clip * advantage), loss)
