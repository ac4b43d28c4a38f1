"""Choosing tokens over the whole mini-batch, on all ranks: what Clip-Cov, KL-Cov and forking tokens need.

A scan without gradients measures the tokens, all ranks' measurements come together, a pure rule of trainers/losses
chooses, and every rank takes its own part. Methods that choose nothing pay nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from rlad.config import PlayerConfig
from trainers.credit.rows import Row
from trainers.learner.batches import Batch
from trainers.losses import LOSSES
from trainers.losses.forking import forking_tokens
from trainers.losses.selection import TokenTable, covariance
from trainers.runtime import zero3


@dataclass
class Measured:
    """One micro-batch as a scan saw it; all tensors (B, C)."""

    logp: torch.Tensor
    logp_old: torch.Tensor
    advantage: torch.Tensor
    entropy: torch.Tensor


@dataclass
class Choice:
    """Per micro-batch, the share of each token's copies that was chosen: (B, C) in 0..1. None = nothing to choose."""

    loss: list[torch.Tensor] | None = None
    """By the loss itself."""
    kept: list[torch.Tensor] | None = None
    """Forking tokens, which keep their policy gradient."""
    stats: dict[str, float] = field(default_factory=dict)
    """The same on every rank."""


def chooses(player: PlayerConfig) -> bool:
    """Whether a scan of the mini-batch is needed."""
    return LOSSES[player.loss].choose is not None or player.forking.share < 1


def choose(rows: list[Row], batches: list[Batch], scans: list[Measured], player: PlayerConfig, seed: int) -> Choice:
    """Applies the loss's rule and the forking mask. Collective.

    Only tokens with a policy gradient take part: bare anchors are neither counted nor chosen.
    """
    active = [(b.mask * b.spread([row.pg_weight for row in rows]) > 0) for b in batches]
    table, copies, start = _gathered(rows, batches, scans, active)
    choice = Choice()
    rule = LOSSES[player.loss].choose
    if rule is not None:
        choice.loss = _back(_chosen(rule, table, copies, player, seed), start, active)
        choice.stats = _covariances(table)
    if player.forking.share < 1:
        choice.kept = _back(_chosen(forking_tokens, table, copies, player, seed), start, active)
    return choice


def _gathered(
    rows: list[Row], batches: list[Batch], scans: list[Measured], active: list[torch.Tensor]
) -> tuple[TokenTable, torch.Tensor, int]:
    """All ranks' tokens, one entry per copy; how many copies each token has; where this rank's tokens begin."""
    columns = []
    for batch, scan, on in zip(batches, scans, active, strict=True):
        copies = batch.spread([float(row.copies) for row in rows]).expand_as(batch.mask)
        measured = (scan.logp, scan.logp_old, scan.advantage, scan.entropy, copies)
        columns.append(torch.stack([tensor[on].double() for tensor in measured], dim=1))
    everywhere, start = zero3.concatenated(torch.cat(columns))
    copies = everywhere[:, 4].long()
    return TokenTable(*(everywhere[:, i].repeat_interleave(copies) for i in range(4))), copies, start


def _chosen(rule: Callable, table: TokenTable, copies: torch.Tensor, player: PlayerConfig, seed: int) -> torch.Tensor:
    """The rule's choice, as the share of each token's copies: (tokens of all ranks,)."""
    if not len(copies):
        return torch.zeros_like(copies, dtype=torch.float32)
    token = torch.arange(len(copies), device=copies.device).repeat_interleave(copies)
    counts = torch.zeros_like(copies, dtype=torch.float32)
    return counts.index_add_(0, token, rule(table, player, seed).float()) / copies


def _back(chosen: torch.Tensor, start: int, active: list[torch.Tensor]) -> list[torch.Tensor]:
    """This rank's part, in the shape of its micro-batches."""
    parts = []
    for on in active:
        part = torch.zeros(on.shape, device=on.device)
        end = start + int(on.sum())
        part[on] = chosen[start:end]
        parts.append(part)
        start = end
    return parts


def _covariances(table: TokenTable) -> dict[str, float]:
    """Quantiles of the mini-batch's covariances: the share that is chosen should be seen against them."""
    if not len(table.logp):
        return {}
    ordered = covariance(table.logp, table.advantage).sort().values
    last = len(ordered) - 1
    return {f"covariance_p{100 * q:g}": ordered[round(q * last)].item() for q in (0.5, 0.99, 0.998)}
