"""SAPO (2511.20347): a soft gate instead of a clip."""

from __future__ import annotations

import torch

from rlad.config import PlayerConfig
from trainers.losses.ratio import importance_ratio


def sapo(
    logp: torch.Tensor, logp_old: torch.Tensor, advantage: torch.Tensor, mask: torch.Tensor, player: PlayerConfig
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """-(4 / tau) * sigmoid(tau * (r - 1)) * A, with a tau for A > 0 and one for the rest; all tensors (B, T).

    The gradient weight 4 q (1 - q) r, q = sigmoid(tau * (r - 1)), is 1 at r = 1, though the value there is 2 / tau: a
    loss about twice PPO's is no larger step. Negative advantages are gated a little harder.

    >>> r = torch.tensor([[1.0, 1.0, 1.5]])
    >>> advantage = torch.tensor([[1.0, -1.0, 1.0]])
    >>> loss, _ = sapo(r.log(), torch.zeros(1, 3), advantage, torch.ones(1, 3), PlayerConfig())
    >>> [round(x, 4) for x in loss[0].tolist()]       # -2 / 1; 2 / 1.05; -4 sigmoid(0.5)
    [-2.0, 1.9048, -2.4898]

    The authors' form, as verl has it. There is no clip to count: `gate` is the mean gradient weight.
    """
    ratio = importance_ratio(logp, logp_old)
    tau = torch.where(advantage > 0, player.sapo.tau_positive, player.sapo.tau_negative)
    gate = torch.sigmoid(tau * (ratio - 1))
    return -4 / tau * gate * advantage, {"gate": (4 * gate * (1 - gate) * ratio).detach() * mask}
