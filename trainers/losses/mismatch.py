"""Importance weights for the gap between the sampler that sampled and the trainer that learns.

w = pi_trainer / pi_sampler, both of before the update, multiplies the policy loss without a gradient. TIS: truncated,
token. MIS: masked; IcePop (2510.18855): masked, token. OPSM: DeepSeek-V3.2, 2512.02556.
"""

from __future__ import annotations

import torch

from rlad.config import MismatchConfig, PlayerConfig

BOUNDS = {"token": (0.5, 2.0), "sequence": (0.5, 2.0), "geometric": (0.999, 1.001)}
"""low and high where the configuration names none."""


def mismatch_weights(
    logp_trainer: torch.Tensor, logp_sampler: torch.Tensor, mask: torch.Tensor, config: MismatchConfig
) -> torch.Tensor:
    """What each token's policy loss is multiplied by; all tensors (B, T), nothing carries a gradient.

    A full distribution must have been sampled: top-p, top-k and min-p shift w by the mass they cut off. Truncation
    biases: for pi = (.9, .1) sampled as (.3, .7), E[w] = 1 but E[min(w, 2)] = .7. Products explode with length.

    >>> def weights(w, **keys):
    ...     w = torch.tensor([w])
    ...     result = mismatch_weights(w.log(), torch.zeros_like(w), torch.ones_like(w), MismatchConfig(**keys))
    ...     return [round(x, 4) for x in result[0].tolist()]
    >>> weights([0.5, 1.0, 3.0], kind="truncated"), weights([0.4, 0.5, 1.0, 2.0, 3.0], kind="masked")
    ([0.5, 1.0, 2.0], [0.0, 0.5, 1.0, 2.0, 0.0])
    >>> weights([1.5] * 4, kind="truncated", level="sequence", high=9.0)[0]
    5.0625
    >>> weights([1.5] * 4, kind="truncated", level="geometric", high=9.0)[0]
    1.5

    Where we differ from public code: it is off by default (TRL masks sequences above 3 unless told not to), because
    the transformers sampler here holds the trainer's own weights.
    """
    if config.kind == "none":
        return torch.ones_like(mask)
    w = _levelled((logp_trainer - logp_sampler).detach() * mask, mask, config.level).clamp(-20, 20).exp()
    low, high = BOUNDS[config.level]
    low, high = low if config.low is None else config.low, high if config.high is None else config.high
    if config.kind == "truncated":
        return w.clamp(max=high)
    # 0.5 and 2 are inside, and stay so when exp(log(2)) is a rounding error above 2.
    return torch.where((w >= low * (1 - 1e-6)) & (w <= high * (1 + 1e-6)), w, 0.0)


def _levelled(log_w: torch.Tensor, mask: torch.Tensor, level: str) -> torch.Tensor:
    """Log-weights (B, T) as they are, or the sequence's sum or mean on all of its tokens."""
    if level == "token":
        return log_w
    total = log_w.sum(1, keepdim=True)
    if level == "geometric":
        total = total / mask.sum(1, keepdim=True).clamp(min=1)
    return total.expand_as(log_w)


def off_policy_mask(
    logp: torch.Tensor, logp_sampler: torch.Tensor, advantage: torch.Tensor, mask: torch.Tensor, threshold: float
) -> torch.Tensor:
    """OPSM: 0 on sequences with A < 0 that have become unlikely, mean log(pi_sampler / pi) > threshold, else 1; (B, T).

    >>> now, then = torch.tensor([[0.1, 0.1], [0.1, 0.1]]).log(), torch.tensor([[0.2, 0.2], [0.2, 0.2]]).log()
    >>> off_policy_mask(now, then, torch.tensor([[-1.0, -1.0], [1.0, 1.0]]), torch.ones(2, 2), 0.5).tolist()
    [[0.0, 0.0], [1.0, 1.0]]
    """
    drift = ((logp_sampler - logp).detach() * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True).clamp(min=1)
    return 1 - ((advantage < 0) & (drift > threshold)).float()


def needs_sampler(player: PlayerConfig) -> bool:
    """Whether the sampler's own log-probs are needed with the rows.

    >>> needs_sampler(PlayerConfig()), needs_sampler(PlayerConfig(old_logprobs="sampler"))
    (False, True)
    """
    return player.old_logprobs == "sampler" or player.mismatch.kind != "none" or player.mismatch.opsm is not None
