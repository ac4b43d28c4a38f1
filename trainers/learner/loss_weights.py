"""What every token of a mini-batch weighs, from counts over all ranks."""

from __future__ import annotations

from collections import Counter

import torch

from rlad.config import PlayerConfig
from rlad.config.players import aggregation_of
from trainers.credit.rows import Row
from trainers.learner.batches import Batch
from trainers.losses.aggregate import row_weights
from trainers.runtime import zero3


def token_weights(
    rows: list[Row], own: list[int], player: PlayerConfig, device: torch.device, active: dict[int, float] | None = None
) -> dict[int, float] | None:
    """Weight of every token of each row named by `own`; None when no rank has a row. Collective.

    Args:
        active: tokens that count in each row, where those are not all of its completion (forking tokens).

    A row's weight is that of its copies together; samples, not rows, are counted.
    """
    lengths = [len(rows[i].completion) if active is None else active[i] for i in own]
    copies = [rows[i].copies for i in own]
    counted = [length * number for length, number in zip(lengths, copies, strict=True)]
    tokens, count = zero3.total([sum(counted), sum(copies)], device)
    if not count:
        return None
    mode, longest = aggregation_of(player), player.max_new_tokens
    shared, prompts = [0.0] * len(own), 0
    if mode == "prompt-mean":
        shared, prompts = _prompt_tokens([rows[i].prompt for i in own], counted, device)
    weights = row_weights(lengths, shared, mode, tokens, int(count), prompts, longest)
    return {i: weight * number for i, weight, number in zip(own, weights, copies, strict=True)}


def kept_factors(
    rows: list[Row],
    own: list[int],
    batches: list[Batch],
    kept: list[torch.Tensor] | None,
    weights: dict[int, float],
    player: PlayerConfig,
    device: torch.device,
) -> list[float]:
    """What forking.denominator=kept multiplies each row by: weights from the kept tokens over those from all.

    `kept`: per micro-batch the share of each token's copies that keeps its policy gradient, (B, C); None = all do.
    Collective where that denominator is asked for.
    """
    factors = [1.0] * len(rows)
    if kept is None or player.forking.denominator == "all":
        return factors
    sums = [(batch.rows, share.sum(1).tolist()) for batch, share in zip(batches, kept, strict=True)]
    active = {i: count for index, counts in sums for i, count in zip(index, counts, strict=True)}
    kept_weights = token_weights(rows, own, player, device, active)
    for i in own:
        factors[i] = kept_weights[i] / weights[i]
    return factors


def _prompt_tokens(
    prompts: list[tuple[int, ...]], counted: list[float], device: torch.device
) -> tuple[list[float], int]:
    """Per local row the active tokens that share its prompt, and the number of prompts: both over all ranks."""
    keys = [hash(prompt) & (2**52 - 1) for prompt in prompts]  # the same on every rank, and exact in float64
    table = torch.tensor(list(zip(keys, counted, strict=True)), dtype=torch.float64, device=device).reshape(-1, 2)
    everywhere, _ = zero3.concatenated(table)
    tokens: Counter[int] = Counter()
    for key, number in everywhere.tolist():
        tokens[int(key)] += number
    return [tokens[key] for key in keys], len(tokens)
