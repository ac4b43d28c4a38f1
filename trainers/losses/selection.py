"""Choosing tokens of a whole mini-batch by a score: pure functions of (N,) tensors, N = all tokens of all ranks.

Chosen per micro-batch instead, the set would change with the micro-batch size: at a share of 2e-4 eight micro-batches
of 1,024 tokens choose eight tokens, one of 8,192 chooses one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class TokenTable:
    """The mini-batch's tokens with a policy gradient, one entry per sample (a row's copies count apart); all (N,)."""

    logp: torch.Tensor
    logp_old: torch.Tensor
    advantage: torch.Tensor
    entropy: torch.Tensor


def covariance(logp: torch.Tensor, advantage: torch.Tensor) -> torch.Tensor:
    """(logp - mean) * (A - mean) of every token: what it adds to the fall of entropy (2505.22617); (N,) -> (N,).

    >>> import torch
    >>> cov = covariance(torch.tensor([-.1, -.1, -.1, -3.7]), torch.tensor([1., 1., -1., -1.]))
    >>> [round(x, 4) for x in cov.tolist()]
    [0.9, 0.9, -0.9, 2.7]
    """
    return (logp - logp.mean()) * (advantage - advantage.mean())


def covariance_count(tokens: int, share: float) -> int:
    """How many tokens Clip-Cov and KL-Cov choose: the share, rounded down, at least one.

    >>> [covariance_count(n, 2e-4) for n in (1024, 5000, 8192, 10000)]
    [1, 1, 1, 2]
    """
    return max(1, int(tokens * share))


def forking_count(tokens: int, share: float) -> int:
    """How many tokens 80/20 keeps: the share, rounded up, at least one.

    >>> [forking_count(n, 0.2) for n in (1, 5, 10, 11, 12)]
    [1, 1, 2, 3, 3]
    """
    return max(1, int(tokens * share + 0.9999))


def top(scores: torch.Tensor, count: int) -> torch.Tensor:
    """The `count` highest scores as a bool mask (N,).

    >>> import torch
    >>> top(torch.tensor([0.1, 0.9, 0.5]), 2).tolist()
    [False, True, True]
    """
    chosen = scores.new_zeros(scores.shape).bool()
    chosen[scores.argsort(descending=True, stable=True)[:count]] = True
    return chosen


def draw(eligible: torch.Tensor, order: torch.Tensor, count: int, seed: int) -> torch.Tensor:
    """`count` of the eligible tokens at random, or all of them when there are fewer; (N,) bool masks.

    The draw is made over the tokens sorted by `order`, so that it is the same however they are spread over ranks.

    >>> import torch
    >>> cov = torch.tensor([0.5, 2.0, 3.0, 4.0])
    >>> one = draw(cov > 1, cov, 2, seed=3)
    >>> two = draw(cov.flip(0) > 1, cov.flip(0), 2, seed=3)
    >>> int(one.sum()), bool(one[0]), torch.equal(one, two.flip(0))
    (2, False, True)
    """
    import torch  # here, so that a configuration that names a loss is checked without it

    candidates = order.argsort(stable=True)
    candidates = candidates[eligible[candidates]]
    generator = torch.Generator().manual_seed(seed)
    drawn = candidates[torch.randperm(len(candidates), generator=generator)[:count].to(candidates.device)]
    return eligible.new_zeros(eligible.shape).index_fill_(0, drawn, True)
