"""SAPO (2511.20347): a soft gate instead of a clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlad.config.registry import key, loss
from trainers.losses.base import LossTensors
from trainers.losses.ratio import importance_ratio

if TYPE_CHECKING:
    import torch


@dataclass
class SapoKeys:
    """Temperatures of the soft gate."""

    tau_positive: float = key(1.0, above=0)
    """Temperature for positive advantages."""
    tau_negative: float = key(1.05, above=0)
    """Temperature for all others."""


@loss("sapo", keys=SapoKeys, aggregation="sequence-mean", source="2511.20347")
def sapo(tokens: LossTensors, keys: SapoKeys) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """-(4 / tau) * sigmoid(tau * (r - 1)) * A, with a tau for A > 0 and one for the rest; all tensors (B, T).

    The gradient weight 4 q (1 - q) r, q = sigmoid(tau * (r - 1)), is 1 at r = 1, though the value there is 2 / tau: a
    loss about twice PPO's is no larger step. Negative advantages are gated a little harder.

    >>> import torch
    >>> r = torch.tensor([[1.0, 1.0, 1.5]])
    >>> advantage = torch.tensor([[1.0, -1.0, 1.0]])
    >>> loss, _ = sapo(LossTensors(r.log(), torch.zeros(1, 3), advantage, torch.ones(1, 3)), SapoKeys())
    >>> [round(x, 4) for x in loss[0].tolist()]       # -2 / 1; 2 / 1.05; -4 sigmoid(0.5)
    [-2.0, 1.9048, -2.4898]

    The authors' form, as verl has it. There is no clip to count: `gate` is the mean gradient weight.
    """
    ratio, advantage = importance_ratio(tokens.logp, tokens.logp_old), tokens.advantage
    tau = ratio.new_full(ratio.shape, keys.tau_positive).where(advantage > 0, keys.tau_negative)
    gate = (tau * (ratio - 1)).sigmoid()
    return -4 / tau * gate * advantage, {"gate": (4 * gate * (1 - gate) * ratio).detach() * tokens.mask}
