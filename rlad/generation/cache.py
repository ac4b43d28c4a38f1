"""Keys and values of a growing batch, with room for tokens to come: a step writes its own instead of copying all."""

from __future__ import annotations

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

GROWTH = 1.25
"""Factor by which a full buffer grows, beyond `LEAST` tokens."""
LEAST = 16


class RoomyLayer(DynamicLayer):
    """A `DynamicLayer` whose `keys` and `values`, (B, heads, T, size), are the filled part of larger buffers.

    transformers' own concatenates at every token: half of the time of decoding behind a prompt of 512 tokens.
    """

    _room: tuple[torch.Tensor, torch.Tensor] | None = None

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args, **kwargs):
        if not self.is_initialized or not self.keys.numel():
            return super().update(key_states, value_states, *args, **kwargs)
        seen, end = self.keys.shape[-2], self.keys.shape[-2] + key_states.shape[-2]
        if self._room is None or end > self._room[0].shape[-2]:
            length = int(end * GROWTH) + LEAST
            self._room = tuple(_larger(old, length) for old in (self.keys, self.values))
        for buffer, new in zip(self._room, (key_states, value_states), strict=True):
            buffer[:, :, seen:end] = new
        self.keys, self.values = (buffer[:, :, :end] for buffer in self._room)
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        super().batch_select_indices(indices)
        self._room = None


def _larger(old: torch.Tensor, length: int) -> torch.Tensor:
    new = old.new_empty(*old.shape[:2], length, old.shape[-1])
    new[:, :, : old.shape[-2]] = old
    return new


def roomy_cache(config) -> DynamicCache:
    """A model's cache; layers that forget (sliding windows) or hold other things than keys stay transformers' own."""
    cache = DynamicCache(config=config)
    cache.layers = [RoomyLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache
