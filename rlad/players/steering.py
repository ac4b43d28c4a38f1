"""Steering vectors (2509.06608): what a player learns is one vector per layer, added to the residual stream.

`add_vectors` changes a model in place and keeps its class. A vector is added to what a linear layer writes into the
stream, so it is that layer's bias in the plain model: NAME.base_layer.weight, NAME.vector are NAME.weight, NAME.bias.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import torch

from rlad.config import SteeringConfig
from rlad.config.steering import Site, chosen_layers, site_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

VECTOR = ".vector"


class Steered(torch.nn.Module):
    """A linear layer with a vector added to what it gives; `base_layer` is the layer as it was."""

    def __init__(self, base_layer: torch.nn.Module, width: int):
        super().__init__()
        self.base_layer = base_layer
        self.vector = torch.nn.Parameter(base_layer.weight.new_zeros(width))

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        return self.base_layer(given) + self.vector


def add_vectors(model: PreTrainedModel, config: SteeringConfig) -> PreTrainedModel:
    """Freezes `model` and adds a vector of zeros to each of the layers, in place; without layers nothing happens.

    From then on the model's description is that of the plain model that it amounts to: with biases where vectors are.
    Raises ConfigError for an architecture without biases to merge into, and for a layer that the model lacks.
    """
    if not config.active:
        return model
    site = site_of(model.config.model_type, config.site)
    layers = _layers(model, site)
    chosen = chosen_layers(config, len(layers))
    model.requires_grad_(False)
    if site.key is not None:
        setattr(model.config, site.key, True)
        for name, module in model.named_modules():
            if name.endswith((site.module, *site.others)) and module.bias is None:
                module.unbiased = True
    for index in chosen:
        parent, _, last = layers[index].rpartition(".")
        owner = model.get_submodule(parent)
        setattr(owner, last, Steered(getattr(owner, last), model.config.hidden_size))
    return model


def _layers(model: PreTrainedModel, site: Site) -> list[str]:
    """Names of the linear layers that may get a vector, by the number of their block."""
    end = f".{site.module}"
    found = [name.removesuffix(end) for name, _ in model.named_modules() if name.endswith(end)]
    return [f"{block}{end}" for block in sorted(found, key=lambda block: int(block.rpartition(".")[2]))]


def has_vectors(model: torch.nn.Module) -> bool:
    """Whether steering vectors were added to a model."""
    return any(isinstance(module, Steered) for module in model.modules())


def unbiased(model: torch.nn.Module) -> frozenset[str]:
    """Names of the layers that have no bias here, and have one (of zeros) in the plain model."""
    return frozenset(name for name, module in model.named_modules() if hasattr(module, "unbiased"))


def merged_biases(
    source: Iterable[tuple[str, torch.Tensor]], without: Iterable[str]
) -> Iterator[tuple[str, torch.Tensor]]:
    """(name, full tensor) pairs of a model with vectors as those of a plain one: bias + vector, in float32.

    without: names of layers without a bias (`unbiased`): their vector, or zeros, is it. Raises ValueError when a vector
    has no layer.

    >>> pairs = [("a.o.vector", torch.ones(2)), ("a.o.base_layer.weight", torch.eye(2)), ("b.o.weight", torch.eye(2)),
    ...          ("c.o.vector", torch.ones(2)), ("c.o.base_layer.bias", torch.ones(2))]
    >>> found = dict(merged_biases(pairs, {"a.o.base_layer", "b.o"}))
    >>> {name: tensor.tolist() for name, tensor in found.items() if "bias" in name}
    {'a.o.bias': [1.0, 1.0], 'b.o.bias': [0.0, 0.0], 'c.o.bias': [2.0, 2.0]}
    >>> sorted(found)
    ['a.o.bias', 'a.o.weight', 'b.o.bias', 'b.o.weight', 'c.o.bias']
    """
    missing = {name.replace(".base_layer", "") for name in without}
    vectors: dict[str, torch.Tensor] = {}
    biases: dict[str, torch.Tensor] = {}
    for name, tensor in source:
        steered = name.endswith(VECTOR) or ".base_layer." in name
        layer, _, part = name.replace(".base_layer.", ".").rpartition(".")
        if part == "vector":
            vectors[layer] = tensor.detach()
        elif part == "bias" and steered:
            biases[layer] = tensor.detach()
        else:
            yield f"{layer}.{part}", tensor
            if part == "weight" and layer in missing:
                biases[layer] = tensor.new_zeros(len(tensor))
                if not steered:
                    yield f"{layer}.bias", biases.pop(layer)
        if layer in vectors and layer in biases:
            bias, vector = biases.pop(layer), vectors.pop(layer)
            yield f"{layer}.bias", (bias.float() + vector.float()).to(bias.dtype)
    if vectors or biases:
        raise ValueError(f"The vector of '{next(iter(vectors or biases))}' is incomplete.")
