"""Keys of `base`, `lora`, `abstraction` and `solution`: what a player is, how it samples, how it learns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

from rlad.config.methods import (
    LOSSES,
    CeGppoConfig,
    CispoConfig,
    ClipCovConfig,
    DppoConfig,
    ForkingConfig,
    GspoConfig,
    KlCovConfig,
    MismatchConfig,
    ReinforcePpConfig,
    SapoConfig,
)

ROLES = ("abstraction", "solution")


@dataclass
class ModelConfig:
    path: Optional[str] = None
    """A Hugging Face causal LM by folder or name; None = a tiny Qwen3-architecture model of the sizes below."""
    hidden_size: int = 128
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    intermediate_size: int = 384
    max_positions: int = 256
    dtype: str = "float32"
    """float32, bfloat16 or float16: the dtype in which the model is held and rolled out."""
    float32_head: bool = False
    """Logits in float32 whatever the dtype, in trainer, reference and transformers sampler alike (ScaleRL)."""
    gradient_checkpointing: bool = False
    trust_remote_code: bool = False


@dataclass
class LoraConfig:
    """Co-training of low-rank adapters (2106.09685), one per player, on one frozen base."""

    rank: int = 0
    """Of an adapter's matrices; 0 = off, both players train all of their weights."""
    alpha: float = 32.0
    """An adapter adds alpha / rank times its product to the base's layer."""
    targets: list[str] = field(
        default_factory=lambda: ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    )
    """Linear layers that get an adapter, by the last part of their names."""


@dataclass
class PlayerConfig:
    """One player: what it is, how it samples, how it learns."""

    model: Optional[ModelConfig] = None
    """None = a copy of the base; set it to give this player a different model."""
    temperature: float = 1.0
    """Sampling temperature of training rollouts; the loss uses the same one."""
    max_new_tokens: int = 48
    lr: float = 1e-4
    min_lr_ratio: float = 1.0
    """The rate falls linearly to this share of itself at the last step; 1 = constant."""
    weight_decay: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.95
    max_grad_norm: float = 1.0
    loss: str = "ppo_clip"
    """A method of docs/methods.md: ppo_clip, dr_grpo, gspo, cispo, sapo, dppo, gppo, ce_gppo, clip_cov or kl_cov."""
    clip_low: float = 0.2
    clip_high: float = 0.28
    """ppo_clip, dr_grpo, gppo, ce_gppo: the ratio is clipped to [1 - clip_low, 1 + clip_high] (DAPO: clip-higher)."""
    dual_clip: Optional[float] = 3.0
    """ppo_clip, dr_grpo, gppo: for negative advantages the loss is at most dual_clip * |A|; None = off."""
    reward: str = "verdict"
    """verdict (right or wrong; for an abstraction the share of right solutions). Solution player: rlcr (right, and
    knowing how likely). Abstraction player: hill (hints that make a group worth learning from), r3 (how likely it makes
    a known solution). Names in trainers/rewards."""
    shaping: str = "none"
    """none, or effective_rank (VERL: the last token's advantage grows with the spread of the hidden states)."""
    advantage: str = "mean"
    """mean (centred), std (by the group's deviation), rloo, batch_std (by the batch's), reinforce_pp(_baseline)."""
    aggregation: str = "auto"
    """token-mean, sequence-mean, prompt-mean, constant: per-token losses to one number; auto = the loss's own."""
    hicra: float = 0.0
    """alpha of HICRA: planning tokens' advantages become A + alpha * |A|; the paper's is 0.2, 0 switches it off."""
    overlong: int = 0
    """Tokens before max_new_tokens over which a reward falls by 1 (DAPO: 4096 of 20480); 0 = off."""
    old_logprobs: str = "trainer"
    """trainer or sampler: whose log-probs of before the update the ratio is measured against."""
    gspo: GspoConfig = field(default_factory=GspoConfig)
    cispo: CispoConfig = field(default_factory=CispoConfig)
    sapo: SapoConfig = field(default_factory=SapoConfig)
    dppo: DppoConfig = field(default_factory=DppoConfig)
    ce_gppo: CeGppoConfig = field(default_factory=CeGppoConfig)
    clip_cov: ClipCovConfig = field(default_factory=ClipCovConfig)
    kl_cov: KlCovConfig = field(default_factory=KlCovConfig)
    reinforce_pp: ReinforcePpConfig = field(default_factory=ReinforcePpConfig)
    forking: ForkingConfig = field(default_factory=ForkingConfig)
    mismatch: MismatchConfig = field(default_factory=MismatchConfig)
    kl: float = 0.05
    """Coefficient of the KL loss to the frozen reference (the warm-started base)."""
    kl_estimator: str = "k3"
    """k1, k2 or k3 (as a loss; k3 is the usual one)."""
    entropy: float = 0.0
    """Coefficient of the entropy bonus."""
    entropy_target: Optional[float] = None
    """Nats per token. When set, the coefficient adapts: it grows by entropy_step while entropy is below the target."""
    entropy_step: float = 1e-3
    entropy_max: float = 0.05


def aggregation_of(player: PlayerConfig) -> str:
    """The mode in use: the configured one, or the one the loss was published with.

    >>> aggregation_of(PlayerConfig()), aggregation_of(PlayerConfig(loss="gspo"))
    ('token-mean', 'sequence-mean')
    """
    return LOSSES[player.loss] if player.aggregation == "auto" else player.aggregation
