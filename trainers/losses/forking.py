"""Forking tokens, "80/20" (2506.01939): a mask on the policy gradient that composes with every loss."""

from __future__ import annotations

import torch

from rlad.config import ForkingConfig
from rlad.entropy.tokens import forking_count
from trainers.losses.selection import TokenTable, top


def forking_tokens(tokens: TokenTable, keys: ForkingConfig, seed: int) -> torch.Tensor:
    """The share of the mini-batch's tokens with the highest entropy: (n,) in 0..1, as ties share. `seed` is not needed.

    >>> h = torch.tensor([0.1, 2.0, 0.3, 0.2, 0.1])
    >>> forking_tokens(TokenTable(-h, -h, h, h), ForkingConfig(share=0.2), 0).tolist()
    [0.0, 1.0, 0.0, 0.0, 0.0]

    Where we differ from public code: the threshold is that of the whole mini-batch (the authors': of one micro-batch;
    TRL: of all ranks' current one). KL and entropy terms keep all tokens, as in TRL. The denominator is the paper's
    (all tokens) or, with forking.denominator=kept, the authors' code's (kept ones: gradients about 1/share larger).
    Tokens tied at the threshold (those behind one prefix) are kept in part, with equal weights that fill the share up;
    others cut them by the order of rows.
    """
    return top(tokens.entropy, forking_count(tokens.count, keys.share), tokens.ranks)
