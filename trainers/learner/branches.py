"""Rows of a forward that hold several sequences: their ids, positions, and what keeps them apart.

A prompt stands once before its completions (Prefix Grouper 2506.05433 computes GRPO's groups so); each of those goes on
at the position behind the prompt, and attends to the prompt and to itself. Several prompts with their completions may
stand in one row. What keeps them apart is a mask, or, where each prompt has one completion, positions alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from trainers.data.rows import Row
from trainers.learner.layout import MicroBatch, width


class Inputs(NamedTuple):
    """Of a forward of R rows of L positions with B completions of at most C tokens in them; see `Batch`."""

    input_ids: torch.Tensor
    """(R, L)"""
    attention_mask: torch.Tensor | None
    """(R, L), or (2, R, L) int16: the number of every position's prompt in its row, and of its completion behind it;
    None where positions that begin anew say it"""
    position_ids: torch.Tensor
    """(R, L)"""
    place: torch.Tensor | None = None
    """(B, C) int64; 0 on padding."""


def side_by_side(rows: Sequence[Row], micro_batch: MicroBatch, pad_id: int, varlen: bool = False) -> Inputs:
    """The forward of a micro-batch, with a mask or, `varlen`, without; its completions are in the order in which they
    lie in it."""
    long = width(rows, micro_batch)
    # Lists become tensors once: for every sequence some small ones would cost more than all of the large ones.
    ids, positions, prompt, completion, place = [], [], [], [], []
    for at, row in enumerate(micro_batch):
        own: tuple[list[int], ...] = ([], [], [], [])
        for which, part in enumerate(row):
            stem = rows[part[0]].prompt
            _put(own, stem, 0, which, 0)
            last = at * long + len(own[0]) - 1
            for branch, i in enumerate(part, 1):
                tokens, begin = rows[i].completion[:-1], at * long + len(own[0])
                _put(own, tokens, len(stem), which, branch)
                place.append([last, *range(begin, begin + len(tokens))])
        for kept, values in zip((ids, positions, prompt, completion), own, strict=True):
            kept.append(values)
    # Which prompt a position belongs to, and which of its completions: 0 on the prompt itself. Padding is a prompt too.
    numbers = None if varlen else torch.stack([padded(prompt, -1, long), padded(completion, 0, long)]).short()
    return Inputs(padded(ids, pad_id, long), numbers, padded(positions, 0, long), padded(place, 0))


def _put(own: tuple[list[int], ...], tokens: Sequence[int], first: int, prompt: int, completion: int) -> None:
    """Adds tokens to a row's ids, positions from the `first` on, and numbers of prompt and completion."""
    ids, positions, prompts, completions = own
    ids += tokens
    positions += range(first, first + len(tokens))
    prompts += [prompt] * len(tokens)
    completions += [completion] * len(tokens)


def padded(rows: Sequence[Sequence], value: float, width: int | None = None) -> torch.Tensor:
    """The rows filled up on the right to the longest of them, or to `width`: int64, or float32 with a float to fill.

    >>> padded([[1, 2], []], 0).tolist(), padded([[0.5]], 0.0, width=2).tolist()
    ([[1, 2], [0, 0]], [[0.5, 0.0]])
    """
    wide = max(map(len, rows)) if width is None else width
    dtype = torch.float32 if isinstance(value, float) else torch.int64
    return torch.tensor([[*row, *[value] * (wide - len(row))] for row in rows], dtype=dtype)
