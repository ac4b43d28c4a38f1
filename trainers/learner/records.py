"""What an update saw of every token of this rank: the raw material of the entropy instruments."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import torch

from trainers.learner.batches import Batch


@dataclass
class TokenRecord:
    """Lists of equal length, one entry per row that was learnt from, in the order of the micro-batches."""

    tokens: list[tuple[int, ...]] = field(default_factory=list)
    """(T,) ids of the completion, as far as its player wrote it."""
    copies: list[int] = field(default_factory=list)
    """How many samples the row stands for."""
    learnt: list[bool] = field(default_factory=list)
    """Whether it carries a policy gradient."""
    logp: list[torch.Tensor] = field(default_factory=list)
    """(T,) log-probs under the trained policy before its step, nats."""
    entropy: list[torch.Tensor] = field(default_factory=list)
    """(T,) entropies over the whole vocabulary at the training temperature, nats."""
    advantage: list[torch.Tensor] = field(default_factory=list)
    """(T,) as the loss used them."""

    def forget(self, count: int) -> None:
        """Keeps only the first `count` rows."""
        for item in fields(self):
            del getattr(self, item.name)[count:]

    def add(self, batch: Batch, logp: torch.Tensor, entropy: torch.Tensor) -> None:
        """Keeps the active tokens of a micro-batch; tensors (B, C). Rows that stand for no sample are left out."""
        written = (batch.mask > 0).cpu()
        copies, learnt = batch.copies[:, 0].int().tolist(), (batch.pg_weight[:, 0] > 0).tolist()
        columns = [tensor.cpu() for tensor in (logp, entropy, batch.advantage)]
        for place, here in enumerate(written):
            if not copies[place]:
                continue
            self.tokens.append(tuple(batch.completion[place].cpu()[here].tolist()))
            self.copies.append(copies[place])
            self.learnt.append(learnt[place])
            for kept, tensor in zip((self.logp, self.entropy, self.advantage), columns, strict=True):
                kept.append(tensor[place, here])
