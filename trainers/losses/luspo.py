"""LUSPO (2602.05261): GSPO with every sequence's loss times its length, so that long ones are not discounted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlad.config.registry import key, loss
from trainers.losses.base import LossTensors
from trainers.losses.gspo import one_ratio, sequence_surrogate

if TYPE_CHECKING:
    import torch


@dataclass
class LuspoKeys:
    """Bounds of the sequence's ratio, wider than GSPO's."""

    clip_low: float = key(2e-3, above=0, most=0.1)
    """The sequence's ratio is clipped at 1 - clip_low."""
    clip_high: float = key(2.5e-3, above=0, most=0.1)
    """The sequence's ratio is clipped at 1 + clip_high."""


@loss("luspo", keys=LuspoKeys, aggregation="sequence-mean", check=one_ratio("luspo"), source="2602.05261")
def luspo(tokens: LossTensors, keys: LuspoKeys) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """GSPO's loss times |y|, the number of the sequence's tokens; all tensors (B, T).

    Under the sequence mean a token's gradient is then s * A, that of a sum over the sequence, where GSPO's is
    s * A / |y|: a right answer of twice the length moves its tokens as much, not half as much.

    Two sequences at r = 1 of 1 and 3 tokens, A = 1; the mean over a row's own tokens, then over rows, as aggregated:

    >>> import torch
    >>> logp, mask = torch.zeros(2, 3, requires_grad=True), torch.tensor([[1.0, 0, 0], [1, 1, 1]])
    >>> loss, _ = luspo(LossTensors(logp, torch.zeros(2, 3), torch.ones(2, 3), mask), LuspoKeys())
    >>> ((loss * mask).sum(1) / mask.sum(1)).mean().backward()
    >>> (0 - logp.grad).tolist()
    [[0.5, 0.0, 0.0], [0.5, 0.5, 0.5]]

    TRL 1.16's loss_type="luspo" with importance_sampling_level="sequence" and the bounds that it quotes from the paper.
    The KL term keeps its sequence mean.
    """
    loss, stats = sequence_surrogate(tokens, keys.clip_low, keys.clip_high)
    return loss * tokens.mask.sum(1, keepdim=True), stats
