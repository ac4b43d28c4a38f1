"""Keys of `base`, `lora` and the players' sections: what a player is, how it samples, how it learns."""

from __future__ import annotations

from dataclasses import dataclass, field

from rlad.config.errors import ConfigError
from rlad.config.methods import DiversityConfig, ForkingConfig, MismatchConfig
from rlad.config.registry import key, role
from rlad.config.sections import MethodSection
from rlad.config.servers import ServerConfig, is_url

ROLES = ("abstraction", "solution")
"""The players of a run that names no others; both are needed."""
AGGREGATIONS = ("token-mean", "sequence-mean", "prompt-mean", "constant")


@dataclass
class ModelConfig:
    path: str | None = None
    """A Hugging Face causal LM by folder or name; None = a tiny Qwen3-architecture model of the sizes below. The base
    URL of a server with OpenAI's chat API, e.g. http://127.0.0.1:8000/v1, names a model to be swept, not trained."""
    hidden_size: int = key(128, least=8)
    """Width of the tiny model, a multiple of its heads."""
    layers: int = key(4, least=1)
    """Decoder layers of the tiny model."""
    heads: int = key(4, least=1)
    """Query heads of the tiny model."""
    kv_heads: int = key(2, least=1)
    """Key and value heads of the tiny model; they divide the query heads."""
    intermediate_size: int = key(384, least=1)
    """Width of the tiny model's MLP."""
    max_positions: int = key(256, least=8)
    """Longest sequence of the tiny model: question, abstraction and solution together."""
    dtype: str = key("float32", one_of=("float32", "bfloat16", "float16"))
    """The dtype in which the model is held and rolled out."""
    float32_head: bool = False
    """Logits in float32 whatever the dtype, in trainer, reference and transformers sampler alike (ScaleRL)."""
    gradient_checkpointing: bool = False
    """Activations are computed again in the backward pass instead of being kept: less memory, more time."""
    attention: str = key("auto", one_of=("auto", "sdpa", "eager", "flash_attention_2"))
    """Which of transformers' attentions trainer, reference and transformers sampler use; auto = the model's own.
    flash_attention_2 needs the package flash-attn and a GPU; its rows share no prompts, and packed ones lie end to end
    without padding."""
    trust_remote_code: bool = False
    """Whether code that comes with the model's folder may run."""
    server: ServerConfig = field(default_factory=ServerConfig)
    """How the server is asked, where `path` is a URL."""

    @property
    def served(self) -> bool:
        """Whether it is behind a server, which tells its texts and has its weights for itself."""
        return is_url(self.path)


@dataclass
class LoraConfig:
    """Co-training of low-rank adapters (2106.09685), one per player, on one frozen base."""

    rank: int = key(0, least=0, most=512)
    """Rank of an adapter's matrices; 0 = off, all players train all of their weights."""
    alpha: float = key(32.0, above=0)
    """An adapter adds alpha / rank times its product to the base's layer."""
    targets: list[str] = key(
        factory=lambda: ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    )
    """Linear layers that get an adapter, by the last part of their names."""


@dataclass
class PlayerConfig(MethodSection):
    """One player: what it is, how it samples, how it learns."""

    model: ModelConfig | None = None
    """None = a copy of the base; set it to give this player a different model."""
    temperature: float = key(1.0, above=0, most=10)
    """Sampling temperature of training rollouts; the loss uses the same one."""
    max_new_tokens: int = key(48, least=1)
    """Longest text that the player writes in training and evaluation, in tokens."""
    thinking: str = key("auto", one_of=("auto", "true", "false"))
    """What the chat template is told as enable_thinking in all prompts of the player: true, false, or auto = true where
    it solves or criticises, false where it proposes or chooses (docs/pretrained.md)."""
    lr: float = key(1e-4, least=0, most=1)
    """Learning rate of Adam."""
    min_lr_ratio: float = key(1.0, least=0, most=1)
    """The rate falls linearly to this share of itself at the last step; 1 = constant."""
    weight_decay: float = key(0.0, least=0, most=1)
    """Decoupled weight decay of AdamW."""
    beta1: float = key(0.9, least=0, below=1)
    """Decay of Adam's mean of gradients."""
    beta2: float = key(0.95, least=0, below=1)
    """Decay of Adam's mean of squared gradients."""
    max_grad_norm: float = key(1.0, above=0)
    """Gradients are cut to this norm."""
    loss: str = key("ppo_clip", kind="loss")
    """The policy-gradient loss (docs/methods.md); its keys stand in the section of its name."""
    reward: str = key("verdict", kind="reward")
    """What the player is paid for (docs/rewards.md); verdict = right or wrong, for an abstraction the share of right
    solutions."""
    shaping: str = key("none", kind="shaping")
    """What changes advantages after credit: none, effective_rank (VERL), entrocraft, autopilot (docs/methods.md)."""
    advantage: str = key("mean", kind="advantage")
    """How the rewards of a group become advantages (docs/methods.md)."""
    aggregation: str = key("auto", one_of=("auto", *AGGREGATIONS))
    """How per-token losses become one number; auto = as the loss was published."""
    distillation: float = key(0.0, least=0)
    """Coefficient of -A * log p of guided solutions under their question alone (NudgeRL's is 0.1); 0 = off."""
    hicra: float = key(0.0, least=0, below=1)
    """alpha of HICRA: planning tokens' advantages become A + alpha * |A|; the paper's is 0.2, 0 switches it off."""
    overlong: int = key(0, least=0)
    """Tokens before max_new_tokens over which a reward falls by 1 (DAPO: 4096 of 20480); 0 = off."""
    old_logprobs: str = key("trainer", one_of=("trainer", "sampler"))
    """Whose log-probs of before the update the ratio is measured against."""
    forking: ForkingConfig = field(default_factory=ForkingConfig)
    mismatch: MismatchConfig = field(default_factory=MismatchConfig)
    diversity: DiversityConfig = field(default_factory=DiversityConfig)
    kl_coef: float = key(0.05, least=0)
    """Coefficient of the KL loss to the frozen reference (the warm-started base)."""
    kl_estimator: str = key("k3", one_of=("k1", "k2", "k3"))
    """Estimator of the KL as a loss; k3 is the usual one."""
    entropy_coef: float = key(0.0, least=-float("inf"))
    """Coefficient of the entropy bonus."""
    entropy_final: float | None = key(None, least=-float("inf"))
    """The coefficient at the end of the training, to which it moves; None = it stays entropy_coef."""
    entropy_schedule: str = key("linear", one_of=("linear", "cosine"))
    """How it moves, over the steps or the token budget, whichever is further."""
    entropy_target: float | None = key(None, least=0)
    """Nats per token. When set, the coefficient adapts: it grows by entropy_step while entropy is below the target."""
    entropy_step: float = key(1e-3, above=0)
    """What the adaptive coefficient grows or falls by after an update."""
    entropy_max: float = key(0.05, above=0)
    """The adaptive coefficient's ceiling."""

    @property
    def states_confidence(self) -> bool:
        """Whether the reward asks the player how sure it is of its answer."""
        return self.chosen("reward").facts.get("confidence", False)


def starting_player(name: str) -> PlayerConfig:
    """The player of a role (by name or `module:attribute`) as it is where the configuration says nothing."""
    return PlayerConfig(**role[name].facts.get("starting", {}))


def role_names(roles: list[str]) -> list[str]:
    """The names of roles, of which some may be given as `module:attribute`. Raises ConfigError for an unknown one."""
    names = [role[one].name if ":" in one else one for one in roles]
    for name, given in zip(names, roles, strict=True):
        if name == given and name not in ROLES and name not in role:
            raise ConfigError(f"roles names '{name}', but the roles are {', '.join((*ROLES, *role.names()))}.")
    if missing := [name for name in ROLES if name not in names]:
        raise ConfigError(f"roles leaves '{missing[0]}' out; both {' and '.join(ROLES)} are needed.")
    if len(set(names)) < len(names):
        raise ConfigError("roles names a player twice.")
    return names


def aggregation_of(player: PlayerConfig) -> str:
    """The mode in use: the configured one, or the one the loss was published with.

    >>> aggregation_of(PlayerConfig()), aggregation_of(PlayerConfig(loss="gspo"))
    ('token-mean', 'sequence-mean')
    """
    return player.chosen("loss").facts["aggregation"] if player.aggregation == "auto" else player.aggregation
