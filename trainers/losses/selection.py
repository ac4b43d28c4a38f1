"""Choosing tokens of a whole mini-batch by a score: pure functions of (N,) tensors, N = all tokens of all ranks.

Chosen per micro-batch instead, the set would change with the micro-batch size: at a share of 2e-4 eight micro-batches
of 1,024 tokens choose eight tokens, one of 8,192 chooses one.

Ties are shared: tokens behind one prefix have one entropy, whichever row they are in, and a cut through them by the
order of rows would make the gradient depend on it. Tied tokens have equal shares of the places that are theirs, so the
number of chosen tokens stays what it is and neither order nor ranks matter. Scores within `TIE` of each other are tied:
in micro-batches of another width the same text rounds differently.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


TIE = 1e-5


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


def top(scores: torch.Tensor, count: int) -> torch.Tensor:
    """Each token's share of being among the `count` highest scores, (N,) in 0..1; ties at the cut share what is left.

    >>> import torch
    >>> top(torch.tensor([0.1, 0.9, 0.5]), 2).tolist(), top(torch.tensor([0.5, 0.9, 0.5, 0.1]), 2).tolist()
    ([0.0, 1.0, 1.0], [0.5, 1.0, 0.5, 0.0])
    """
    count = min(count, len(scores))
    last = scores.topk(count).values[-1]
    above = scores > last + TIE
    tied = ~above & (scores >= last - TIE)
    return above.float() + tied.float() * ((count - above.sum()) / tied.sum())


def draw(eligible: torch.Tensor, order: torch.Tensor, count: int, seed: int) -> torch.Tensor:
    """`count` of the eligible tokens at random, or all of them when there are fewer; shares (N,) in 0..1.

    The draw is made over the tokens sorted by `order`, so that it is the same however they are spread over ranks; what
    falls on tied tokens is shared among them.

    >>> import torch
    >>> cov = torch.tensor([0.5, 2.0, 3.0, 4.0])
    >>> one = draw(cov > 1, cov, 2, seed=3)
    >>> two = draw(cov.flip(0) > 1, cov.flip(0), 2, seed=3)
    >>> int(one.sum()), bool(one[0]), torch.equal(one, two.flip(0))
    (2, False, True)
    >>> [round(3 * x, 4) for x in draw(cov > 1, torch.tensor([0.5, 2.0, 2.0, 2.0]), 2, seed=3).tolist()]
    [0.0, 2.0, 2.0, 2.0]
    """
    import torch  # here, so that a configuration that names a loss is checked without it

    candidates = order.argsort(stable=True)
    candidates = candidates[eligible[candidates]]
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.zeros(len(candidates), device=order.device)
    drawn[torch.randperm(len(candidates), generator=generator)[:count].to(order.device)] = 1.0
    tie = (order[candidates].diff(prepend=order[candidates][:1]) > TIE).cumsum(0)
    places, members = (torch.zeros_like(drawn).index_add_(0, tie, x) for x in (drawn, torch.ones_like(drawn)))
    return torch.zeros(order.shape, device=order.device).index_copy_(0, candidates, (places / members)[tie])
