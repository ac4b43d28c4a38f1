"""Completions that are there already, as a batch to be scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Given:
    """Completions that stand behind their prompts already, as `token_scores` reads them (its `Completions`)."""

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    position_ids: torch.Tensor
    completion: torch.Tensor
    mask: torch.Tensor
    place: None = None

    @classmethod
    def padded(
        cls, prompts: list[list[int]], completions: Sequence[Sequence[int]], pad_id: int, device: torch.device
    ) -> Given:
        """Prompts padded on the left to P tokens and completions on the right to C, at least one: (B, P + C).

        >>> Given.padded([[5, 6], [7]], [[8], [9, 3]], 0, torch.device("cpu")).input_ids.tolist()
        [[5, 6, 8, 0], [0, 7, 9, 3]]
        """
        left, right = max(map(len, prompts)), max(1, *map(len, completions))
        ids = torch.full((len(prompts), left + right), pad_id)
        attention = torch.zeros_like(ids)
        for row, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
            own = slice(left - len(prompt), left + len(completion))
            ids[row, own] = torch.tensor([*prompt, *completion])
            attention[row, own] = 1
        ids, attention = ids.to(device), attention.to(device)
        position = (attention.cumsum(1) - 1).clamp(min=0)
        return cls(ids, attention, position, ids[:, left:], attention[:, left:].float())
