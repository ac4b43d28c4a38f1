"""Transformer blocks of vectors: queries from one sequence, keys and values from the same or another one."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

HEADS = 4


class Block(nn.Module):
    """Attention and two layers behind it, 12 d^2 parameters and two norms."""

    def __init__(self, width: int):
        super().__init__()
        self.before, self.behind = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.out = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
        self.known = nn.Linear(width, 2 * width, bias=False)
        self.layers = nn.Sequential(
            nn.Linear(width, 4 * width, bias=False), nn.GELU(), nn.Linear(4 * width, width, bias=False)
        )

    def forward(self, x: torch.Tensor, mask: torch.Tensor, seen: torch.Tensor | None = None) -> torch.Tensor:
        """x (B, Q, d) looks at `seen` (B, K, d), or at itself, where mask (B, Q, K) says so."""
        normal = self.before(x)
        keys, values = self.known(normal if seen is None else seen).chunk(2, -1)
        parts = [one.unflatten(-1, (HEADS, -1)).transpose(1, 2) for one in (self.query(normal), keys, values)]
        found = F.scaled_dot_product_attention(*parts, attn_mask=mask[:, None])
        x = x + self.out(found.transpose(1, 2).flatten(2))
        return x + self.layers(self.behind(x))


def causal(real: torch.Tensor) -> torch.Tensor:
    """(B, S, S): every place sees what is real (B, S) before it, and itself.

    >>> causal(torch.tensor([[False, True, True]])).int().tolist()
    [[[1, 0, 0], [0, 1, 0], [0, 1, 1]]]
    """
    size = real.shape[1]
    before = torch.ones(size, size, dtype=torch.bool, device=real.device).tril()
    return (before & real[:, None]) | torch.eye(size, dtype=torch.bool, device=real.device)


def earlier(real: torch.Tensor, at: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """(B, T, S): the target at place at[k] sees what is real before that place; nothing where kept (B, T) is False.

    >>> earlier(torch.ones(1, 3, dtype=torch.bool), torch.tensor([1, 2]), torch.tensor([[True, True]])).int().tolist()
    [[[1, 0, 0], [1, 1, 0]]]
    """
    before = torch.arange(real.shape[1], device=real.device) < at[:, None]
    return before & real[:, None] & kept[:, :, None]
