"""One player's update: behaviour log-probs, loss, ZeRO-3 step. Nothing here knows which role it trains.

Nor does it name a method: advantages come with the rows, a loss from the registry, the tokens that it selects from
learner/token_selection.py. Rows become batches once; from there on batches are all there is.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch

from rlad.config import RunConfig
from rlad.players.logprobs import filtered_logprobs
from trainers.data.rows import Row
from trainers.learner.batches import Batch, micro_batches, mini_batches, token_logprobs
from trainers.learner.learner import Learner, owners
from trainers.learner.loss_weights import distilled_samples, kept_factors, token_weights
from trainers.learner.policy_loss import behaviour_logprobs, policy_loss
from trainers.learner.records import TokenRecord
from trainers.learner.token_budget import deal_by_length
from trainers.learner.token_selection import Scan, Selection, select_tokens, selects_tokens
from trainers.losses.entropy import adapt_entropy, bonus
from trainers.losses.kl import kl_penalty
from trainers.runtime import zero3


def update(learner: Learner, rows: list[Row], run: RunConfig) -> dict[str, float]:
    """Learns from this rank's rows; all ranks must call it. Returns statistics of the whole step (all ranks).

    With `updates_per_rollout` > 1 the rows are split into that many mini-batches, one optimiser step each, all measured
    against the log-probs of before the first. Which rows share one does not depend on how they were dealt to ranks.
    """
    return update_together([learner], [rows], run)[0]


def update_together(learners: list[Learner], rows: list[list[Row]], run: RunConfig) -> list[dict[str, float]]:
    """`update` of several learners at once: those that share weights step on the rows of all of them, each with its own
    player's loss; what a role's loss is divided by says `cotrain.shared_norm`. Statistics of each. Collective.
    """
    prepared = [_prepared(learner, own, run) for learner, own in zip(learners, rows, strict=True)]
    totals: list[Counter[str]] = [Counter() for _ in learners]
    joint = run.cotrain.shared_norm == "joint"
    for part in range(run.cotrain.updates_per_rollout):
        seed = (run.seed * 100_003 + learners[0].owner.version) * 1009 + part
        found = _mini_batch(learners, [batches[part] for batches in prepared], seed, joint)
        for total, own in zip(totals, found, strict=True):
            total.update(own)
    return [_summary(learner, total) for learner, total in zip(learners, totals, strict=True)]


def _prepared(learner: Learner, rows: list[Row], run: RunConfig) -> list[list[Batch]]:
    """A learner's rows as the micro-batches of each mini-batch, with the log-probs of before the first. Collective."""
    updates, size, tokens = run.cotrain.updates_per_rollout, run.cotrain.micro_batch, run.cotrain.micro_tokens
    learner.record = TokenRecord()
    dealt = mini_batches(rows, updates, learner.device)
    if tokens:
        dealt = [deal_by_length(own, learner.device, learner.sharing, tokens) for own in dealt]
    parts = [micro_batches(own, size, learner.pad_id, learner.device, tokens, learner.sharing) for own in dealt]
    if learner.config.old_logprobs == "trainer":
        # The first update is on-policy: the log-probs of before it are those of its own forward.
        parts = [parts[0], *([replace(b, old=_scan(learner, b)[0]) for b in batches] for batches in parts[1:])]
    if rule := learner.config.chosen("loss").facts.get("filtered"):
        rule = partial(rule, keys=learner.config.of(learner.config.loss))
        parts = [[replace(b, filtered=_filtered(learner, b, rule)) for b in batches] for batches in parts]
    return parts


def _scan(learner: Learner, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probs and entropies (B, C) of a micro-batch under the current weights, without gradients."""
    with torch.no_grad():
        return token_logprobs(learner.model_engine, batch, learner.config.temperature)


def _filtered(learner: Learner, batch: Batch, rule: Callable) -> torch.Tensor:
    """Log-probs (B, C) under the current weights as the loss's rule filters the distribution, which it needs whole."""
    return filtered_logprobs(learner.model_engine, batch, learner.config.temperature, rule)


def _mini_batch(learners: list[Learner], batches: list[list[Batch]], seed: int, joint: bool) -> list[Counter]:
    """One optimiser step of each model engine on the rows of its learners; returns for each learner sums of statistics
    over this rank's tokens."""
    weights = _weights(learners, batches, joint)
    found: dict[int, Counter] = {}
    for owner in owners(learners):
        places = [place for place, learner in enumerate(learners) if learner.owner is owner]
        own = ([several[place] for place in places] for several in (learners, batches, weights))
        found |= zip(places, _step(*own, seed), strict=True)
    return [found[place] for place in range(len(learners))]


def _step(
    learners: list[Learner], batches: list[list[Batch]], weights: list[list[torch.Tensor] | None], seed: int
) -> list[Counter]:
    """One optimiser step of one model engine."""
    if all(own is None for own in weights):  # no row on any rank: nothing to learn from, and nobody steps
        return [Counter() for _ in learners]
    seen = [len(learner.record.tokens) for learner in learners]
    model_engine, part = learners[0].model_engine, 1 / zero3.world_size()
    with zero3.accumulated(model_engine):
        totals = [
            _backward(learner, own, weight, seed) if weight is not None else Counter()
            for learner, own, weight in zip(learners, batches, weights, strict=True)
        ]
    model_engine.step()
    norm = float(model_engine.get_global_grad_norm() or 0.0)
    applied = model_engine.was_step_applied() and math.isfinite(norm)
    for learner, count, total in zip(learners, seen, totals, strict=True):
        if not applied:
            # DeepSpeed drops a step with a gradient that is not finite, on all ranks alike, and says nothing.
            learner.record.forget(count)
            total.clear()
            total["nonfinite"] = part
        elif total:
            total.update({"grad_norm": norm * part, "updates": part})
    return totals


def _weights(learners: list[Learner], batches: list[list[Batch]], joint: bool) -> list[list[torch.Tensor] | None]:
    """What every token of each learner's mini-batch weighs; None where no rank has a row of it. Collective."""
    if not joint:
        pairs = zip(learners, batches, strict=True)
        return [token_weights(own, learner.config, learner.device) for learner, own in pairs]
    device = learners[0].device
    together = token_weights([batch for own in batches for batch in own], learners[0].config, device) or []
    ends = itertools.accumulate(len(own) for own in batches)
    parts = [together[end - len(own) : end] for end, own in zip(ends, batches, strict=True)]
    # Only one's own rows make one step: of a row of another model's there is no gradient, but momentum would move.
    rows = zero3.total([sum(batch.copies.sum().item() for batch in own) for own in batches], device)
    return [part if count else None for part, count in zip(parts, rows, strict=True)]


def _backward(learner: Learner, batches: list[Batch], weights: list[torch.Tensor], seed: int) -> Counter:
    """Gradients of a learner's mini-batch; returns sums of statistics over this rank's tokens. Collective."""
    player = learner.config
    selection = _selected(learner, batches, seed)
    batches = [replace(batch, weight=weight.float()) for batch, weight in zip(batches, weights, strict=True)]
    if selection.chosen is not None:
        batches = [replace(batch, chosen=own) for batch, own in zip(batches, selection.chosen, strict=True)]
    if selection.kept is not None:
        factors = kept_factors(batches, selection.kept, weights, player, learner.device)
        found = zip(batches, selection.kept, factors, strict=True)
        batches = [replace(batch, kept=kept, kept_factor=factor) for batch, kept, factor in found]
    if player.distillation:
        share = 1 / max(1.0, distilled_samples(batches, learner.device))
        batches = [replace(batch, distillation=batch.distillation * share) for batch in batches]
    totals: Counter[str] = Counter()
    for batch in batches:
        loss, stats = _loss(learner, batch)
        # DeepSpeed averages gradients over ranks; the weights are already those of the global sum.
        learner.model_engine.backward(loss * zero3.world_size())
        totals.update(stats)
    totals.update({name: value / zero3.world_size() for name, value in selection.stats.items()})
    return totals


def _selected(learner: Learner, batches: list[Batch], seed: int) -> Selection:
    """The tokens that the player's method selects from the mini-batch of all ranks."""
    player = learner.config
    if not selects_tokens(player):
        return Selection()
    scans = []
    for batch in batches:
        logp, entropy = _scan(learner, batch)
        before = behaviour_logprobs(player, batch, logp if batch.old is None else batch.old)
        scans.append(Scan(logp, before, entropy))
    return select_tokens(batches, scans, player, seed)


def _loss(learner: Learner, batch: Batch) -> tuple[torch.Tensor, dict[str, float]]:
    """The micro-batch's share of the step's loss, and sums of statistics."""
    player = learner.config
    coefficient = bonus(learner.entropy_coefficient, learner.entropy, player)
    logp, entropy = token_logprobs(learner.model_engine, batch, player.temperature, "grad" if coefficient else True)
    per_token, stats = policy_loss(player, batch, logp)
    if learner.reference is not None:
        with torch.no_grad():
            reference, _ = token_logprobs(learner.reference, batch, player.temperature, False)
            stats["kl"] = kl_penalty(logp, reference, "k3") * batch.mask
        kl_coef = player.kl_coef * learner.kl_factor
        per_token = per_token + kl_coef * kl_penalty(logp, reference, player.kl_estimator) * batch.kl_weight
    if coefficient:
        per_token = per_token - coefficient * entropy
    loss = (per_token * batch.mask * batch.weight).sum()
    if player.distillation:
        loss = loss - (batch.distillation * logp).sum()
    with torch.no_grad():
        stats["entropy"] = entropy * batch.mask
        sums = {"loss": loss.item()} | _sums(batch, stats)
    learner.record.add(batch, logp.detach(), entropy.detach())
    return loss, sums


def _sums(batch: Batch, stats: dict[str, torch.Tensor]) -> dict[str, float]:
    """Statistics (B, C) as sums over samples (not over rows), those of bare prompts also by themselves."""
    bare = batch.copies * batch.bare
    sums = {"tokens": (batch.mask * batch.copies).sum().item(), "bare_tokens": (batch.mask * bare).sum().item()}
    for name, value in stats.items():
        sums[name] = (value * batch.copies).sum().item()
    for name in {"entropy", "kl"} & stats.keys():
        sums[f"bare_{name}"] = (stats[name] * bare).sum().item()
    return sums


def _summary(learner: Learner, totals: Counter) -> dict[str, float]:
    """Sums over ranks -> means; also adapts the entropy coefficient."""
    # Every rank ran as many micro-batches of the same method, so all of them know the same names.
    names = sorted(totals)
    sums = dict(zip(names, zero3.total([totals[name] for name in names], learner.device), strict=True))
    dropped = {"nonfinite": round(sums.pop("nonfinite"))} if "nonfinite" in sums else {}
    names = list(sums)
    if not sums.get("tokens"):
        return {"updated": 0} | dropped
    per_update = [name for name in names if name in ("loss", "grad_norm") or name.startswith("covariance_")]
    stats = {"updated": 1, "trained_tokens": int(sums["tokens"])} | dropped
    stats |= {name: sums[name] / sums["updates"] for name in per_update}
    for name in names:
        count = sums["bare_tokens" if name.startswith("bare_") else "tokens"]
        if count and name not in (*per_update, "updates", "tokens", "bare_tokens"):
            stats[name] = sums[name] / count
    stats["lr"] = learner.model_engine.optimizer.param_groups[0]["lr"]
    stats["entropy_coefficient"] = learner.entropy_coefficient
    stats["kl_coefficient"] = learner.config.kl_coef * learner.kl_factor
    learner.entropy = stats["entropy"]
    if learner.config.entropy_target is not None:
        learner.entropy_coefficient = adapt_entropy(learner.entropy_coefficient, learner.entropy, learner.config)
    return stats
