"""How new weights reach an engine: through a folder in shared memory, CUDA IPC, or NCCL.

`Transfer.send(source, version)` is all that engines know of it: it takes (name, full tensor) pairs, returns when the
engine samples from them, and raises SamplerFailed when that takes too long. The source gathers a bucket from ZeRO-3's
shards and hands it over when the gathering is done, so that no other communication ever happens inside a gather.

The GPU transfers speak vLLM's own weight-transfer protocol (start_weight_update, update_weights ..., finish); see
rlad/generation/vllm/transfer_gpu.py.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from rlad.config import EngineConfig, LoraConfig
from rlad.generation.vllm.link import Link
from rlad.generation.vllm.weights import write_weights
from rlad.players.adapters import write_adapter


class Transfer(Protocol):
    sleeps: bool
    """Whether the engine shares its memory with the trainer by sleeping."""

    def send(self, source: Iterable[tuple[str, torch.Tensor]], version: int) -> None:
        """Puts all weights in place as `version`, the engine awake, its prefix cache free of what older ones read."""


@dataclass(frozen=True)
class FolderTransfer:
    """Through safetensors files in shared memory: the engine reloads its model, or one of its adapters, from them."""

    link: Link
    folder: Path
    limit: float
    """Seconds."""
    adapter: str | None = None
    """The name of the adapter that is sent; None = a whole model."""
    lora: LoraConfig | None = None
    """What that adapter is."""
    sleeps = False

    def send(self, source: Iterable[tuple[str, torch.Tensor]], version: int) -> None:
        target = self.folder / f"{self.adapter or 'weights'}-{version}"
        try:
            if self.adapter is None:
                write_weights(source, target)
            else:
                write_adapter(source, target, self.lora)
            self.link.call("load_folder", self.limit, folder=str(target), version=version, adapter=self.adapter)
        finally:
            shutil.rmtree(target, ignore_errors=True)


def make_transfer(config: EngineConfig, device: str, link: Link, folder: Path) -> Transfer:
    """The transfer for an engine process on `device` (cpu or cuda)."""
    if device == "cpu":
        return FolderTransfer(link, folder, config.timeout)
    from rlad.generation.vllm.transfer_gpu import IpcTransfer, NcclTransfer

    if config.transfer_on_gpu() == "ipc":
        return IpcTransfer(link, config.timeout)
    return NcclTransfer(link, config.timeout, config.tensor_parallel)
