"""HICRA (2509.03646): planning tokens earn more and pay less; a transform of advantages, before any loss."""

from __future__ import annotations

import torch


def hicra(advantage: torch.Tensor, planning: torch.Tensor, alpha: float) -> torch.Tensor:
    """A + alpha * |A| on planning tokens, A elsewhere; all tensors (B, T), `planning` bool.

    Neither A (1 + alpha), which would punish planning harder, nor zero-mean: the sum grows by alpha times the planning
    tokens' |A|. With alpha of 1 or more a failure would teach nothing, or to plan so again. There is no official code.

    >>> advantage = torch.tensor([1.0, -1.0, 0.0, 2.0, 1.0])
    >>> planning = torch.tensor([True, True, True, True, False])
    >>> [round(a, 4) for a in hicra(advantage, planning, 0.2).tolist()]
    [1.2, -0.8, 0.0, 2.4, 1.0]
    """
    return advantage + alpha * advantage.abs() * planning
