"""The policy-gradient term of a micro-batch: the method's loss and everything that composes with it."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from rlad.config import PlayerConfig
from trainers.credit.rows import Row
from trainers.learner.batches import Batch
from trainers.losses import LOSSES
from trainers.losses.hicra import hicra
from trainers.losses.mismatch import mismatch_weights, needs_sampler, off_policy_mask
from trainers.losses.shaped import shaped_ratio


@dataclass
class Picked:
    """What a micro-batch's loss needs beside its rows; tensors (B, C)."""

    old: torch.Tensor | None = None
    """The trainer's log-probs of before the first update; None in the first, where they are its own."""
    chosen: torch.Tensor | None = None
    """Share of each token's copies that the loss chose; None for losses that don't choose."""
    kept: torch.Tensor | None = None
    """What forking tokens multiply the policy loss by; None without them."""


def advantages(player: PlayerConfig, rows: list[Row], batch: Batch) -> torch.Tensor:
    """(B, C), as the loss uses them."""
    advantage = batch.advantages(rows)
    return hicra(advantage, batch.planning(rows), player.hicra) if player.hicra else advantage


def old_logprobs(player: PlayerConfig, rows: list[Row], batch: Batch, trainer: torch.Tensor) -> torch.Tensor:
    """(B, C): the log-probs that the ratio is measured against."""
    return batch.sampler_logprobs(rows) if player.old_logprobs == "sampler" else trainer


def policy_loss(
    player: PlayerConfig, rows: list[Row], batch: Batch, logp: torch.Tensor, advantage: torch.Tensor, picked: Picked
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Per-token loss and statistics, all (B, C): the method's loss (or a row's shaped one), its weights, the mask."""
    method = LOSSES[player.loss]
    trainer = logp.detach() if picked.old is None else picked.old
    choice = () if method.choose is None else (picked.chosen,)
    before = old_logprobs(player, rows, batch, trainer)
    loss, stats = method.loss(logp, before, advantage, batch.mask, player, *choice)
    if needs_sampler(player):
        sampler = batch.sampler_logprobs(rows)
        importance = mismatch_weights(trainer, sampler, batch.mask, player.mismatch)
        if player.mismatch.opsm is not None:
            importance = importance * off_policy_mask(logp, sampler, advantage, batch.mask, player.mismatch.opsm)
        loss = loss * importance
        stats |= {"mismatch": (trainer - sampler).abs() * batch.mask, "mismatch_weight": importance * batch.mask}
    gamma = batch.spread([row.shaping for row in rows])
    loss = torch.where(gamma > 0, shaped_ratio(logp, advantage, gamma), loss)
    loss = loss * batch.spread([row.pg_weight for row in rows])
    if picked.kept is not None:
        loss = loss * picked.kept
        stats["kept_share"] = (picked.kept > 0).float()
    return loss, stats
