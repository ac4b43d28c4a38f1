"""Rows of a forward that hold several sequences: their ids, positions, and what keeps them apart.

A prompt stands once before its completions (Prefix Grouper 2506.05433 computes GRPO's groups so); each of those goes on
at the position behind the prompt, and attends to the prompt and to itself. Several prompts with their completions may
stand in one row.
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
    attention_mask: torch.Tensor
    """(R, L), or (2, R, L) int16: the number of every position's prompt in its row, and of its completion behind it"""
    position_ids: torch.Tensor
    """(R, L)"""
    place: torch.Tensor | None = None
    """(B, C) int64; 0 on padding."""


def side_by_side(rows: Sequence[Row], micro_batch: MicroBatch, pad_id: int) -> Inputs:
    """The forward of a micro-batch; its completions are in the order in which they lie in it."""
    long = width(rows, micro_batch)
    ids = torch.full((len(micro_batch), long), pad_id)
    positions = torch.zeros_like(ids)
    # Which prompt a position belongs to, and which of its completions: 0 on the prompt itself. Padding is a prompt too.
    prompt, completion = torch.full_like(ids, -1), torch.zeros_like(ids)
    sequences = [i for row in micro_batch for part in row for i in part]
    place = torch.zeros(len(sequences), max(len(rows[i].completion) for i in sequences), dtype=torch.long)
    number = 0
    for at, row in enumerate(micro_batch):
        end = 0
        for which, part in enumerate(row):
            begin, stem = end, rows[part[0]].prompt
            end += len(stem)
            ids[at, begin:end], positions[at, begin:end] = torch.tensor(stem), torch.arange(len(stem))
            last = at * long + end - 1
            for branch, i in enumerate(part, 1):
                tokens = rows[i].completion
                here = slice(end, end + len(tokens) - 1)
                ids[at, here] = torch.tensor(tokens[:-1], dtype=torch.long)
                positions[at, here] = torch.arange(len(stem), len(stem) + len(tokens) - 1)
                completion[at, here] = branch
                place[number, : len(tokens)] = torch.tensor([last, *range(at * long + end, at * long + here.stop)])
                number, end = number + 1, here.stop
            prompt[at, begin:end] = which
    return Inputs(ids, torch.stack([prompt, completion]).short(), positions, place)
