"""Advantages that are scaled over all groups of a step on all ranks: REINFORCE++ and ScaleRL's batch deviation.

Rows without a policy gradient (bare anchors) neither count nor change. As in OpenRLHF, the authors' code, the plain
form of REINFORCE++ prices the KL inside the return and the baseline form does not; a deviation of zero divides nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from rlad.config import PlayerConfig
from trainers.credit.advantages import kl_returns, mean_and_deviation, moments
from trainers.credit.rows import Row
from trainers.runtime import zero3


def scaled(
    rows: list[Row], player: PlayerConfig, device: torch.device, kl_of: Callable[[], list[list[float]]]
) -> list[Row]:
    """The rows with advantages as the loss uses them. Collective.

    Args:
        kl_of: measures log pi - log pi_reference of every token of every row; asked only when the return needs it.
    """
    if player.advantage == "batch_std":
        return standardised(rows, "sequences", False, device)
    if player.advantage == "reinforce_pp":
        priced = []
        for row, kl in zip(rows, kl_of(), strict=True):
            # Refinements carry no KL: they are no samples from the prompt that they are learnt under.
            returns = kl_returns(row.advantage, kl, player.reinforce_pp.kl * row.kl_weight)
            priced.append(replace(row, token_advantages=tuple(returns)) if row.pg_weight else row)
        rows = priced
    if player.advantage in ("reinforce_pp", "reinforce_pp_baseline"):
        return standardised(rows, player.reinforce_pp.over, True, device)
    return rows


def standardised(rows: list[Row], over: str, centre: bool, device: torch.device) -> list[Row]:
    """Divides by the deviation over all `tokens` or `sequences` of the step; with `centre`, first subtracts the mean.

    A sequence with an advantage per token counts with their mean and mean square. Collective.
    """
    values, weights = [], []
    for row in rows:
        own = row.token_advantages or (row.advantage,)
        share = len(row.completion) / len(own) if over == "tokens" else 1 / len(own)
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
