"""What models cost, in floating-point operations: a multiplication and an addition are two. Pure, by hand."""

from __future__ import annotations


def core_parameters(width: int, layers: int, vector: int = 1024) -> int:
    """12 L d^2 of the blocks (4 d^2 attention, 8 d^2 the two layers behind it) and 2 V d into and out of them.

    >>> [core_parameters(d, layers) for d, layers in ((128, 4), (512, 8), (2048, 32))]
    [1048576, 26214400, 1614807040]
    """
    return 12 * layers * width**2 + 2 * vector * width


def attended(positions: int) -> int:
    """Pairs of a query and a key that a causal model of so many positions looks at.

    >>> attended(3)
    6
    """
    return positions * (positions + 1) // 2


def forward(parameters: int, positions: int, pairs: int, width: int, layers: int) -> int:
    """One document: 2 per parameter and position, 4 d per pair and layer (q.k, and p.v).

    By hand, d = 4, L = 1, V = 8, two positions: 12 * 16 + 2 * 8 * 4 = 256 parameters, 2 * 256 * 2 = 1,024; three pairs,
    4 * 4 * 3 = 48.

    >>> forward(core_parameters(4, 1, 8), 2, attended(2), 4, 1)
    1072
    """
    return 2 * parameters * positions + 4 * width * pairs * layers


def training(forward_flops: int) -> int:
    """Forward and backward: the backward pass costs twice the forward one, for inputs and for weights.

    >>> training(1072)
    3216
    """
    return 3 * forward_flops


def steps_for(budget: float, per_document: int, batch: int) -> int:
    """Training steps that a budget pays, one at least.

    >>> steps_for(1e6, 3216, 16), steps_for(1.0, 3216, 16)
    (19, 1)
    """
    return max(1, int(budget // (per_document * batch)))
