"""Models with adapters that have learnt something."""

import copy

import torch

from rlad.players.adapters import add_adapter, is_adapters


def adapted(base, lora, seed=0):
    """A copy of the base with an adapter that is far from nothing."""
    model = add_adapter(copy.deepcopy(base), lora, seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if is_adapters(name):
                parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))
    return model
