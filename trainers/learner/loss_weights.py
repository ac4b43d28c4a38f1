"""What every token of a mini-batch weighs, from counts over all ranks."""

from __future__ import annotations

from collections import Counter

import torch

from rlad.config import PlayerConfig
from rlad.config.players import aggregation_of
from trainers.learner.batches import Batch
from trainers.losses.aggregate import row_weights
from trainers.runtime import zero3


def token_weights(
    batches: list[Batch], player: PlayerConfig, device: torch.device, active: list[torch.Tensor] | None = None
) -> list[torch.Tensor] | None:
    """Weight of every token of each row, per micro-batch (B, 1) in float64; None when no rank has a row. Collective.

    Args:
        active: per micro-batch (B, C) how much each token counts, where those are not all of 1 (forking tokens).

    A row's weight is that of its copies together; samples, not rows, are counted.
    """
    lengths = _flat([counts.sum(1) for counts in (active or [batch.mask for batch in batches])])
    copies = _flat([batch.copies for batch in batches])
    counted = [length * number for length, number in zip(lengths, copies, strict=True)]
    tokens, count = zero3.total([sum(counted), sum(copies)], device)
    if not count:
        return None
    mode, longest = aggregation_of(player), player.max_new_tokens
    shared, prompts = [0.0] * len(lengths), 0
    if mode == "prompt-mean":
        shared, prompts = _prompt_tokens(_flat([batch.prompt for batch in batches]), copies, counted, device)
    weights = row_weights(lengths, shared, mode, tokens, int(count), prompts, longest)
    values = [weight * number for weight, number in zip(weights, copies, strict=True)]
    table = torch.tensor(values, dtype=torch.float64, device=device)[:, None]
    return list(table.split([len(batch.index) for batch in batches]))


def distilled_samples(batches: list[Batch], device: torch.device) -> float:
    """How many samples of all ranks are distilled into another prompt. Collective."""
    return zero3.total([sum(batch.distilled for batch in batches)], device)[0]


def kept_factors(
    batches: list[Batch],
    kept: list[torch.Tensor],
    weights: list[torch.Tensor],
    player: PlayerConfig,
    device: torch.device,
) -> list[torch.Tensor]:
    """What forking.denominator=kept multiplies each row by: weights from the kept tokens over those from all, (B, 1).

    `kept`: per micro-batch the share of each token's copies that keeps its policy gradient, (B, C). Collective where
    that denominator is asked for.
    """
    if player.forking.denominator == "all":
        return [torch.ones_like(batch.copies) for batch in batches]
    kept_weights = token_weights(batches, player, device, kept)
    return [
        torch.where(weight > 0, own / weight, 1.0).float() for own, weight in zip(kept_weights, weights, strict=True)
    ]


def _flat(columns: list[torch.Tensor]) -> list[float]:
    return [value for column in columns for value in column.flatten().tolist()]


def _prompt_tokens(
    prompts: list[int], copies: list[float], counted: list[float], device: torch.device
) -> tuple[list[float], int]:
    """Per local row the active tokens that share its prompt, and the number of prompts: both over all ranks."""
    own = [(prompt, number) for prompt, count, number in zip(prompts, copies, counted, strict=True) if count]
    everywhere, _ = zero3.concatenated(torch.tensor(own, dtype=torch.float64, device=device).reshape(-1, 2))
    tokens: Counter[int] = Counter()
    for prompt, number in everywhere.tolist():
        tokens[int(prompt)] += number
    return [tokens[prompt] for prompt in prompts], len(tokens)
