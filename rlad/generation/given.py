"""Completions that are there already, as a batch to be scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from transformers import Cache

SHARES_AT = 0.75
"""Beginnings are shared where that leaves at most such a part of the positions to be computed: it takes two passes."""


@dataclass(frozen=True)
class Given:
    """Completions that stand behind their prompts already, as `token_scores` reads them (its `Completions`)."""

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    position_ids: torch.Tensor
    completion: torch.Tensor
    mask: torch.Tensor
    place: None = None
    cache: Cache | None = None

    @classmethod
    def padded(
        cls, prompts: list[list[int]], completions: Sequence[Sequence[int]], pad_id: int, device: torch.device,
        cache: Cache | None = None, cached: torch.Tensor | None = None,
    ) -> Given:  # fmt: skip
        """Prompts padded on the left to P tokens and completions on the right to C, at least one: (B, P + C).

        cache: what the prompts stand behind, of whose positions `cached` (B, S) is the mask.

        >>> Given.padded([[5, 6], [7]], [[8], [9, 3]], 0, torch.device("cpu")).input_ids.tolist()
        [[5, 6, 8, 0], [0, 7, 9, 3]]
        """
        left, right = max(map(len, prompts)), max(1, *map(len, completions))
        ids = torch.full((len(prompts), left + right), pad_id)
        attention = torch.zeros_like(ids)
        for row, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
            own = slice(left - len(prompt), left + len(completion))
            ids[row, own] = torch.tensor([*prompt, *completion])
            attention[row, own] = 1
        ids, attention = ids.to(device), attention.to(device)
        mask = attention[:, left:].float()
        whole = attention if cached is None else torch.cat([cached, attention], dim=1)
        position = (whole.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        return cls(ids, whole, position, ids[:, left:], mask, cache=cache)


def batches_of(
    prompts: list[list[int]], completions: Sequence[Sequence[int]], rows: int
) -> list[tuple[list[int], list[int]]]:
    """(numbers of the texts, how many tokens of each prompt are computed once for all that have them) of every batch.

    Texts of like length stand together; or those of like beginnings, where that leaves much less to compute.

    >>> question, other = [1, 2, 3, 4, 5, 6], [7, 7]
    >>> batches_of([question, other, question, question], [[8], [8], [9], [8, 9]], 3)
    [([0, 3, 2], [5, 5, 5]), ([1], [1])]
    >>> batches_of([question, other], [[8], [8]], 3)
    [([1, 0], [0, 0])]
    """
    texts = [(*prompt, *completion) for prompt, completion in zip(prompts, completions, strict=True)]
    by_length = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    alike = sorted(range(len(texts)), key=texts.__getitem__)
    plain = [(own, [0] * len(own)) for own in _cut(by_length, rows)]
    shared = [(own, _shared([prompts[i] for i in own], [texts[i] for i in own])) for own in _cut(alike, rows)]
    found, usual = (sum(_positions(texts, *batch) for batch in batches) for batches in (shared, plain))
    return shared if found <= SHARES_AT * usual else plain


def _cut(order: list[int], rows: int) -> list[list[int]]:
    return [order[start : start + rows] for start in range(0, len(order), rows)]


def _shared(prompts: list[list[int]], texts: list[tuple[int, ...]]) -> list[int]:
    """How many tokens each of some sorted texts has in common with all of its group, short of its prompt's last one,
    behind which the first completion token is foretold. Neighbours that begin with half a prompt alike are a group."""
    common = [_alike(one, other) for one, other in pairwise(texts)]
    found: list[int] = []
    while len(found) < len(texts):
        end = start = len(found)
        length = len(prompts[start]) - 1
        while end + 1 < len(texts) and 2 * common[end] >= min(len(prompts[end]), len(prompts[end + 1])):
            length = min(length, common[end], len(prompts[end + 1]) - 1)
            end += 1
        found += [length] * (end + 1 - start)
    return found


def _alike(one: Sequence[int], other: Sequence[int]) -> int:
    """Length of the common beginning."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _positions(texts: list[tuple[int, ...]], own: list[int], begun: list[int]) -> int:
    """Positions that a batch computes, padding included."""
    beginnings = {texts[i][:length] for i, length in zip(own, begun, strict=True)}
    rest = max(len(texts[i]) - length for i, length in zip(own, begun, strict=True))
    return len(beginnings) * max(begun) + len(own) * rest
