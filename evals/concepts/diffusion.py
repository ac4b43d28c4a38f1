"""Diffusion in the space of sentence vectors: schedule, steps back, guidance, and repulsion inside a set. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch

Denoise = Callable[[torch.Tensor, int], torch.Tensor]
"""(noisy (R, V), its level) -> the vectors (R, V) without noise."""
Push = Callable[[torch.Tensor], torch.Tensor]
"""Vectors without noise (R, V) -> where they are to be moved, (R, V)."""
OFFSET = 0.008


def signal(levels: int) -> list[float]:
    """Share of the variance that is signal at level 0 (all of it) to `levels` (none), by the cosine schedule
    (2102.09672).

    >>> [round(value, 3) for value in signal(4)]
    [1.0, 0.847, 0.494, 0.144, 0.0]
    """
    raw = [math.cos((t / levels + OFFSET) / (1 + OFFSET) * math.pi / 2) ** 2 for t in range(levels + 1)]
    return [value / raw[0] for value in raw]


def step_back(noisy: torch.Tensor, clean: torch.Tensor, now: float, then: float, draw: torch.Tensor) -> torch.Tensor:
    """A sample of q(x_s | x_t, x_0) with a foretold x_0: one step from signal share `now` to the larger `then`.

    By hand, from .25 to .64 with x_t = 1, x_0 = 2: the step's own share is .25 / .64 = .390625, so that the mean is
    .625 * .36 / .75 * 1 + .8 * .609375 / .75 * 2 = .3 + 1.3 = 1.6, its variance .609375 * .36 / .75 = .2925.

    >>> one = torch.tensor(1.0)
    >>> mean, off = step_back(one, 2 * one, 0.25, 0.64, 0 * one), step_back(one, 2 * one, 0.25, 0.64, one)
    >>> round(float(mean), 4), round(float((off - mean) ** 2), 4)
    (1.6, 0.2925)
    >>> float(step_back(one, 2 * one, 0.25, 1.0, one))  # the last step arrives at what was foretold
    2.0
    """
    own = now / then
    mean = math.sqrt(own) * (1 - then) / (1 - now) * noisy + math.sqrt(then) * (1 - own) / (1 - now) * clean
    return mean + math.sqrt(max(0.0, (1 - own) * (1 - then) / (1 - now))) * draw


def guided(with_context: torch.Tensor, without: torch.Tensor, strength: float) -> torch.Tensor:
    """Classifier-free guidance: away from what would be foretold without the context.

    >>> float(guided(torch.tensor(2.0), torch.tensor(1.5), 3.0))
    3.0
    """
    return without + strength * (with_context - without)


def repulsion(points: torch.Tensor, owners: torch.Tensor, others: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
    """(R, V) where each of points (R, V) is driven by those of the same owner (R,) and by `others` (F, V), which stay.

    The mean over a point's mates of (x - y) exp(-|x - y|^2 / h), h their mean squared distance from it: a kernel's
    gradient, as in particle guidance (2310.13102), in units of the vectors themselves. A point alone is not driven.

    By hand: at 1 and -1 the squared distance is 4, and so is h; 2 e^-1 = .7358.

    >>> none = torch.empty(0, 1), torch.empty(0, dtype=torch.long)
    >>> repulsion(torch.tensor([[1.0], [-1.0], [5.0]]), torch.tensor([0, 0, 1]), *none).round(decimals=4).flatten()
    tensor([ 0.7358, -0.7358,  0.0000])
    """
    known, whose = torch.cat([points, others]), torch.cat([owners, theirs])
    mates = owners[:, None] == whose
    mates[torch.arange(len(points)), torch.arange(len(points))] = False
    squared = torch.cdist(points, known).square()
    count = mates.sum(1, keepdim=True).clamp(min=1)
    scale = ((squared * mates).sum(1, keepdim=True) / count).clamp(min=1e-12)
    weight = torch.exp(-squared / scale) * mates / count
    return weight.sum(1, keepdim=True) * points - weight @ known


def sample(denoise: Denoise, shape: tuple[int, int], levels: int, steps: int, generator: torch.Generator,
           push: Push | None = None, strength: float = 0.0) -> torch.Tensor:  # fmt: skip
    """Vectors (R, V) from noise, in `steps` of the `levels`, no more than these. What is foretold is moved by
    strength * push, less and less as the noise's deviation falls; strength 0 is no push, bit for bit."""
    shares = signal(levels)
    path = [round(levels * (1 - i / steps)) for i in range(steps + 1)]
    noisy = torch.randn(shape, generator=generator)
    for now, then in pairwise(path):
        clean = denoise(noisy, now)
        if push is not None and strength:
            clean = clean + strength * math.sqrt(1 - shares[now]) * push(clean)
        noisy = step_back(noisy, clean, shares[now], shares[then], torch.randn(shape, generator=generator))
    return noisy
