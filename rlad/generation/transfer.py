"""How new weights reach an engine: through a folder in shared memory, CUDA IPC, or NCCL.

`Transfer.send(source, version)` is all that engines know of it: it takes (name, full tensor) pairs, returns when the
engine samples from them, and raises EngineFailed when that takes too long. The source gathers a bucket from ZeRO-3's
shards and hands it over when the gathering is done, so that no other communication ever happens inside a gather.

The GPU transfers speak vLLM's own weight-transfer protocol (start_weight_update, update_weights ..., finish); see
rlad/generation/transfer_gpu.py.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import torch

from rlad.config import EngineConfig
from rlad.generation.vllm_link import Link
from rlad.generation.vllm_weights import write_weights


class Transfer(Protocol):
    sleeps: bool
    """Whether the engine shares its memory with the trainer by sleeping."""

    def send(self, source: Iterable[tuple[str, torch.Tensor]], version: int) -> None:
        """Puts all weights in place as `version`, the engine awake, its prefix cache empty."""


class FolderTransfer:
    """Through safetensors files in shared memory, for engines on CPUs: the engine reloads its model from them."""

    sleeps = False

    def __init__(self, link: Link, folder: Path, limit: float):
        self.link, self.folder, self.limit = link, folder, limit

    def send(self, source: Iterable[tuple[str, torch.Tensor]], version: int) -> None:
        target = self.folder / f"weights-{version}"
        try:
            write_weights(source, target)
            self.link.call("load_folder", self.limit, folder=str(target), version=version)
        finally:
            shutil.rmtree(target, ignore_errors=True)


def make_transfer(config: EngineConfig, device: str, link: Link, folder: Path) -> Transfer:
    """The transfer for an engine process on `device` (cpu or cuda)."""
    if device == "cpu":
        return FolderTransfer(link, folder, config.timeout)
    from rlad.generation.transfer_gpu import IpcTransfer, NcclTransfer

    if config.transfer_on_gpu() == "ipc":
        return IpcTransfer(link, config.timeout)
    return NcclTransfer(link, config.timeout, config.tensor_parallel)
