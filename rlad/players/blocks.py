"""The mask that keeps sequences of one row apart, made of two numbers a position when a model wants it.

A mask has the square of a row's positions: 134 MB in 16 bits for 8,192 of them, in every micro-batch of a step.
"""

from __future__ import annotations

import torch


def block_mask(prompt: torch.Tensor, completion: torch.Tensor, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """(R, 1, L, L): what each position adds to its attention's scores, 0 or -inf, from the numbers (R, L) of its prompt
    and of its completion, which is 0 on the prompt itself.

    >>> block_mask(torch.tensor([[0, 0, 0, 1]]), torch.tensor([[0, 1, 2, 0]])).isfinite().int()[0, 0].tolist()
    [[1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1]]
    """
    seen = (completion[:, None] == 0) | (completion[:, :, None] == completion[:, None])
    seen &= prompt[:, :, None] == prompt[:, None]
    seen.tril_()
    return torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill_(~seen, -torch.inf)[:, None]
