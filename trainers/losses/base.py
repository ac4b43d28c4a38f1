"""What a loss takes: the tokens of a micro-batch, in one struct."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class LossTensors:
    """One micro-batch as a loss sees it; all tensors (B, T), B rows of at most T completion tokens."""

    logp: torch.Tensor
    """Log-probs under the policy that learns, nats; the only one that carries a gradient."""
    logp_old: torch.Tensor
    """Log-probs of before the update, nats: what the ratio is measured against."""
    advantage: torch.Tensor
    """What each token is worth; 0 where nothing is learnt from."""
    mask: torch.Tensor
    """1 on completion tokens, 0 on padding."""
    chosen: torch.Tensor | None = None
    """Share of each token's copies, 0 to 1, that the loss's own rule chose (`choose=`); None for losses without one."""
    filtered: torch.Tensor | None = None
    """Log-probs under the policy of before the update as the loss filters it (`filtered=`), nats, -inf where a token is
    filtered out; None for losses that don't."""
