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
        counts, learnt = written.sum(1).tolist(), (batch.pg_weight[:, 0] > 0).tolist()
        # Row by row thousands of small tensors would be indexed: it is done once, and a row is a piece of that.
        ids, *columns = (
            tensor.cpu()[written].split(counts) for tensor in (batch.completion, logp, entropy, batch.advantage)
        )
        for place, copies in enumerate(batch.copies[:, 0].int().tolist()):
            if not copies:
                continue
            self.tokens.append(tuple(ids[place].tolist()))
            self.copies.append(copies)
            self.learnt.append(learnt[place])
            for kept, own in zip((self.logp, self.entropy, self.advantage), columns, strict=True):
                kept.append(own[place])
