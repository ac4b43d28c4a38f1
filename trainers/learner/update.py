"""One player's update: behaviour log-probs, loss, ZeRO-3 step. Nothing here knows which role it trains.

Nor does it name a method: a loss comes from the registry, the tokens that it chooses from learner/token_selection.py.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import torch

from rlad.config import PlayerConfig, RunConfig
from rlad.generation import Engine
from rlad.players.policy import Policy
from trainers.credit.rows import Row
from trainers.credit.whitening import scaled
from trainers.learner.batches import Batch, collate, plan_micro_batches, token_logprobs
from trainers.learner.loss_weights import kept_factors, token_weights
from trainers.learner.policy_loss import Picked, advantages, old_logprobs, policy_loss
from trainers.learner.records import TokenRecord
from trainers.learner.token_selection import Choice, Measured, choose, chooses
from trainers.losses.entropy import adapt_entropy, bonus
from trainers.losses.kl import kl_penalty
from trainers.runtime import zero3


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
    entropy: float | None = None
    """Nats per token in the newest update; None before the first."""
    version: int = 0
    """Counts the weights that were published."""
    record: TokenRecord = field(default_factory=TokenRecord)
    """What the newest update saw of every token."""

    @property
    def pad_id(self) -> int:
        return self.policy.tokenizer.pad_token_id


def update(learner: Learner, rows: list[Row], run: RunConfig) -> dict[str, float]:
    """Learns from this rank's rows; all ranks must call it. Returns statistics of the whole step (all ranks).

    With `updates_per_rollout` > 1 the rows are split into that many mini-batches, one optimiser step each, all measured
    against the log-probs of before the first.
    """
    player, updates = learner.config, run.cotrain.updates_per_rollout
    learner.record = TokenRecord()
    sampled = rows
    rows = scaled(rows, player, learner.device, lambda: _reference_gaps(learner, sampled, run))
    parts = [_micro_batches(learner, rows, list(range(part, len(rows), updates)), run) for part in range(updates)]
    # The first update is on-policy: the log-probs of before it are those of its own forward.
    measured = player.old_logprobs == "trainer"
    old = [_scan(learner, batches)[0] if part and measured else None for part, batches in enumerate(parts)]
    totals: Counter[str] = Counter()
    for part, batches in enumerate(parts):
        seed = (run.seed * 100_003 + learner.version) * 1009 + part
        totals.update(_mini_batch(learner, rows, batches, old[part], seed))
    return _summary(learner, totals, player)


def _micro_batches(learner: Learner, rows: list[Row], own: list[int], run: RunConfig) -> list[Batch]:
    """The rows named by `own` in micro-batches, as many as on every other rank."""
    plan = plan_micro_batches(
        [len(rows[i].prompt) + len(rows[i].completion) for i in own],
        run.cotrain.micro_batch,
        lambda mine: int(zero3.largest(mine, learner.device)),
    )
    indices = [[own[i] if i >= 0 else -1 for i in index] for index in plan]
    return [collate(rows, index, learner.pad_id, learner.device) for index in indices]


def _scan(learner: Learner, batches: list[Batch]) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Log-probs and entropies of every micro-batch under the current weights, without gradients."""
    with torch.no_grad():
        pairs = [token_logprobs(learner.engine, batch, learner.config.temperature) for batch in batches]
    return [logp for logp, _ in pairs], [entropy for _, entropy in pairs]


def _reference_gaps(learner: Learner, rows: list[Row], run: RunConfig) -> list[list[float]]:
    """log pi - log pi_reference of every token of every row, before the update."""
    batches = _micro_batches(learner, rows, list(range(len(rows))), run)
    gaps: list[list[float]] = [[] for _ in rows]
    for batch, logp in zip(batches, _scan(learner, batches)[0], strict=True):
        with torch.no_grad():
            gap = logp - token_logprobs(learner.reference, batch, learner.config.temperature, False)[0]
        for position, i in enumerate(batch.rows):
            if i >= 0:
                gaps[i] = gap[position, : len(rows[i].completion)].tolist()
    return gaps


def _mini_batch(
    learner: Learner, rows: list[Row], batches: list[Batch], old: list[torch.Tensor] | None, seed: int
) -> Counter:
    """One optimiser step. `old`: log-probs of before the first update, None when this is the first."""
    own = [i for batch in batches for i in batch.rows if i >= 0]
    player = learner.config
    weights = token_weights(rows, own, player, learner.device)
    if weights is None:  # no row on any rank: nothing to learn from, and nobody steps
        return Counter()
    choice = _choose(learner, rows, batches, old, seed)
    factors = kept_factors(rows, own, batches, choice.kept, weights, player, learner.device)
    totals: Counter[str] = Counter()
    for number, batch in enumerate(batches):
        picked = Picked(
            old=old[number] if old else None,
            chosen=choice.loss[number] if choice.loss else None,
            kept=choice.kept[number] * batch.spread(factors) if choice.kept else None,
        )
        loss, stats = _loss(learner, rows, batch, weights, picked)
        # DeepSpeed averages gradients over ranks; the weights are already those of the global sum.
        learner.engine.backward(loss * zero3.world_size())
        totals.update(stats)
    learner.engine.step()
    once = choice.stats | {"grad_norm": float(learner.engine.get_global_grad_norm() or 0.0), "updates": 1}
    totals.update({name: value / zero3.world_size() for name, value in once.items()})
    return totals


def _choose(
    learner: Learner, rows: list[Row], batches: list[Batch], old: list[torch.Tensor] | None, seed: int
) -> Choice:
    """The tokens that the player's method picks from the mini-batch of all ranks."""
    player = learner.config
    if not chooses(player):
        return Choice()
    logp, entropy = _scan(learner, batches)
    scans = []
    for number, batch in enumerate(batches):
        before = old_logprobs(player, rows, batch, old[number] if old else logp[number])
        scans.append(Measured(logp[number], before, advantages(player, rows, batch), entropy[number]))
    return choose(rows, batches, scans, player, seed)


def _loss(learner: Learner, rows: list[Row], batch: Batch, weights: dict[int, float], picked: Picked):
    """The micro-batch's share of the step's loss, and sums of statistics."""
    player = learner.config
    coefficient = bonus(learner.entropy_coefficient, learner.entropy, player)
    logp, entropy = token_logprobs(learner.engine, batch, player.temperature, "grad" if coefficient else True)
    with torch.no_grad():
        reference, _ = token_logprobs(learner.reference, batch, player.temperature, False)
    advantage = advantages(player, rows, batch)
    per_token, stats = policy_loss(player, rows, batch, logp, advantage, picked)
    penalty = kl_penalty(logp, reference, player.kl_estimator)
    per_token = per_token + player.kl * penalty * batch.spread([row.kl_weight for row in rows])
    if coefficient:
        per_token = per_token - coefficient * entropy
    weight = torch.tensor([weights.get(i, 0.0) for i in batch.rows], device=batch.mask.device)[:, None]
    loss = (per_token * batch.mask * weight).sum()
    with torch.no_grad():
        stats |= {"entropy": entropy * batch.mask, "kl": kl_penalty(logp, reference, "k3") * batch.mask}
        sums = {"loss": loss.item()} | _sums(rows, batch, stats)
    learner.record.add(batch, logp.detach(), entropy.detach(), advantage)
    return loss, sums


def _sums(rows: list[Row], batch: Batch, stats: dict[str, torch.Tensor]) -> dict[str, float]:
    """Statistics (B, C) as sums over samples (not over rows), those of bare prompts also by themselves."""
    sampled = batch.spread([float(row.copies) for row in rows])
    bare = sampled * batch.spread([float(row.bare) for row in rows])
    sums = {"tokens": (batch.mask * sampled).sum().item(), "bare_tokens": (batch.mask * bare).sum().item()}
    for name, value in stats.items():
        sums[name] = (value * sampled).sum().item()
    for name in ("entropy", "kl"):
        sums[f"bare_{name}"] = (stats[name] * bare).sum().item()
    return sums


def _summary(learner: Learner, totals: Counter, player: PlayerConfig) -> dict[str, float]:
    """Sums over ranks -> means; also adapts the entropy coefficient."""
    # Every rank ran as many micro-batches of the same method, so all of them know the same names.
    names = sorted(totals)
    sums = dict(zip(names, zero3.total([totals[name] for name in names], learner.device), strict=True))
    if not sums.get("tokens"):
        return {"updated": 0}
    per_update = [name for name in names if name in ("loss", "grad_norm") or name.startswith("covariance_")]
    stats = {"updated": 1, "trained_tokens": int(sums["tokens"])}
    stats |= {name: sums[name] / sums["updates"] for name in per_update}
    for name in names:
        count = sums["bare_tokens" if name.startswith("bare_") else "tokens"]
        if count and name not in (*per_update, "updates", "tokens", "bare_tokens"):
            stats[name] = sums[name] / count
    stats["lr"] = learner.engine.optimizer.param_groups[0]["lr"]
    stats["entropy_coefficient"] = learner.entropy_coefficient
    learner.entropy = stats["entropy"]
    if player.entropy_target is not None:
        learner.entropy_coefficient = adapt_entropy(learner.entropy_coefficient, learner.entropy, player)
    return stats
