"""HICRA's credit (2509.03646): tokens inside one of the run's strategic grams plan, and earn more or pay less."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from rlad.config import RunConfig
from rlad.entropy import StrategicGrams
from rlad.generation.base import outside
from trainers.data.rows import Row
from trainers.losses.hicra import hicra

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def credited_grams(
    run: RunConfig, grams: StrategicGrams | None, tokenizers: Mapping[str, PreTrainedTokenizerBase]
) -> dict[str, StrategicGrams]:
    """The run's grams for every player that learns by HICRA, bound to its tokenizer; `tokenizers` are by role."""
    return {role: grams.bound(tokenizer) for role, tokenizer in tokenizers.items() if run.players[role].hicra}


def planning_credit(rows: list[Row], grams: StrategicGrams, alpha: float) -> list[Row]:
    """The rows with HICRA's term in the advantages of their planning tokens; those without a policy gradient stay.

    `grams` are bound to the tokenizer of the player that wrote the rows.
    """
    return [_with_planning(row, grams.mask(row.completion), alpha) if row.pg_weight else row for row in rows]


def planning_counts(rows: Sequence[Row], grams: StrategicGrams) -> tuple[float, float]:
    """(tokens that plan, all tokens) of the rows with a policy gradient, samples that are alike counted as often."""
    own = [row for row in rows if row.pg_weight]
    planned = sum(row.copies * sum(outside(grams.mask(row.completion), row.given)) for row in own)
    return float(planned), float(sum(row.copies * row.length for row in own))


def _with_planning(row: Row, planning: tuple[bool, ...], alpha: float) -> Row:
    moved = hicra(torch.tensor(row.per_token), torch.tensor(planning), alpha)
    return replace(row, token_advantages=tuple(moved.tolist()))
