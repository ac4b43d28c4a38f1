"""What an update saw of every token of this rank: the raw material of the entropy instruments."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from trainers.learner.batches import Batch


@dataclass
class TokenRecord:
    """Lists of equal length, one entry per row that was learnt from, in the order of the micro-batches."""

    rows: list[int] = field(default_factory=list)
    """Index of the row in the step's list of this rank."""
    logp: list[torch.Tensor] = field(default_factory=list)
    """(T,) log-probs under the trained policy before its step, nats."""
    entropy: list[torch.Tensor] = field(default_factory=list)
    """(T,) entropies over the whole vocabulary at the training temperature, nats."""
    advantage: list[torch.Tensor] = field(default_factory=list)
    """(T,) as the loss used them."""

    def add(self, batch: Batch, logp: torch.Tensor, entropy: torch.Tensor, advantage: torch.Tensor) -> None:
        """Keeps the active tokens of a micro-batch; all tensors (B, C). Padding rows are left out."""
        lengths = batch.mask.sum(1).int().tolist()
        columns = [tensor.cpu() for tensor in (logp, entropy, advantage)]
        for position, (row, length) in enumerate(zip(batch.rows, lengths, strict=True)):
            if row >= 0:
                self.rows.append(row)
                for kept, tensor in zip((self.logp, self.entropy, self.advantage), columns, strict=True):
                    kept.append(tensor[position, :length])
