"""What a model engine would write into a checkpoint, copied into this machine's memory instead.

DeepSpeed hands every file of a checkpoint to its `checkpoint_engine`. Its own engines that write beside training do not
fit here. The decoupled one shares the CPU's tensors with its process instead of copying them, so the next step has to
wait; a write that fails is passed over or found by a time limit; a model engine that stands still never commits; and it
reads as weights only, which ZeRO's files are not. DataStates is a package of its own, for GPUs. So this one copies, and
whoever asked for the copy writes it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from deepspeed.runtime.checkpoint_engine.torch_checkpoint_engine import TorchCheckpointEngine

Files = dict[str, Callable[[str], None]]
"""Path -> what writes that file, from a copy that nothing else changes."""


def host_copy(state: Any) -> Any:
    """A copy that nothing else changes, with all tensors in this machine's memory.

    >>> weights = torch.ones(2)
    >>> kept = host_copy({"step": 3, "groups": [(weights, 0.9)]})
    >>> weights.zero_().tolist(), kept["groups"][0][0].tolist()
    ([0.0, 0.0], [1.0, 1.0])
    """
    if isinstance(state, torch.Tensor):
        return state.detach().to("cpu", copy=True)
    if isinstance(state, dict):
        copied = copy.copy(state)  # of the same kind, with what else it carries
        copied.update({name: host_copy(value) for name, value in state.items()})
        return copied
    if type(state) in (list, tuple):
        return type(state)(host_copy(value) for value in state)
    return copy.deepcopy(state)


class Snapshots(TorchCheckpointEngine):
    """DeepSpeed's checkpoint engine for a model engine's next checkpoint: `files` to be written, instead of written
    ones."""

    def __init__(self, like: TorchCheckpointEngine):
        self.name, self.zipfile_serialization = like.name, like.zipfile_serialization
        self.files: Files = {}

    def save(self, state_dict: Any, path: str) -> None:
        self.files[path] = partial(torch.save, host_copy(state_dict))


@contextmanager
def snapshots(model_engine) -> Iterator[Files]:
    """Inside, `model_engine.save_checkpoint` makes folders and copies states: the yielded files are to be written."""
    original = model_engine.checkpoint_engine
    model_engine.checkpoint_engine = taken = Snapshots(original)
    try:
        yield taken.files
    finally:
        model_engine.checkpoint_engine = original
