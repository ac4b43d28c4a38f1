"""Gates: where is the trained player asked? Each scores positions; those above its threshold are routed."""

from __future__ import annotations

from dataclasses import dataclass

import torch


def dispute(base: torch.Tensor, trained: torch.Tensor) -> torch.Tensor:
    """How likely two players are to draw different tokens when they agree as often as they can: the total variation
    distance of their distributions (N,), from logits (N, V) each.

    >>> one, other = torch.tensor([[0.5, 0.5, 0.0]]).log(), torch.tensor([[0.2, 0.5, 0.3]]).log()
    >>> round(float(dispute(one, other)), 4), float(dispute(one, one))
    (0.3, 0.0)
    """
    return (base.float().softmax(-1) - trained.float().softmax(-1)).abs().sum(-1) / 2


def threshold(scores: torch.Tensor, share: float) -> float:
    """The score that is exceeded at `share` of the positions; scores (N,) without ties.

    >>> scores = torch.tensor([0.1, 0.9, 0.4, 0.6])
    >>> [(scores > threshold(scores, share)).tolist() for share in (0.5, 0.25)]
    [[False, True, False, True], [False, True, False, False]]
    """
    return float(scores.double().quantile(1 - share, interpolation="lower"))


@dataclass(frozen=True)
class Gate:
    """score = (state - centre) / scale @ weight + bias of the position + noise: what a gate knows is what is not 0."""

    weight: torch.Tensor
    """(D,)"""
    positions: torch.Tensor
    """(T,) bias of the first, second ... token; the last is that of all later ones."""
    centre: torch.Tensor
    scale: torch.Tensor
    noise: float = 0.0
    """Width of what is added at random, uniformly."""

    def scores(self, states: torch.Tensor, at: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """(N,) of the base's last hidden states (N, D) at positions `at` (N,) of their texts, from 0."""
        found = (states.float() - self.centre) / self.scale @ self.weight
        found = found + self.positions[at.clamp(max=len(self.positions) - 1)]
        if self.noise:
            found = found + self.noise * torch.rand(len(found), generator=generator)
        return found


TIES = 1e-6
"""Noise that breaks ties of a gate that knows the position alone."""


def fit_gate(states: torch.Tensor, at: torch.Tensor, disputed: torch.Tensor, ridge: float) -> Gate:
    """The logistic model of `disputed` (N,), shares from 0 to 1, by states (N, D) and positions (N,).

    `ridge` times the sum of squared weights is added to the summed loss; positions have no penalty.
    """
    centre, scale = states.mean(0), states.std(0).clamp(min=1e-6)
    weight = torch.zeros(states.shape[1], requires_grad=True)
    positions = torch.zeros(int(at.max()) + 1, requires_grad=True)
    normal = (states - centre) / scale
    optimiser = torch.optim.LBFGS([weight, positions], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        scores = normal @ weight + positions[at]
        found = torch.nn.functional.binary_cross_entropy_with_logits(scores, disputed)
        found = found + ridge / len(states) * weight.square().sum()
        found.backward()
        return found

    optimiser.step(loss)
    return Gate(weight.detach(), positions.detach(), centre, scale)


def position_gate(at: torch.Tensor, disputed: torch.Tensor, like: Gate) -> Gate:
    """The bias alone: a position's mean dispute, whatever the state there.

    >>> like = Gate(torch.ones(2), torch.zeros(2), torch.zeros(2), torch.ones(2))
    >>> position_gate(torch.tensor([0, 0, 1]), torch.tensor([0.2, 0.4, 0.9]), like).positions.tolist()
    [0.30000001192092896, 0.8999999761581421]
    """
    count = len(like.positions)
    total = torch.zeros(count).index_add_(0, at, disputed.float())
    mean = total / torch.bincount(at, minlength=count).clamp(min=1)
    return Gate(torch.zeros_like(like.weight), mean, like.centre, like.scale, TIES)


def random_vector(like: Gate, seed: int) -> Gate:
    """A random direction as long as the learned one, which knows no position."""
    drawn = torch.randn(like.weight.shape, generator=torch.Generator().manual_seed(seed))
    return Gate(drawn / drawn.norm() * like.weight.norm(), torch.zeros(1), like.centre, like.scale, TIES)


def random_gate(like: Gate) -> Gate:
    """A coin."""
    return Gate(torch.zeros_like(like.weight), torch.zeros(1), like.centre, like.scale, 1.0)
