"""Models with adapters, or steering vectors, that have learnt something."""

import copy

import torch

from rlad.players.adapters import add_adapter, is_adapters
from rlad.players.steering import add_vectors


def adapted(base, lora, seed=0):
    """A copy of the base with an adapter that is far from nothing."""
    return _drawn(add_adapter(copy.deepcopy(base), lora, seed), seed, 0.2)


def steered(base, steering, seed=0):
    """A copy of the base with vectors that are far from nothing."""
    return _drawn(add_vectors(copy.deepcopy(base), steering), seed, 1.0)


def _drawn(model, seed, scale):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if is_adapters(name):
                parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
    return model
