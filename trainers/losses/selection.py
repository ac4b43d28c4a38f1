"""Choosing tokens of a whole mini-batch by a score: functions of (n,) tensors, n = this rank's tokens of it.

Which tokens are chosen is what one rank with all of them would choose, but no rank sees another's: the cut through the
scores of all ranks is found by counting, in rounds of 2 KB (`nth_largest`). By themselves, without `Ranks`, the
functions are pure.

Chosen per micro-batch instead, the set would change with the micro-batch size: at a share of 2e-4 eight micro-batches
of 1,024 tokens choose eight tokens, one of 8,192 chooses one.

Ties are shared: tokens behind one prefix have one entropy, whichever row they are in, and a cut through them by the
order of rows would make the gradient depend on it. Tied tokens have equal shares of the places that are theirs, so the
number of chosen tokens stays what it is and neither order nor ranks matter. Scores within `TIE` of each other are tied:
in micro-batches of another width the same text rounds differently.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch


TIE = 1e-5
LOWER = (1 << 63) - 1


class Ranks(Protocol):
    """What a choice asks of the other ranks. Collective, as is every function that is given one."""

    def total(self, values: torch.Tensor) -> torch.Tensor:
        """The element-wise sum over all ranks."""

    def concatenated(self, values: torch.Tensor) -> tuple[torch.Tensor, int]:
        """Every rank's (n, k), n of its own, one below the other, and where this rank's rows begin."""


class Alone:
    """One rank: there is nobody to ask."""

    def total(self, values: torch.Tensor) -> torch.Tensor:
        return values

    def concatenated(self, values: torch.Tensor) -> tuple[torch.Tensor, int]:
        return values, 0


ALONE = Alone()


@dataclass(frozen=True)
class TokenTable:
    """A rank's tokens with a policy gradient, one entry per sample (a row's copies count apart); all (n,)."""

    logp: torch.Tensor
    logp_old: torch.Tensor
    advantage: torch.Tensor
    entropy: torch.Tensor
    ranks: Ranks = ALONE
    """Where the mini-batch's other tokens are."""

    @property
    def count(self) -> int:
        """Tokens of all ranks. Collective."""
        return _counted(self.ranks, len(self.logp), self.logp)

    def counted(self, which: torch.Tensor) -> int:
        """Tokens of all ranks where `which`, (n,) of bool. Collective."""
        return _counted(self.ranks, int(which.sum()), self.logp)

    @property
    def covariance(self) -> torch.Tensor:
        """`covariance` of its tokens. Collective."""
        return covariance(self.logp, self.advantage, self.ranks)


def _counted(ranks: Ranks, number: int, like: torch.Tensor) -> int:
    """The sum of a whole number over all ranks; `like` is where the tokens are."""
    return int(ranks.total(like.new_tensor([number]).long()).item())


def covariance(logp: torch.Tensor, advantage: torch.Tensor, ranks: Ranks = ALONE) -> torch.Tensor:
    """(logp - mean) * (A - mean) of every token: what it adds to the fall of entropy (2505.22617); (n,) -> (n,).

    The means are those of all ranks' tokens.

    >>> import torch
    >>> cov = covariance(torch.tensor([-.1, -.1, -.1, -3.7]), torch.tensor([1., 1., -1., -1.]))
    >>> [round(x, 4) for x in cov.tolist()]
    [0.9, 0.9, -0.9, 2.7]
    """
    sums = [len(logp), logp.double().sum().item(), advantage.double().sum().item()]
    count, of_logp, of_advantage = ranks.total(logp.double().new_tensor(sums)).tolist()
    count = count or 1
    return (logp - of_logp / count) * (advantage - of_advantage / count)


def covariance_count(tokens: int, share: float) -> int:
    """How many tokens Clip-Cov and KL-Cov choose: the share, rounded down, at least one.

    >>> [covariance_count(n, 2e-4) for n in (1024, 5000, 8192, 10000)]
    [1, 1, 1, 2]
    """
    return max(1, int(tokens * share))


def nth_largest(scores: torch.Tensor, place: int, ranks: Ranks = ALONE) -> float:
    """The `place`-th largest of all ranks' scores, 1 = the largest, to the last bit of float64.

    Numbers of 64 bits are put in the order of what they stand for, and their bytes are settled from the first to the
    last: of every byte's 256 values all ranks together count the candidates that are left.

    >>> import torch
    >>> [nth_largest(torch.tensor([0.5, -3.0, 7.25, -1e-9]), place) for place in (1, 2, 4)]
    [7.25, 0.5, -3.0]
    """
    import torch  # as in `draw`

    bits = scores.double().contiguous().view(torch.int64)
    keys = bits ^ ((bits >> 63) & LOWER)  # of negative numbers the lower 63 bits, so that larger is larger
    found = 0
    for shift in range(56, -1, -8):
        byte = ((keys >> shift) & 255) ^ (128 if shift == 56 else 0)  # the first bit is a sign
        counts = ranks.total(byte.bincount(minlength=256)).flip(0).cumsum(0)
        value = 255 - int((counts < place).sum())
        place -= int(counts[254 - value]) if value < 255 else 0
        keys = keys[byte == value]
        found = found << 8 | (value ^ (128 if shift == 56 else 0))
    key = found - (1 << 64) if found >> 63 else found
    return torch.tensor([key ^ (LOWER if key < 0 else 0)]).view(torch.float64).item()


def top(scores: torch.Tensor, count: int, ranks: Ranks = ALONE) -> torch.Tensor:
    """Each token's share of being among all ranks' `count` highest scores, (n,) in 0..1; ties at the cut share it.

    >>> import torch
    >>> top(torch.tensor([0.1, 0.9, 0.5]), 2).tolist(), top(torch.tensor([0.5, 0.9, 0.5, 0.1]), 2).tolist()
    ([0.0, 1.0, 1.0], [0.5, 1.0, 0.5, 0.0])
    """
    count = min(count, _counted(ranks, len(scores), scores))
    last = nth_largest(scores, count, ranks)
    above = scores > last + TIE
    tied = ~above & (scores >= last - TIE)
    higher, equal = (_counted(ranks, int(which.sum()), scores) for which in (above, tied))
    return above.float() + tied.float() * ((count - higher) / equal)


def draw(eligible: torch.Tensor, order: torch.Tensor, count: int, seed: int, ranks: Ranks = ALONE) -> torch.Tensor:
    """`count` of all ranks' eligible tokens at random, or all of them when there are fewer; shares (n,) in 0..1.

    The draw is made over the tokens sorted by `order`, so that it is the same however they are spread over ranks; what
    falls on tied tokens is shared among them. Every rank sees the `order` of the eligible tokens, and of no others.

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

    everywhere, start = ranks.concatenated(order[eligible][:, None])
    places = everywhere[:, 0].argsort(stable=True)
    values = everywhere[places, 0]
    drawn = torch.zeros(len(values), device=order.device)
    drawn[torch.randperm(len(values), generator=torch.Generator().manual_seed(seed))[:count].to(order.device)] = 1.0
    tie = (values.diff(prepend=values[:1]) > TIE).cumsum(0)
    hits, members = (torch.zeros_like(drawn).index_add_(0, tie, x) for x in (drawn, torch.ones_like(drawn)))
    shares = torch.empty_like(drawn).index_copy_(0, places, (hits / members)[tie])
    own = torch.zeros(order.shape, device=order.device)
    own[eligible] = shares[start : start + int(eligible.sum())]
    return own
