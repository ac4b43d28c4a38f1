"""Supervised steps through a model engine: what the warm start and the offline phases share."""

from __future__ import annotations

import math
import random

import torch

from rlad.config import CotrainConfig
from trainers.data.rows import Row
from trainers.learner.batches import micro_batches, token_logprobs
from trainers.learner.layout import Sharing
from trainers.learner.learner import Learner
from trainers.learner.token_budget import deal_by_length
from trainers.runtime import zero3


def supervised_step(
    model_engine,
    rows: list[Row],
    pad_id: int,
    micro_batch: int,
    device: torch.device,
    tokens: int = 0,
    sharing: Sharing | None = None,
) -> tuple[float, list[float]]:
    """One optimiser step on the mean negative log-prob of all ranks' completion tokens; prompts carry no loss.

    Returns the number of those tokens on all ranks and each local row's summed loss, nats. Collective; ranks may hold
    different numbers of rows, even none, but not none on all ranks (ValueError). Micro-batches as in `micro_batches`.
    """
    batches = micro_batches(rows, micro_batch, pad_id, device, tokens, sharing)
    (count,) = zero3.total([sum(row.length for row in rows)], device)
    if not count:
        raise ValueError("A supervised step needs at least one row on some rank.")
    losses = [0.0] * len(rows)
    with zero3.accumulated(model_engine):
        for batch in batches:
            logp, _ = token_logprobs(model_engine, batch, 1.0, with_entropy=False)
            nll = -(logp * batch.mask)
            model_engine.backward(nll.sum() / count * zero3.world_size())
            for i, value in zip(batch.index, nll.detach().sum(1).tolist(), strict=True):
                if i >= 0:
                    losses[i] = value
    model_engine.step()
    return count, losses


def fine_tune(
    learner: Learner, rows: list[Row], epochs: int, batch: int, lr: float, config: CotrainConfig, seed: str
) -> dict:
    """Epochs over all ranks' rows, `batch` of them a step, with the player's own optimiser at the rate `lr`.

    Micro-batches are those of an update by `config`. Returns the rows of all ranks, the steps taken and the mean loss
    of the first and of the last epoch, nats per token. Without a row on any rank nothing moves. Collective.
    """
    share = max(1, batch // zero3.world_size())
    steps = math.ceil(zero3.largest(len(rows), learner.device) / share)
    (total,) = zero3.total([len(rows)], learner.device)
    losses = []
    zero3.set_lr(learner.model_engine, lr)
    for epoch in range(epochs):
        order = list(range(len(rows)))
        random.Random(f"{seed}|{epoch}").shuffle(order)
        summed, tokens = 0.0, 0.0
        for step in range(steps):
            own = [rows[i] for i in order[step * share : (step + 1) * share]]
            if config.micro_tokens:
                own = deal_by_length(own, learner.device, learner.sharing, config.micro_tokens)
            sizes = config.micro_batch, learner.device, config.micro_tokens, learner.sharing
            count, nll = supervised_step(learner.model_engine, own, learner.pad_id, *sizes)
            summed, tokens = summed + sum(nll), tokens + count
        if steps:
            losses.append(zero3.total([summed], learner.device)[0] / tokens)
    numbers = {"rows": int(total), "updates": steps * epochs}
    return numbers | ({"first_loss": losses[0], "last_loss": losses[-1]} if losses else {})
