"""The policy-gradient term of a micro-batch: the method's loss and everything that composes with it."""

from __future__ import annotations

import torch

from rlad.config import PlayerConfig
from trainers.learner.batches import Batch
from trainers.losses import LossTensors
from trainers.losses.mismatch import mismatch_weights, needs_sampler, off_policy_mask
from trainers.losses.shaped import shaped_ratio


def behaviour_logprobs(player: PlayerConfig, batch: Batch, trainer: torch.Tensor) -> torch.Tensor:
    """(B, C): the log-probs that the ratio is measured against, the sampler's or the trainer's of before the update."""
    return batch.sampler_logprobs if player.old_logprobs == "sampler" else trainer


def policy_loss(player: PlayerConfig, batch: Batch, logp: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Per-token loss and statistics, all (B, C): the method's loss (or a row's shaped one), its weights, the mask."""
    advantage = batch.advantage
    trainer = logp.detach() if batch.old is None else batch.old
    before = behaviour_logprobs(player, batch, trainer)
    loss, stats = player.bound("loss")(LossTensors(logp, before, advantage, batch.mask, batch.chosen, batch.filtered))
    if needs_sampler(player):
        sampler = batch.sampler_logprobs
        importance = mismatch_weights(trainer, sampler, batch.mask, player.mismatch)
        if player.mismatch.opsm is not None:
            importance = importance * off_policy_mask(logp, sampler, advantage, batch.mask, player.mismatch.opsm)
        loss = loss * importance
        stats |= {"mismatch": (trainer - sampler).abs() * batch.mask, "mismatch_weight": importance * batch.mask}
    loss = torch.where(batch.gamma > 0, shaped_ratio(logp, advantage, batch.gamma), loss) * batch.pg_weight
    if batch.kept is not None:
        loss = loss * (batch.kept * batch.kept_factor)
        stats["kept_share"] = batch.kept
    return loss, stats
