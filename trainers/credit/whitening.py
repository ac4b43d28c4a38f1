"""Whitening: advantages divided by their deviation over a step on all ranks (REINFORCE++, ScaleRL's batch deviation).

Rows without a policy gradient (bare anchors) neither count nor change. As in OpenRLHF, the authors' code, the plain
form of REINFORCE++ prices the KL inside the return and the baseline form does not; a deviation of zero divides nothing.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from rlad.config import PlayerConfig
from rlad.generation.base import outside
from trainers.credit.advantages import kl_returns, mean_and_deviation, moments
from trainers.credit.measurements import Measurements
from trainers.data.rows import Row
from trainers.runtime import zero3


def whitened(rows: list[Row], player: PlayerConfig, measured: Measurements) -> list[Row]:
    """The rows with the advantages that the player's `advantage` asks for. Collective.

    The gaps to the reference are asked for only where the return prices the KL.
    """
    facts, keys = player.chosen("advantage").facts, player.of(player.advantage)
    if facts.get("kl_in_return"):
        priced = []
        for row, kl in zip(rows, measured.reference_gaps(rows), strict=True):
            # Refinements carry no KL: they are no samples from the prompt that they are learnt under.
            returns = kl_returns(row.advantage, kl, keys.kl * row.kl_weight)
            priced.append(replace(row, token_advantages=tuple(returns)) if row.pg_weight else row)
        rows = priced
    if "step_scale" not in facts:
        return rows
    return standardised(rows, getattr(keys, "over", "sequences"), facts["step_scale"] == "whiten", measured.device)


def standardised(rows: list[Row], over: str, centre: bool, device: torch.device) -> list[Row]:
    """Divides by the deviation over all `tokens` or `sequences` of the step; with `centre`, first subtracts the mean.

    A sequence with an advantage per token counts with their mean and mean square. Collective.
    """
    values, weights = [], []
    for row in rows:
        own = outside(row.token_advantages or (), row.given) or (row.advantage,)
        share = row.length / len(own) if over == "tokens" else 1 / len(own)
        values += own
        weights += [row.copies * row.pg_weight * share] * len(own)
    total, first, second = zero3.total(list(moments(values, weights)), device)
    if not total:
        return rows
    mean, deviation = mean_and_deviation(total, first, second)
    shift = mean if centre else 0.0

    def scale(row: Row) -> Row:
        tokens = row.token_advantages and tuple((a - shift) / deviation for a in row.token_advantages)
        return replace(row, advantage=(row.advantage - shift) / deviation, token_advantages=tokens)

    return [scale(row) if row.pg_weight else row for row in rows]
