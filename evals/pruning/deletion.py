"""Orders in which tokens are deleted: by likelihood, step by step or all at once, and the controls. Pure.

Greedy pruning (2601.03066) deletes t* = argmax_t S(R without t) again and again, S being a log-likelihood of what is
left. That takes O(n^2) scorings of a chain of n tokens, so many chains go side by side and each round is one batch.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from math import ceil

MOST = 500
"""Tokens of the longest chain that is pruned greedily: 500 to 350 are 63,825 scorings already."""

Kept = tuple[int, ...]
"""Places of a chain's tokens that are left, ascending."""
Scored = Callable[[list[tuple[int, Kept]]], list[float]]
"""log-likelihoods (nats) of (chain, places that are left) pairs, in one batch."""


def left(tokens: int, share: float) -> int:
    """How many of a chain's tokens a share of them is, rounded up.

    >>> left(24, 0.7), left(10, 0.9), left(3, 0.0)
    (17, 9, 0)
    """
    return ceil(share * tokens - 1e-9)


def scorings(tokens: int, remain: int) -> int:
    """How many texts greedy deletion scores on the way from `tokens` to `remain` of them.

    >>> scorings(100, 70), scorings(500, 350)
    (2565, 63825)
    """
    return sum(range(remain + 1, tokens + 1))


def without(kept: Kept) -> list[Kept]:
    """What is left when one place goes, for each of them.

    >>> without((0, 2, 5))
    [(2, 5), (0, 5), (0, 2)]
    """
    return [kept[:i] + kept[i + 1 :] for i in range(len(kept))]


def greedy(lengths: Sequence[int], share: float, score: Scored) -> list[list[int]]:
    """The places that go, in order, of every chain (`lengths`: its tokens) until `share` of it is left.

    Of equally good deletions the earliest place goes. The chains advance together, so `score` is called once a round.

    >>> weights = [3.0, 1.0, 2.0]  # S = the sum of what is left: the lightest goes first
    >>> greedy([3], 0.0, lambda asked: [sum(weights[t] for t in kept) for _, kept in asked])
    [[1, 2, 0]]
    """
    kept: list[Kept] = [tuple(range(length)) for length in lengths]
    orders: list[list[int]] = [[] for _ in lengths]
    while unfinished := [i for i, length in enumerate(lengths) if len(kept[i]) > left(length, share)]:
        scores = iter(score([(i, rest) for i in unfinished for rest in without(kept[i])]))
        for i in unfinished:
            own = [next(scores) for _ in kept[i]]
            place = kept[i][own.index(max(own))]
            orders[i].append(place)
            kept[i] = tuple(t for t in kept[i] if t != place)
    return orders


def frozen(lengths: Sequence[int], score: Scored) -> list[list[int]]:
    """All places in the order of their first scores, which are never renewed: what greedy deletion is compared with.

    >>> frozen([3], lambda asked: [-float(0 in kept) for _, kept in asked])  # S is best without 0; then in order
    [[0, 1, 2]]
    """
    scores = iter(score([(i, rest) for i, length in enumerate(lengths) for rest in without(tuple(range(length)))]))
    found = []
    for length in lengths:
        own = [next(scores) for _ in range(length)]
        found.append(sorted(range(length), key=lambda place, own=own: -own[place]))
    return found


def shuffled(lengths: Sequence[int], seed: int) -> list[list[int]]:
    """All places in an order of chance, of every chain its own.

    >>> [sorted(order) for order in shuffled([3, 2], seed=0)]
    [[0, 1, 2], [0, 1]]
    """
    return [random.Random(f"{seed}|{i}").sample(range(length), length) for i, length in enumerate(lengths)]


def truncated(lengths: Sequence[int]) -> list[list[int]]:
    """All places from the last to the first.

    >>> truncated([3])
    [[2, 1, 0]]
    """
    return [list(range(length))[::-1] for length in lengths]


def remaining(order: Sequence[int], tokens: int, share: float) -> Kept:
    """The places that are left when a chain is shortened to a share by an order.

    >>> remaining([1, 2, 0], 3, 0.5)  # of 3 tokens 2 are left
    (0, 2)
    """
    gone = set(order[: tokens - left(tokens, share)])
    return tuple(place for place in range(tokens) if place not in gone)
