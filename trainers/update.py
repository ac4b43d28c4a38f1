"""One player's update: behaviour log-probs, loss, ZeRO-3 step. Nothing here knows which role it trains."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import torch

from rlad.config import PlayerConfig, RunConfig
from rlad.generation import Engine
from rlad.policy import Policy
from trainers import zero3
from trainers.batches import Batch, collate, plan_micro_batches, token_logprobs
from trainers.losses import LOSSES
from trainers.losses.aggregate import row_weights
from trainers.losses.kl import kl_penalty
from trainers.losses.shaped import shaped_ratio
from trainers.records import TokenRecord
from trainers.rollouts import Row


@dataclass
class Learner:
    """One player in training: its policy, its ZeRO-3 engine, its frozen reference and its sampler."""

    policy: Policy
    config: PlayerConfig
    engine: object
    reference: torch.nn.Module
    sampler: Engine
    device: torch.device
    entropy_coefficient: float = 0.0
    version: int = 0
    """Counts the weights that were published."""
    record: TokenRecord = field(default_factory=TokenRecord)
    """What the newest update saw of every token."""

    @property
    def pad_id(self) -> int:
        return self.policy.tokenizer.pad_token_id


def adapt_entropy(coefficient: float, entropy: float, player: PlayerConfig) -> float:
    """The adaptive coefficient (Skywork-OR1, 2505.22312): a step up below the target, a step down above it.

    >>> player = PlayerConfig(entropy_target=1.0, entropy_step=0.1, entropy_max=0.25)
    >>> c = 0.0
    >>> for entropy in (0.5, 0.5, 0.5, 1.5):
    ...     c = adapt_entropy(c, entropy, player)
    >>> round(c, 3)
    0.15
    """
    step = player.entropy_step if entropy < player.entropy_target else -player.entropy_step
    return min(max(coefficient + step, 0.0), player.entropy_max)


def behaviour_logprobs(learner: Learner, rows: list[Row], plan: list[list[int]]) -> list[torch.Tensor]:
    """The trainer's log-probs of every micro-batch before the first update."""
    with torch.no_grad():
        return [
            token_logprobs(learner.engine, _collate(learner, rows, index), learner.config.temperature, False)[0]
            for index in plan
        ]


def update(learner: Learner, rows: list[Row], run: RunConfig) -> dict[str, float]:
    """Learns from this rank's rows; all ranks must call it. Returns statistics of the whole step (all ranks).

    With `updates_per_rollout` > 1 the rows are split into that many mini-batches, one optimiser step each, all measured
    against the log-probs of before the first.
    """
    player, updates = learner.config, run.cotrain.updates_per_rollout
    learner.record = TokenRecord()
    totals: Counter[str] = Counter()
    old: dict[int, list[torch.Tensor]] = {}
    plans = []
    for part in range(updates):
        own = list(range(part, len(rows), updates))
        plan = plan_micro_batches(
            [len(rows[i].prompt) + len(rows[i].completion) for i in own],
            run.cotrain.micro_batch,
            lambda mine: int(zero3.largest(mine, learner.device)),
        )
        plans.append([[own[i] if i >= 0 else -1 for i in index] for index in plan])
    if updates > 1:
        old = {part: behaviour_logprobs(learner, rows, plan) for part, plan in enumerate(plans)}
    for part, plan in enumerate(plans):
        totals.update(_mini_batch(learner, rows, plan, old.get(part), run))
    return _summary(learner, totals, player)


def _mini_batch(
    learner: Learner, rows: list[Row], plan: list[list[int]], old: list[torch.Tensor] | None, run: RunConfig
) -> Counter:
    own = [i for index in plan for i in index if i >= 0]
    weights = _weights(learner, rows, own)
    if weights is None:  # no row on any rank: nothing to learn from, and nobody steps
        return Counter()
    totals: Counter[str] = Counter()
    for number, index in enumerate(plan):
        batch = _collate(learner, rows, index)
        loss, stats = _loss(learner, rows, batch, weights, old[number] if old else None)
        # DeepSpeed averages gradients over ranks; the weights are already those of the global sum.
        learner.engine.backward(loss * zero3.world_size())
        totals.update(stats)
    learner.engine.step()
    totals["grad_norm"] += float(learner.engine.get_global_grad_norm() or 0.0) / zero3.world_size()
    totals["updates"] += 1 / zero3.world_size()
    return totals


def _weights(learner: Learner, rows: list[Row], own: list[int]) -> dict[int, float] | None:
    """Weight of every token of each local row, from counts over all ranks."""
    lengths = [len(rows[i].completion) for i in own]
    copies = [rows[i].copies for i in own]
    by_prompt: Counter = Counter()
    for i, length, number in zip(own, lengths, copies, strict=True):
        by_prompt[rows[i].prompt] += length * number
    sampled = sum(length * number for length, number in zip(lengths, copies, strict=True))
    tokens, count, prompts = zero3.total([sampled, sum(copies), len(by_prompt)], learner.device)
    if not count:
        return None
    shared = [by_prompt[rows[i].prompt] for i in own]
    mode, longest = learner.config.aggregation, learner.config.max_new_tokens
    weights = row_weights(lengths, shared, mode, int(tokens), int(count), int(prompts), longest)
    return {i: weight * number for i, weight, number in zip(own, weights, copies, strict=True)}


def _loss(learner: Learner, rows: list[Row], batch: Batch, weights: dict[int, float], old: torch.Tensor | None):
    """The micro-batch's share of the step's loss, and sums of statistics."""
    player = learner.config
    bonus = learner.entropy_coefficient
    logp, entropy = token_logprobs(learner.engine, batch, player.temperature, "grad" if bonus else True)
    with torch.no_grad():
        reference, _ = token_logprobs(learner.reference, batch, player.temperature, False)
    spread = batch.spread
    advantage = batch.advantages(rows)
    policy_loss, stats = LOSSES[player.loss](logp, logp.detach() if old is None else old, advantage, batch.mask, player)
    gamma = spread([row.shaping for row in rows])
    policy_loss = torch.where(gamma > 0, shaped_ratio(logp, advantage, gamma), policy_loss)
    penalty = kl_penalty(logp, reference, player.kl_estimator)
    per_token = policy_loss * spread([row.pg_weight for row in rows])
    per_token = per_token + player.kl * penalty * spread([row.kl_weight for row in rows])
    if bonus:
        per_token = per_token - bonus * entropy
    weight = torch.tensor([weights.get(i, 0.0) for i in batch.rows], device=batch.mask.device)[:, None]
    loss = (per_token * batch.mask * weight).sum()
    with torch.no_grad():
        sampled = batch.mask * spread([row.copies for row in rows])  # statistics are over samples, not over rows
        bare = sampled * spread([float(row.bare) for row in rows])
        kl = kl_penalty(logp, reference, "k3") * sampled
        sums = {
            "loss": loss.item(),
            "tokens": sampled.sum().item(),
            "entropy": (entropy * sampled).sum().item(),
            "kl": kl.sum().item(),
            "bare_tokens": bare.sum().item(),
            "bare_entropy": (entropy * bare).sum().item(),
            "bare_kl": (kl * (bare > 0)).sum().item(),
        }
        for name, value in stats.items():
            sums[name] = (value * spread([row.copies for row in rows])).sum().item()
    learner.record.add(batch, logp.detach(), entropy.detach(), advantage)
    return loss, sums


def _summary(learner: Learner, totals: Counter, player: PlayerConfig) -> dict[str, float]:
    """Sums over ranks -> means; also adapts the entropy coefficient."""
    names = ["loss", "grad_norm", "updates", "tokens", "entropy", "kl", "clip_fraction"]
    names += ["bare_tokens", "bare_entropy", "bare_kl"]
    sums = dict(zip(names, zero3.total([totals[name] for name in names], learner.device), strict=True))
    tokens, bare = sums["tokens"], sums["bare_tokens"]
    if not tokens:
        return {"updated": 0}
    stats = {
        "updated": 1,
        "loss": sums["loss"] / sums["updates"],
        "grad_norm": sums["grad_norm"] / sums["updates"],
        "trained_tokens": int(tokens),
        "lr": learner.engine.optimizer.param_groups[0]["lr"],
        "entropy_coefficient": learner.entropy_coefficient,
    }
    for name in ("entropy", "kl", "clip_fraction"):
        stats[name] = sums[name] / tokens
    if bare:
        stats |= {"bare_entropy": sums["bare_entropy"] / bare, "bare_kl": sums["bare_kl"] / bare}
    if player.entropy_target is not None:
        learner.entropy_coefficient = adapt_entropy(learner.entropy_coefficient, stats["entropy"], player)
    return stats


def _collate(learner: Learner, rows: list[Row], index: list[int]) -> Batch:
    return collate(rows, index, learner.pad_id, learner.device)
