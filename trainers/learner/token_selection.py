"""Token selection over the whole mini-batch, on all ranks: what Clip-Cov, KL-Cov, Lp-Reg and 80/20 need.

A scan without gradients measures a rank's tokens, and a rule of trainers/losses selects among those of all ranks by
counting with them: no rank sees another's tokens. Methods that select nothing pay nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from rlad.config import PlayerConfig
from trainers.learner.batches import Batch
from trainers.losses.forking import forking_tokens
from trainers.losses.selection import TokenTable, nth_largest
from trainers.runtime import zero3


@dataclass(frozen=True)
class Scan:
    """One micro-batch under the current weights; all tensors (B, C)."""

    logp: torch.Tensor
    logp_old: torch.Tensor
    """What the ratio is measured against."""
    entropy: torch.Tensor


class AllRanks:
    """The process group, as rules ask it."""

    def total(self, values: torch.Tensor) -> torch.Tensor:
        return zero3.summed(values)

    def concatenated(self, values: torch.Tensor) -> tuple[torch.Tensor, int]:
        return zero3.concatenated(values)


@dataclass
class Selection:
    """Per micro-batch, the share of each token's copies that was selected: (B, C) in 0..1. None = nothing to select."""

    chosen: list[torch.Tensor] | None = None
    """By the loss itself."""
    kept: list[torch.Tensor] | None = None
    """Forking tokens, which keep their policy gradient."""
    stats: dict[str, float] = field(default_factory=dict)
    """The same on every rank."""


def selects_tokens(player: PlayerConfig) -> bool:
    """Whether a scan of the mini-batch is needed."""
    return "choose" in player.chosen("loss").facts or player.forking.share < 1


def select_tokens(batches: list[Batch], scans: list[Scan], player: PlayerConfig, seed: int) -> Selection:
    """Applies the loss's rule and the forking mask. Collective.

    Only tokens with a policy gradient take part: bare anchors are neither counted nor selected.
    """
    active = [(batch.mask * batch.pg_weight > 0) for batch in batches]
    table, copies = _measured(batches, scans, active)
    selection = Selection()
    if not table.count:
        nothing = [torch.zeros(on.shape, device=on.device) for on in active]
        chooses, forks = "choose" in player.chosen("loss").facts, player.forking.share < 1
        return Selection(nothing if chooses else None, nothing if forks else None)
    rule = player.chosen("loss").facts.get("choose")
    if rule is not None:
        selection.chosen = _back(_shares(rule, table, copies, player.of(player.loss), seed), active)
        selection.stats = _covariances(table)
    if player.forking.share < 1:
        selection.kept = _back(_shares(forking_tokens, table, copies, player.forking, seed), active)
    return selection


def _measured(batches: list[Batch], scans: list[Scan], active: list[torch.Tensor]) -> tuple[TokenTable, torch.Tensor]:
    """This rank's tokens, one entry per copy, and how many copies each token has."""
    columns = []
    for batch, scan, on in zip(batches, scans, active, strict=True):
        copies = batch.copies.expand_as(batch.mask)
        measured = (scan.logp, scan.logp_old, batch.advantage, scan.entropy, copies)
        columns.append(torch.stack([tensor[on].double() for tensor in measured], dim=1))
    own = torch.cat(columns)
    copies = own[:, 4].long()
    return TokenTable(*(own[:, i].repeat_interleave(copies) for i in range(4)), ranks=AllRanks()), copies


def _shares(rule: Callable, table: TokenTable, copies: torch.Tensor, keys: object, seed: int) -> torch.Tensor:
    """The rule's selection, as the share of each token's copies: (tokens of this rank,)."""
    token = torch.arange(len(copies), device=copies.device).repeat_interleave(copies)
    counts = torch.zeros_like(copies, dtype=torch.float32)
    return counts.index_add_(0, token, rule(table, keys, seed).float()) / copies


def _back(shares: torch.Tensor, active: list[torch.Tensor]) -> list[torch.Tensor]:
    """The shares in the shape of the micro-batches."""
    parts, start = [], 0
    for on in active:
        part = torch.zeros(on.shape, device=on.device)
        end = start + int(on.sum())
        part[on] = shares[start:end]
        parts.append(part)
        start = end
    return parts


def _covariances(table: TokenTable) -> dict[str, float]:
    """Quantiles of the mini-batch's covariances: the share that is selected should be seen against them."""
    own, last = table.covariance, table.count - 1
    places = {q: last + 1 - round(q * last) for q in (0.5, 0.99, 0.998)}
    return {f"covariance_p{100 * q:g}": nth_largest(own, place, table.ranks) for q, place in places.items()}
