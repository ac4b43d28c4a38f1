"""The three concept models (2412.08821): regression, one-tower diffusion, two-tower diffusion.

All take documents as normalised sentence vectors, `clean` (B, S, V) with `real` (B, S) False where a short question is
padded on the left, and foretell the sentences at the places `at` (T,) from those before each: (B, T, V). The diffusions
are given what stands there with noise, `noisy` (B, T, V), and its level (B, T), 1 to `levels`; `kept` (B, T) is False
where guidance wants the context away.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import nn

from evals.concepts.blocks import Block, causal, earlier
from evals.concepts.flops import attended, core_parameters, forward


class Noised(NamedTuple):
    """What stands at the places that are foretold."""

    noisy: torch.Tensor
    level: torch.Tensor
    kept: torch.Tensor


class Seen(NamedTuple):
    """What is known of a document: its places inside the model (B, S, d), and which are real."""

    inside: torch.Tensor
    real: torch.Tensor


class ConceptModel(nn.Module, ABC):
    """What the three share: the way into the model and out of it."""

    diffuses = True

    def __init__(self, vector: int, width: int, layers: int, places: int, levels: int):
        """places: most sentences of a document; levels of noise."""
        super().__init__()
        self.vector, self.width, self.depth = vector, width, layers
        self.into, self.out = nn.Linear(vector, width), nn.Linear(width, vector)
        self.place = nn.Parameter(0.02 * torch.randn(places, width))
        self.level = nn.Embedding(levels + 1, width)
        self.blocks = nn.ModuleList(Block(width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def placed(self, clean: torch.Tensor) -> torch.Tensor:
        """Sentences inside the model, in their places."""
        return self.into(clean) + self.place[: clean.shape[1]]

    def context(self, clean: torch.Tensor, real: torch.Tensor) -> Seen:
        """What is read once, however often the next sentence is denoised."""
        return Seen(self.placed(clean), real)

    @abstractmethod
    def forward(self, seen: Seen, at: torch.Tensor, given: Noised | None = None) -> torch.Tensor:
        """The sentences at the places `at` without their noise, (B, T, V)."""

    @abstractmethod
    def cost(self, known: int, targets: int) -> tuple[int, int]:
        """(operations of reading the context, of foretelling all targets once) for a document of `known` sentences
        before the first target, each target read as context of the next."""


class Base(ConceptModel):
    """Base-LCM: the next vector, by its mean squared error."""

    diffuses = False

    def forward(self, seen: Seen, at: torch.Tensor, given: Noised | None = None) -> torch.Tensor:
        x, mask = seen.inside, causal(seen.real)
        for block in self.blocks:
            x = block(x, mask)
        return self.out(self.norm(x[:, at - 1]))

    def cost(self, known: int, targets: int) -> tuple[int, int]:
        places = known + targets - 1
        parameters = core_parameters(self.width, self.depth, self.vector)
        return 0, forward(parameters, places, attended(places), self.width, self.depth)


class OneTower(ConceptModel):
    """Clean sentences and noisy ones in one transformer: a noisy one sees the clean ones before it, and itself."""

    def forward(self, seen: Seen, at: torch.Tensor, given: Noised | None = None) -> torch.Tensor:
        size, count = seen.real.shape[1], len(at)
        x = torch.cat([seen.inside, self.into(given.noisy) + self.place[at] + self.level(given.level)], 1)
        own = torch.eye(count, dtype=torch.bool).expand(len(x), -1, -1)
        nothing = torch.zeros(len(x), size, count, dtype=torch.bool)
        above = torch.cat([causal(seen.real), nothing], -1)
        mask = torch.cat([above, torch.cat([earlier(seen.real, at, given.kept), own], -1)], 1)
        for block in self.blocks:
            x = block(x, mask)
        return self.out(self.norm(x[:, size:]))

    def cost(self, known: int, targets: int) -> tuple[int, int]:
        places = known + targets - 1
        pairs = attended(places) + sum(known + k + 1 for k in range(targets))
        parameters = core_parameters(self.width, self.depth, self.vector)
        return 0, forward(parameters, places + targets, pairs, self.width, self.depth)


class TwoTower(ConceptModel):
    """A contextualiser reads clean sentences; a denoiser sees the noisy one and, by cross-attention, what was read."""

    def __init__(self, vector: int, width: int, layers: int, places: int, levels: int):
        super().__init__(vector, width, layers, places, levels)
        self.readers = layers // 2
        self.noisy = nn.Linear(vector, width)
        self.nothing = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.between = nn.LayerNorm(width)

    def context(self, clean: torch.Tensor, real: torch.Tensor) -> Seen:
        x, mask = self.placed(clean), causal(real)
        for block in self.blocks[: self.readers]:
            x = block(x, mask)
        return Seen(torch.cat([self.nothing.expand(len(x), -1, -1), self.between(x)], 1), real)

    def forward(self, seen: Seen, at: torch.Tensor, given: Noised | None = None) -> torch.Tensor:
        always = torch.ones(len(seen.real), len(at), 1, dtype=torch.bool)
        mask = torch.cat([always, earlier(seen.real, at, given.kept)], -1)
        x = self.noisy(given.noisy) + self.place[at]
        for block in self.blocks[self.readers :]:
            x = block(x + self.level(given.level), mask, seen.inside)
        return self.out(self.norm(x))

    def cost(self, known: int, targets: int) -> tuple[int, int]:
        places, writers, d = known + targets - 1, self.depth - self.readers, self.width
        reading = forward(core_parameters(d, self.readers, self.vector // 2), places, attended(places), d, self.readers)
        pairs = sum(known + k + 1 for k in range(targets))
        # Keys and values are made of every place that is looked at, and of nothing; queries and the rest of targets.
        writing = 2 * writers * d**2 * (10 * targets + 2 * (places + 1)) + 4 * d * self.vector * targets
        return reading, writing + 4 * d * pairs * writers


MODELS = {"base": Base, "one_tower": OneTower, "two_tower": TwoTower}
