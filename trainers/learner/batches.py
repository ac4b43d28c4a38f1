"""Rows to padded micro-batches, the same number of them on every rank."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from trainers.credit.rows import Row


@dataclass
class Batch:
    """A padded micro-batch: prompts padded on the left, completions on the right, so completions start together."""

    input_ids: torch.Tensor
    """(B, P + C)"""
    attention_mask: torch.Tensor
    """(B, P + C)"""
    position_ids: torch.Tensor
    """(B, P + C)"""
    completion: torch.Tensor
    """(B, C) token ids"""
    mask: torch.Tensor
    """(B, C) float: 1 on completion tokens"""
    rows: list[int]
    """Index of each row in the step's list; -1 = a padding row that weighs nothing."""

    def spread(self, values: list[float]) -> torch.Tensor:
        """One value per row of the step -> (B, 1); 0 for padding rows."""
        picked = [values[i] if i >= 0 else 0.0 for i in self.rows]
        return torch.tensor(picked, device=self.mask.device)[:, None]

    def advantages(self, rows: list[Row]) -> torch.Tensor:
        """(B, C): every token's advantage, 0 where nothing is learnt from."""
        result = self.spread([row.advantage * row.pg_weight for row in rows]) * self.mask
        for position, i in enumerate(self.rows):
            if i >= 0 and rows[i].token_advantages is not None:
                own = torch.tensor(rows[i].token_advantages, device=self.mask.device)
                result[position, : len(own)] = own * rows[i].pg_weight
        return result

    def sampler_logprobs(self, rows: list[Row]) -> torch.Tensor:
        """(B, C): the sampler's log-probs, 0 on padding."""
        return self._per_token([row.sampler_logprobs for row in rows])

    def planning(self, rows: list[Row]) -> torch.Tensor:
        """(B, C) bool: tokens that plan. Raises ValueError when a row with a policy gradient was not marked."""
        if any(i >= 0 and rows[i].planning is None and rows[i].pg_weight for i in self.rows):
            raise ValueError("A row's planning tokens are not marked.")
        return self._per_token([row.planning for row in rows]) > 0

    def _per_token(self, values: list[tuple | None]) -> torch.Tensor:
        result = torch.zeros_like(self.mask)
        for position, i in enumerate(self.rows):
            if i >= 0 and values[i] is not None:
                own = torch.tensor(values[i], dtype=result.dtype, device=result.device)
                result[position, : len(own)] = own
        return result


def plan_micro_batches(lengths: list[int], micro_batch: int, most: Callable[[int], int]) -> list[list[int]]:
    """Splits rows (given by length) into micro-batches of at most `micro_batch` rows of like length.

    `most` maps this rank's number of micro-batches to the largest over all ranks (an all-reduce); missing ones are
    padded with [-1], because a rank that runs fewer forwards than the others hangs a ZeRO-3 job.

    >>> plan_micro_batches([5, 1, 4], 2, lambda mine: 3)
    [[1, 2], [0], [-1]]
    """
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    plan = [order[i : i + micro_batch] for i in range(0, len(order), micro_batch)]
    return plan + [[-1]] * (most(len(plan)) - len(plan))


def collate(rows: list[Row], index: list[int], pad_id: int, device: torch.device) -> Batch:
    """Pads the rows named by `index`; -1 stands for a padding row of one token."""
    chosen = [rows[i] if i >= 0 else Row((pad_id,), (pad_id,)) for i in index]
    left = max(len(row.prompt) for row in chosen)
    right = max(len(row.completion) for row in chosen)
    ids = torch.full((len(chosen), left + right), pad_id)
    attention = torch.zeros(len(chosen), left + right, dtype=torch.long)
    for i, row in enumerate(chosen):
        start, end = left - len(row.prompt), left + len(row.completion)
        ids[i, start:end] = torch.tensor(row.prompt + row.completion)
        attention[i, start:end] = 1
    mask = attention[:, left:].float() * torch.tensor([float(i >= 0) for i in index])[:, None]
    position = (attention.cumsum(1) - 1).clamp(min=0)
    ids, attention, position, mask = (t.to(device) for t in (ids, attention, position, mask))
    return Batch(ids, attention, position, ids[:, left:], mask, index)


def completion_logits(model, batch: Batch) -> torch.Tensor:
    """Logits (B, C, V) of the completion's tokens."""
    return model(
        input_ids=batch.input_ids,
        attention_mask=batch.attention_mask,
        position_ids=batch.position_ids,
        use_cache=False,
        logits_to_keep=batch.completion.shape[1] + 1,
    ).logits[:, :-1]


def token_logprobs(model, batch: Batch, temperature: float, with_entropy: bool = True):
    """Log-probs (B, C) of the completion's tokens at the sampling temperature, and the entropies (B, C), in float32.

    The entropy carries no gradient unless `with_entropy` is "grad".
    """
    logits = completion_logits(model, batch)
    distribution = torch.log_softmax(logits.float() / temperature, dim=-1)  # (B, C, V)
    logp = distribution.gather(-1, batch.completion[..., None])[..., 0]
    if not with_entropy:
        return logp, None
    with torch.set_grad_enabled(with_entropy == "grad" and torch.is_grad_enabled()):
        entropy = -(distribution.exp() * distribution).sum(-1)
    return logp, entropy
