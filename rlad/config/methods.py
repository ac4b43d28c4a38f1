"""Sections of a player that belong to one method each; `loss` and `advantage` choose which of them are read.

Formulas, sources and traps: docs/methods.md. Numbers are the papers' or, where those disagree, say whose they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

LOSSES = {
    "ppo_clip": "token-mean",
    "dr_grpo": "constant",
    "gspo": "sequence-mean",
    "cispo": "token-mean",
    "sapo": "sequence-mean",
    "dppo": "token-mean",
    "gppo": "token-mean",
    "ce_gppo": "token-mean",
    "clip_cov": "token-mean",
    "kl_cov": "token-mean",
}
"""Every loss and the aggregation it was published with, which `aggregation: auto` stands for."""

AGGREGATIONS = ("token-mean", "sequence-mean", "prompt-mean", "constant")
ADVANTAGES = ("mean", "std", "rloo", "batch_std", "reinforce_pp", "reinforce_pp_baseline")


@dataclass
class GspoConfig:
    """GSPO (2507.18071): bounds of the sequence's ratio, a geometric mean, so a thousandth of a token's."""

    clip_low: float = 3e-4
    clip_high: float = 4e-4


@dataclass
class CispoConfig:
    """CISPO (2506.13585): bounds of the detached ratio itself (not of its distance from 1)."""

    floor: float = 0.0
    cap: float = 5.0
    """5.0 is ScaleRL's (2510.13786); 1 + clip_high in the code of others."""


@dataclass
class SapoConfig:
    """SAPO (2511.20347): temperatures of the soft gate for positive and for other advantages."""

    tau_positive: float = 1.0
    tau_negative: float = 1.05


@dataclass
class DppoConfig:
    """DPPO (2602.04879), total variation of the sampled token."""

    delta: float = 0.2
    """A token is left out when its probability has moved further than this in the direction of its advantage."""
    ratio_cap: float = 20.0
    """The ratio weighs at most this."""


@dataclass
class CeGppoConfig:
    """CE-GPPO (2509.20712): how much of the gradient beyond each clip bound is kept."""

    beta_low: float = 0.75
    """Low-probability tokens with negative advantage; drives entropy down."""
    beta_high: float = 1.0
    """Tokens beyond the upper bound with positive advantage; keeps exploration."""


@dataclass
class ClipCovConfig:
    """Clip-Cov (2505.22617)."""

    share: float = 2e-4
    """Share of the mini-batch's tokens that is drawn and left out of the policy gradient, at least one."""
    low: float = 1.0
    high: float = 5.0
    """Only tokens with low < covariance < high can be drawn."""
    clip_low: float = 1.0
    clip_high: float = 1.0
    """Bounds of the ratio as in the authors' recipes: wider than PPO's, so the covariance does the work."""


@dataclass
class KlCovConfig:
    """KL-Cov (2505.22617)."""

    share: float = 2e-3
    """Share of tokens of highest covariance that is held back: 2e-3 at 7B, 2e-4 at 32B."""
    beta: float = 1.0


@dataclass
class ReinforcePpConfig:
    """REINFORCE++ (2501.03262)."""

    over: str = "tokens"
    """tokens (as the authors' code: long answers weigh more) or sequences: what mean and deviation are taken over."""
    kl: float = 0.01
    """advantage=reinforce_pp only: coefficient of the KL inside the return."""


@dataclass
class ForkingConfig:
    """Policy gradient only on the tokens of highest entropy, "80/20" (2506.01939); composes with every loss."""

    share: float = 1.0
    """Share of tokens that keeps its policy gradient; the paper's is 0.2, and 1 switches it off."""
    denominator: str = "all"
    """all (the paper: divide by all tokens) or kept (the authors' code: about 1/share times larger gradients)."""


@dataclass
class MismatchConfig:
    """Importance weights pi_trainer / pi_sampler of before the update; they multiply the policy loss."""

    kind: str = "none"
    """none, truncated (TIS: min(w, high)) or masked (MIS, IcePop: 0 outside [low, high], else w)."""
    level: str = "token"
    """token, sequence (product over the sequence) or geometric (its per-token geometric mean)."""
    low: Optional[float] = None
    """None = 0.5, or 0.999 at level=geometric."""
    high: Optional[float] = None
    """None = 2, or 1.001 at level=geometric."""
    opsm: Optional[float] = None
    """Off-policy sequence masking: drop sequences with A < 0 and mean log(pi_sampler/pi) above this, nats."""
