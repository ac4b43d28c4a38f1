"""Checksums of weights, which the owners of a partitioned tensor can make together.

A checksum is the sum of the tensor's raw words, each times an odd number that belongs to its place, modulo 2^48. One
changed bit changes it, so does an exchange of two words; and the sums of parts add up to the sum of the whole, so that
ZeRO-3's shards need not be gathered to know what the whole tensor's checksum is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

import torch

MODULUS = 1 << 48
"""Small enough that ranks may add their parts in 64 bits, and that JSON keeps them."""
CHUNK = 1 << 16
"""Words that are multiplied at once, as many as stay in a cache; a later chunk's sum takes a power of `STRIDE`."""
STRIDE = 0x9E3779B97F4A7C15
WORDS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


@cache
def _factors(device: torch.device) -> torch.Tensor:
    """(CHUNK,) odd numbers, the same everywhere."""
    generator = torch.Generator().manual_seed(48)
    return (torch.randint(0, MODULUS, (CHUNK,), generator=generator) | 1).to(device)


def checksum(tensor: torch.Tensor, start: int = 0) -> int:
    """The checksum of a tensor of any shape and type, or of the part of one that begins at its `start`-th word.

    >>> whole = torch.tensor([1.0, -2.0, 3.0])
    >>> (checksum(whole[:2]) + checksum(whole[2:], start=2)) % MODULUS == checksum(whole)
    True
    >>> checksum(whole) == checksum(torch.tensor([1.0, 3.0, -2.0])), checksum(torch.zeros(3))
    (False, 0)
    """
    words = tensor.detach().reshape(-1)
    words = words.view(WORDS[words.element_size()])
    factors, done = _factors(words.device), 0
    total = torch.zeros((), dtype=torch.int64, device=words.device)  # wraps at 2^64, a multiple of the modulus
    while done < len(words):
        chunk, place = divmod(start + done, CHUNK)
        part = words[done : done + CHUNK - place]
        total += (part * factors[place : place + len(part)]).sum() * pow(STRIDE, chunk, MODULUS)
        done += len(part)
    return int(total) % MODULUS


def checksums(source: Iterable[tuple[str, torch.Tensor]]) -> dict[str, int]:
    """Checksums of (name, tensor) pairs, by name."""
    return {name: checksum(tensor) for name, tensor in source}


def differing(expected: Mapping[str, int], held: Mapping[str, int]) -> list[str]:
    """Names of `expected` whose checksum is another one in `held`, or missing there, in the order of `expected`.

    >>> differing({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 0})
    ['b', 'c']
    """
    return [name for name, value in expected.items() if held.get(name) != value]
