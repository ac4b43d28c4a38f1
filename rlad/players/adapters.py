"""Adapters: players as small additions to one frozen base, LoRA (2106.09685) or steering vectors (steering.py).

`adapt` changes a model in place and keeps its class, so everything that runs a model runs one with an adapter. LoRA's
parameters are named as peft names them: NAME.base_layer.weight, NAME.lora_A.default.weight, NAME.lora_B.default.weight.
"""

from __future__ import annotations

import difflib
import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import save_file

from rlad.config import ConfigError, LoraConfig, SteeringConfig
from rlad.players.steering import VECTOR, add_vectors, has_vectors, merged_biases, unbiased

if TYPE_CHECKING:
    from transformers import PreTrainedModel

BASE = ".base_layer."
PARTS = (".lora_A.default.weight", ".lora_B.default.weight")
FOLDER = "adapter"
"""Where an exported player has its adapter by itself, beside the model that it is merged into."""


def adapt(model: PreTrainedModel, lora: LoraConfig, steering: SteeringConfig, seed: int) -> PreTrainedModel:
    """Makes of `model`, in place, what a player trains: LoRA, steering vectors, or (neither is asked for) all of it."""
    return add_vectors(add_adapter(model, lora, seed), steering)


def add_adapter(model: PreTrainedModel, config: LoraConfig, seed: int) -> PreTrainedModel:
    """Freezes `model` and puts an adapter beside its target layers, in place; with rank 0 nothing happens.

    A is drawn with `seed`, B is zero: the model begins as its base. Raises ConfigError for a target that it lacks.
    """
    if not config.rank:
        return model
    require_targets(model, config.targets)
    import peft

    wanted = peft.LoraConfig(r=config.rank, lora_alpha=config.alpha, target_modules=list(config.targets))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        peft.inject_adapter_in_model(wanted, model)
    return model


def require_targets(model: PreTrainedModel, targets: list[str]) -> None:
    """Raises ConfigError for a target that the model has no linear layers of; asks for its form alone."""
    head = model.get_output_embeddings()
    layers = {
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and module is not head
    }
    if not layers:
        raise ConfigError(
            f"lora.rank wants linear layers, and {type(model).__name__} has none outside its output head."
        )
    for target in targets:
        if target not in layers:
            near = difflib.get_close_matches(target, sorted(layers), n=1, cutoff=0.0)[0]
            raise ConfigError(
                f"lora.targets names '{target}', but the model has no such linear layers; the nearest is '{near}' "
                f"(it has {', '.join(sorted(layers))})."
            )


def adapter_scale(model: torch.nn.Module) -> float | None:
    """alpha / rank, by which the model's adapter multiplies B A; None for a model without an adapter."""
    for module in model.modules():
        if hasattr(module, "lora_A"):
            return module.scaling["default"]
    return None


def has_adapter(model: torch.nn.Module) -> bool:
    """Whether what learns in a model is an adapter or steering vectors, beside a base that stays."""
    return adapter_scale(model) is not None or has_vectors(model)


def is_adapters(name: str) -> bool:
    """Whether a parameter belongs to an adapter, or is a steering vector.

    >>> is_adapters("layers.0.q_proj.lora_A.default.weight"), is_adapters("layers.0.q_proj.base_layer.weight")
    (True, False)
    """
    return name.endswith((*PARTS, VECTOR))


def plain_weights(
    source: Iterable[tuple[str, torch.Tensor]], model: torch.nn.Module
) -> Iterator[tuple[str, torch.Tensor]]:
    """(name, full tensor) pairs of `model` as those of the plain model that it amounts to, its adapter merged.

    model: is only asked for its form, so it may be partitioned.
    """
    if has_vectors(model):
        return merged_biases(source, unbiased(model))
    return merged_weights(source, adapter_scale(model))


def merged_weights(
    source: Iterable[tuple[str, torch.Tensor]], scale: float | None
) -> Iterator[tuple[str, torch.Tensor]]:
    """(name, full tensor) pairs of a model with an adapter as those of a plain one: W + scale * B A, in float32.

    scale: from `adapter_scale`; with None the pairs pass as they are. Raises ValueError when a part is missing.

    >>> parts = [("q.base_layer.weight", torch.eye(2)), ("q.lora_A.default.weight", torch.tensor([[1.0, 2.0]])),
    ...          ("q.lora_B.default.weight", torch.tensor([[1.0], [0.0]])), ("norm.weight", torch.ones(1))]
    >>> [(name, tensor.tolist()) for name, tensor in merged_weights(parts, 0.5)]  # I + 0.5 [[1, 2], [0, 0]]
    [('q.weight', [[1.5, 1.0], [0.0, 1.0]]), ('norm.weight', [1.0])]
    """
    layers: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in source:
        part = next((part for part in (f"{BASE}weight", *PARTS) if name.endswith(part)), None)
        if scale is None or part is None:
            yield name.replace(BASE, "."), tensor
            continue
        layer = name.removesuffix(part)
        held = layers.setdefault(layer, {})
        held[part] = tensor.detach()
        if len(held) == 3:
            del layers[layer]
            weight, a, b = (held[key] for key in (f"{BASE}weight", *PARTS))
            yield f"{layer}.weight", (weight.float() + scale * (b.float() @ a.float())).to(weight.dtype)
    if layers:
        raise ValueError(f"The adapter of '{next(iter(layers))}' is incomplete.")


def adapter_entries(source: Iterable[tuple[str, torch.Tensor]]) -> Iterator[tuple[str, torch.Tensor]]:
    """Only the adapter's pairs, under the names that adapter files use.

    >>> [name for name, _ in adapter_entries([("q.base_layer.weight", None), ("q.lora_A.default.weight", None)])]
    ['base_model.model.q.lora_A.weight']
    """
    for name, tensor in source:
        if is_adapters(name):
            yield f"base_model.model.{name.replace('.default.', '.')}", tensor


def write_adapter(source: Iterable[tuple[str, torch.Tensor]], folder: Path, lora: LoraConfig) -> None:
    """Writes the adapter among `source` as the folder that peft would write, which is what vLLM reads, in place of an
    older one."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in adapter_entries(source)}
    save_file(tensors, folder / "adapter_model.safetensors")
    form = {"peft_type": "LORA", "r": lora.rank, "lora_alpha": lora.alpha, "target_modules": list(lora.targets)}
    (folder / "adapter_config.json").write_text(json.dumps(form))
