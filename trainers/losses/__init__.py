"""Policy-gradient losses: pure functions of per-token tensors, chosen by name.

A loss takes `(logp, logp_old, advantage, mask, player)`, all tensors (B, T) but the player's configuration, and returns
the per-token loss (B, T) to be minimised and a dict of per-token statistics (B, T). One that chooses tokens of the
whole mini-batch has a rule for that, a pure function `(table, player, seed) -> (N,) bool`, and takes the choice, (B, T)
in 0..1, as its sixth argument. Aggregation is separate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trainers.losses.ce_gppo import ce_gppo
from trainers.losses.cispo import cispo
from trainers.losses.clip_cov import clip_cov, clip_cov_tokens
from trainers.losses.dppo import dppo
from trainers.losses.gppo import gppo
from trainers.losses.gspo import gspo
from trainers.losses.kl_cov import kl_cov, kl_cov_tokens
from trainers.losses.ppo_clip import ppo_clip
from trainers.losses.sapo import sapo


@dataclass(frozen=True)
class Method:
    """A loss, and the rule by which it chooses tokens, if it does."""

    loss: Callable
    choose: Callable | None = None


LOSSES = {
    "ppo_clip": Method(ppo_clip),
    "dr_grpo": Method(ppo_clip),  # with constant aggregation, see rlad/config/methods.py
    "gspo": Method(gspo),
    "cispo": Method(cispo),
    "sapo": Method(sapo),
    "dppo": Method(dppo),
    "gppo": Method(gppo),
    "ce_gppo": Method(ce_gppo),
    "clip_cov": Method(clip_cov, clip_cov_tokens),
    "kl_cov": Method(kl_cov, kl_cov_tokens),
}
