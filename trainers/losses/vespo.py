"""VESPO (2602.10693): the sequence's whole importance weight, softly reshaped, weighs its policy gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlad.config.registry import key, loss
from trainers.losses.base import LossTensors

if TYPE_CHECKING:
    import torch

LEAST = math.log(1e-8)
"""Log-weights are held above this, as in TRL 1.16, and below 20."""


@dataclass
class VespoKeys:
    """Power and decay of the weight W^k * e^(lambda * (1 - W)), for either sign of the advantage."""

    k_positive: float = key(2.0, least=0)
    """Power of W where A >= 0: how fast a sequence that became unlikely loses its weight."""
    lambda_positive: float = key(3.0, least=0)
    """Decay in W where A >= 0: how fast a sequence that became likely loses its weight."""
    k_negative: float = key(3.0, least=0)
    """Power of W where A < 0."""
    lambda_negative: float = key(2.0, least=0)
    """Decay in W where A < 0."""


@loss("vespo", keys=VespoKeys, aggregation="token-mean", source="2602.10693")
def vespo(tokens: LossTensors, keys: VespoKeys) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """-sg(phi) * A * log p, phi = W^k * e^(lambda * (1 - W)), W the product of the sequence's token ratios.

    All tensors (B, T). Nothing is clipped and no length divides the log-weight; phi is 1 at W = 1, largest at
    W = k / lambda, and goes to 0 on both sides. The value is no objective: only its gradient, -phi * A, counts.

    r = (2, 0.75): W = 1.5. With A > 0 phi = 1.5^2 * e^(3 * -0.5) = 0.5020, with A < 0 1.5^3 * e^(2 * -0.5) = 1.2416:

    >>> import torch
    >>> old, r = torch.tensor([[0.25, 0.5]] * 2).log(), torch.tensor([[2.0, 0.75]] * 2)
    >>> logp = (old + r.log()).requires_grad_()
    >>> advantage = torch.tensor([[1.0, 1.0], [-1.0, -1.0]])
    >>> loss, stats = vespo(LossTensors(logp, old, advantage, torch.ones(2, 2)), VespoKeys())
    >>> loss.sum().backward()
    >>> [[round(g, 4) for g in row] for row in logp.grad.tolist()]
    [[-0.502, -0.502], [1.2416, 1.2416]]

    TRL 1.16's form. Where we differ from it: what `mismatch` weighs multiplies the loss, there it enters W.
    `weight` in metrics.jsonl is the mean phi.
    """
    log_ratio = (tokens.logp - tokens.logp_old).detach().clamp(-20, 20)
    log_weight = (log_ratio * tokens.mask).sum(1, keepdim=True).clamp(LEAST, 20)  # (B, 1)
    helped = tokens.advantage >= 0
    power = log_weight.new_full(helped.shape, keys.k_positive).where(helped, keys.k_negative)
    decay = log_weight.new_full(helped.shape, keys.lambda_positive).where(helped, keys.lambda_negative)
    phi = (decay + power * log_weight - decay * log_weight.exp()).exp()
    return -phi * tokens.advantage * tokens.logp, {"weight": phi * tokens.mask}
