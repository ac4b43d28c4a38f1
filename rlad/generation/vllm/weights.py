"""Weights on their way to vLLM as folders of safetensors files: a whole model to start from, new weights to reload.

Tied embeddings are sent untied. vLLM's CPU build packs the output head once and, when the head is tied to the input
embedding, a reload changes the embedding but not the packed head: the output is silently wrong. So the engine gets a
configuration without the tie and every publish a head of its own.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from rlad.config.steering import own_class
from rlad.players.adapters import plain_weights

if TYPE_CHECKING:
    from transformers import PreTrainedModel

FILE_BYTES = 256 * 2**20


def tied_head(model: PreTrainedModel) -> tuple[str, str] | None:
    """Names of the input embedding and of the output head that is tied to it; None when there is no tie."""
    if not getattr(model.config, "tie_word_embeddings", False) or model.get_output_embeddings() is None:
        return None
    names = {id(module): name for name, module in model.named_modules()}
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    return f"{names[id(embedding)]}.weight", f"{names[id(head)]}.weight"


def untied(
    source: Iterable[tuple[str, torch.Tensor]], tie: tuple[str, str] | None
) -> Iterator[tuple[str, torch.Tensor]]:
    """`source` with the tied head as a tensor of its own.

    >>> [name for name, _ in untied([("embed", torch.ones(1)), ("norm", torch.ones(1))], ("embed", "head"))]
    ['embed', 'head', 'norm']
    """
    for name, tensor in source:
        if tie is not None and name == tie[1]:
            continue
        yield name, tensor
        if tie is not None and name == tie[0]:
            yield tie[1], tensor.detach().clone()


def write_weights(source: Iterable[tuple[str, torch.Tensor]], folder: Path, file_bytes: int = FILE_BYTES) -> None:
    """Writes (name, full tensor) pairs into files of about `file_bytes`; tensors may be on any device."""
    folder.mkdir(parents=True)
    pending: dict[str, torch.Tensor] = {}
    size = count = 0
    for name, tensor in source:
        pending[name] = tensor.detach().cpu().contiguous()
        size += tensor.numel() * tensor.element_size()
        if size >= file_bytes:
            save_file(pending, folder / f"model-{count:05d}.safetensors")
            pending, size, count = {}, 0, count + 1
    if pending:
        save_file(pending, folder / f"model-{count:05d}.safetensors")


def weight_names(folder: Path) -> set[str]:
    """Names of all tensors in a folder's safetensors files; only their headers are read."""
    names: set[str] = set()
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="np") as tensors:
            names.update(tensors.keys())
    return names


def read_weights(folder: Path) -> Iterator[tuple[str, torch.Tensor]]:
    """(name, tensor) of all tensors in a folder's safetensors files, one at a time."""
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as tensors:
            yield from ((name, tensors.get_tensor(name)) for name in tensors.keys())  # noqa: SIM118 (not a mapping)


def write_model(model: PreTrainedModel, folder: Path) -> None:
    """A model folder that vLLM can start from (no tokenizer: it is given token ids), with an untied head.

    A model with an adapter is written as the plain one that it amounts to.
    """
    write_weights(untied(plain_weights(model.named_parameters(), model), tied_head(model)), folder)
    config = copy.deepcopy(model.config)
    config.tie_word_embeddings = False
    # vLLM's name for running the class of transformers, which has biases that its own class leaves out.
    config.architectures = [type(model).__name__ if own_class(config.to_dict()) else "TransformersForCausalLM"]
    config.save_pretrained(folder)
