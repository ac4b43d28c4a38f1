"""Effective rank of hidden states, its velocity and acceleration, and VERL's shaping of the advantage (2509.23808).

How many directions a response's hidden states use, and whether the text still adds new ones. Effective rank grows with
the number of tokens: compare texts of like length.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch

LAST = 512
"""The scan looks at the last tokens of a text only, as the authors' code does."""


def effective_rank(hidden: torch.Tensor, centred: bool = True) -> float:
    """exp(-sum p log p) with p = sigma / sum sigma (not squared) of (T, D) states, centred over tokens.

    0 where the states do not differ at all.

    >>> round(effective_rank(torch.eye(6)), 6), round(effective_rank(torch.eye(6), centred=False), 6)
    (5.0, 6.0)
    """
    states = hidden.double()
    if centred:
        states = states - states.mean(0)
    sigma = torch.linalg.svdvals(states)
    total = float(sigma.sum())
    if total <= 1e-12 * max(1.0, float(hidden.abs().max())):
        return 0.0
    p = sigma / total
    p = p[p > 0]
    return math.exp(-float((p * p.log()).sum()))


def rank_scan(hidden: torch.Tensor, stride: int) -> list[float]:
    """Effective rank of the first stride, 2 stride, ... of the last 512 of (T, D) states; [] below two strides.

    The authors' first code takes one state more into each window, their later one the first 512 (docs/rewards.md).

    >>> [round(value, 4) for value in rank_scan(torch.eye(6), 3)]
    [2.0, 5.0]
    """
    states = hidden[-LAST:]
    if len(states) < 2 * stride:
        return []
    return [effective_rank(states[:end]) for end in range(stride, len(states) + 1, stride)]


def velocity_and_acceleration(ranks: Sequence[float]) -> tuple[float, float]:
    """(ERV, ERA): mean of delta_j = ER_j - mean(ER_1 ... ER_{j-1}) for j >= 2, and mean change of delta.

    Zero where there are too few ranks to take a difference.

    >>> velocity_and_acceleration([1, 2, 3, 4]), velocity_and_acceleration([5, 5, 5])
    ((1.5, 0.5), (0.0, 0.0))
    >>> [round(value, 4) for value in velocity_and_acceleration([1, 2, 2, 2])]
    [0.6111, -0.3333]
    """
    deltas = [rank - sum(ranks[:j]) / j for j, rank in enumerate(ranks) if j]
    changes = [b - a for a, b in pairwise(deltas)]
    return _mean(deltas), _mean(changes)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


@dataclass(frozen=True)
class RankDynamics:
    """One text's effective rank, velocity and acceleration."""

    er: float
    erv: float
    era: float


def rank_dynamics(hidden: torch.Tensor, stride: int) -> RankDynamics:
    """All three of (T, D) states; velocity and acceleration are 0 below two strides.

    >>> rank_dynamics(torch.zeros(4, 3), 2)
    RankDynamics(er=0.0, erv=0.0, era=0.0)
    """
    return RankDynamics(effective_rank(hidden), *velocity_and_acceleration(rank_scan(hidden, stride)))


def deviation(value: float, average: float) -> float:
    """A metric against its moving average, relative, within [-5, 5].

    >>> deviation(3.0, 2.0), deviation(1.0, 0.0)
    (0.4999999975, 5.0)
    """
    return min(5.0, max(-5.0, (value - average) / (abs(average) + 1e-8)))


def exploration_bonus(d_er: float, d_erv: float, d_era: float) -> float:
    """Phi = w tanh d_ER + (1 - w) tanh d_ERV with w = sigmoid(2 d_ERA).

    >>> round(exploration_bonus(0.5, 0.2, 0.0), 4)
    0.3297
    """
    weight = 1 / (1 + math.exp(-2 * d_era))
    return weight * math.tanh(d_er) + (1 - weight) * math.tanh(d_erv)


def shaped_advantage(advantage: float, bonus: float) -> float:
    """A + min(max(Phi, 0), |A|/2): the sign of an advantage never changes. VERL puts it on the last token only.

    As shipped by the authors it has no effect (their auxiliary reward is switched off); this is the paper's formula.

    >>> [shaped_advantage(*pair) for pair in [(1, 0.3), (1, 0.9), (1, -0.4), (-1, 0.9), (0, 0.9)]]
    [1.3, 1.5, 1, -0.5, 0.0]
    """
    return advantage + min(max(bonus, 0), abs(advantage) / 2)
