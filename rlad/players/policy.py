"""Policy: one player = role + model + tokenizer + its own directories."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import transformers
from transformers.utils.logging import disable_progress_bar

from rlad.config import ConfigError, ModelConfig, ProblemsConfig, RunConfig
from rlad.config.rules import dropouts
from rlad.players.confidence import CONFIDENCE_TOKENS
from rlad.players.grouped import use_grouped_attention
from rlad.players.head import Float32Head
from rlad.players.lean import language_models_only, save_model
from rlad.players.matmul import use_fast_matmul
from rlad.players.prompts import Prompts, project_tasks, reads_thinking
from rlad.players.roles import playing, role_of
from rlad.players.tokenizer import CRITIQUE_TOKENS, SET_TOKEN, is_world_tokenizer, world_tokenizer
from rlad.problems import make_world

with language_models_only():
    from transformers import (
        AutoConfig,
        AutoModelForCausalLM,
        AutoTokenizer,
        PretrainedConfig,
        PreTrainedModel,
        Qwen3Config,
        Qwen3ForCausalLM,
    )

# One bar per weight file and rank would drown what a run has to say.
disable_progress_bar()


@dataclass
class Policy:
    """One player. The training loop holds two and never branches on `role` outside rewards and credit."""

    role: str
    """abstraction or solution (base for the shared warm start)."""
    model: PreTrainedModel
    prompts: Prompts
    folder: Path
    """The player's own directory: nothing of another player is ever written there."""

    @property
    def tokenizer(self):
        return self.prompts.tokenizer

    def export(self, folder: Path | None = None, state: dict[str, torch.Tensor] | None = None) -> Path:
        """Writes a plain Hugging Face folder (safetensors, tokenizer, chat template); `state` replaces the weights."""
        target = folder or self.folder
        target.mkdir(parents=True, exist_ok=True)
        save_model(self.model, target, state)
        self.tokenizer.save_pretrained(target)
        return target


def tiny_model(config: ModelConfig, vocabulary: int, eos: int, pad: int) -> Qwen3ForCausalLM:
    """A randomly initialised Qwen3-architecture model.

    Embeddings are untied: an inference engine that reloads weights in place can keep a stale head when they are tied.
    """
    return Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=vocabulary,
            hidden_size=config.hidden_size,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            num_key_value_heads=config.kv_heads,
            head_dim=config.hidden_size // config.heads,
            intermediate_size=config.intermediate_size,
            max_position_embeddings=config.max_positions,
            tie_word_embeddings=False,
            eos_token_id=eos,
            pad_token_id=pad,
            bos_token_id=None,
        )
    ).to(getattr(torch, config.dtype))


def format_tokens(config: RunConfig) -> list[str]:
    """The tokens that the run's methods add to a world's vocabulary; none by default.

    >>> format_tokens(RunConfig())
    []
    """
    tokens = list(CONFIDENCE_TOKENS) if config.solution.states_confidence else []
    mixture = config.warmstart.mixture
    if config.cotrain.critique.source != "none" or mixture.critique or mixture.refine:
        tokens += CRITIQUE_TOKENS
    if config.cotrain.proposals == "joint" or mixture.propose_set:
        tokens.append(SET_TOKEN)
    return tokens + [mark for role in playing(config).values() for mark in role.marks]


def load_tokenizer(model: ModelConfig, problems: ProblemsConfig, formats: Sequence[str] = ()):
    """The model's own tokenizer, or a world's WordLevel one (with `formats`) for a model built from scratch.

    Raises ConfigError for a tokenizer without an end-of-sequence token, and for a world's model that was made without
    the `formats`.
    """
    if model.served:
        raise ConfigError(f"The model at {model.path} is a server's: it can be swept, but not loaded.")
    if model.path is not None:
        tokenizer = AutoTokenizer.from_pretrained(model.path, trust_remote_code=model.trust_remote_code)
        if tokenizer.eos_token_id is None:
            raise ConfigError(
                f"The tokenizer of '{model.path}' has no end-of-sequence token, so nothing that a player writes would "
                "end; name one as eos_token in its tokenizer_config.json."
            )
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        missing = sorted(set(formats) - set(tokenizer.get_vocab()))
        if missing and is_world_tokenizer(tokenizer):
            raise ConfigError(
                f"The model in '{model.path}' has no token '{missing[0]}', which a method of this run writes; make its "
                "warm start again with the method switched on."
            )
        return tokenizer
    world = make_world(problems)
    return world_tokenizer(world.vocabulary(), model.max_positions, formats)


def build_model(model: ModelConfig, tokenizer, seed: int = 0, dropout: bool = False) -> PreTrainedModel:
    """Loads a causal LM, or builds the tiny one with `seed`. With `dropout` a loaded model keeps its own, else it has
    none: samplers have none, and a policy measured with other units switched off than it sampled with is another one.
    """
    use_grouped_attention()
    if model.path is None:
        use_fast_matmul(model.hidden_size)
        torch.manual_seed(seed)
        tiny = tiny_model(model, len(tokenizer), tokenizer.eos_token_id, tokenizer.pad_token_id)
        return with_head(attending(tiny, model), model)
    described = description(model)
    if not dropout:
        without_dropout(described)
    without_router_loss(described)
    loaded = AutoModelForCausalLM.from_pretrained(
        model.path, config=described, dtype=getattr(torch, model.dtype), trust_remote_code=model.trust_remote_code
    )
    for module in loaded.modules():  # shares that a model's code states itself
        if isinstance(module, torch.nn.modules.dropout._DropoutNd) and not dropout:
            module.p = 0.0
    require_embeddings(model, loaded, tokenizer)
    use_fast_matmul(described.get_text_config().hidden_size)
    if model.gradient_checkpointing:
        loaded.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    return with_head(attending(loaded, model), model)


def attending(built: PreTrainedModel, model: ModelConfig) -> PreTrainedModel:
    """The model with the attention that was asked for. Raises ConfigError where it has no such one."""
    if model.attention != "auto":
        try:
            built.set_attn_implementation(model.attention)
        except ValueError as error:
            raise ConfigError(f"{type(built).__name__} has no attention '{model.attention}': {error}") from error
    return built


def description(model: ModelConfig) -> PretrainedConfig:
    """A loaded model's configuration. Raises ConfigError for an architecture that transformers does not have."""
    try:
        return AutoConfig.from_pretrained(model.path, trust_remote_code=model.trust_remote_code)
    except ValueError as error:
        why = " ".join(str(error).partition("\n")[0].split()).rstrip(".")
        raise ConfigError(f"transformers {transformers.__version__} cannot read '{model.path}': {why}.") from error


def skeleton(model: ModelConfig, tokenizer) -> PreTrainedModel:
    """The model without numbers: its layers and shapes, on torch's meta device, of which nothing is read or drawn."""
    with torch.device("meta"):
        if model.path is None:
            return tiny_model(model, len(tokenizer), tokenizer.eos_token_id, tokenizer.pad_token_id)
        return AutoModelForCausalLM.from_config(description(model), trust_remote_code=model.trust_remote_code)


def require_embeddings(model: ModelConfig, loaded: PreTrainedModel, tokenizer) -> None:
    """Raises ConfigError for a tokenizer with tokens that its model has no embeddings for."""
    rows = loaded.get_input_embeddings().num_embeddings
    if len(tokenizer) > rows:
        raise ConfigError(
            f"The tokenizer of '{model.path}' has {len(tokenizer)} tokens, its model only {rows} embeddings; tokens "
            "were added without resize_token_embeddings."
        )


def without_dropout(described: PretrainedConfig) -> None:
    """Sets every dropout share of a model's configuration to 0, in place, also in those of its parts."""
    for name, value in vars(described).items():
        if isinstance(value, PretrainedConfig):
            without_dropout(value)
        elif name in dropouts({name: value}):
            setattr(described, name, 0.0)


def without_router_loss(described: PretrainedConfig) -> None:
    """Has a mixture of experts give no router outputs, in place, nor have its parts. Of them transformers makes a loss
    that balances the experts, which nothing here adds to its own and which has no form for single tokens and for masks
    of rows by columns: sampling would fail."""
    for part in (described, *(value for value in vars(described).values() if isinstance(value, PretrainedConfig))):
        if getattr(part, "output_router_logits", False):
            part.output_router_logits = False


def with_head(model: PreTrainedModel, config: ModelConfig) -> PreTrainedModel:
    """The model, its output head in float32 where that is asked, and given states in one piece. Copies keep both; an
    export is an ordinary model."""
    if config.float32_head:
        # The class changes, not the module: names, tied weights and ZeRO-3's hooks stay as they are.
        model.get_output_embeddings().__class__ = Float32Head
    if isinstance(head := model.get_output_embeddings(), torch.nn.Linear):
        head.register_forward_pre_hook(in_one_piece)
    return model


def in_one_piece(head: torch.nn.Module, given: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """The last positions of a batch are cut out of it, and a product with what lies apart is one product per row, for
    each of which oneDNN copies the weights: 113 MB and 130 ms a row at 49,152 words of 576 numbers."""
    return (given[0].contiguous(), *given[1:])


def make_policy(role: str, model: ModelConfig, config: RunConfig, folder: Path, dropout: bool = False) -> Policy:
    """A player from its model's configuration; `dropout` as in `build_model`."""
    tokenizer = load_tokenizer(model, config.problems, format_tokens(config))
    built = build_model(model, tokenizer, config.seed, dropout)
    return Policy(role, built, make_prompts(tokenizer, config), folder)


def make_prompts(tokenizer, config: RunConfig) -> Prompts:
    """The prompts of a run's players.

    Raises ConfigError where all have this tokenizer, and its chat template cannot be told who thinks.
    """
    roles = playing(config).values()
    tasks = project_tasks() | {name: task for role in roles for name, task in role.tasks.items()}
    for role, player in config.players.items():
        if player.thinking != "auto":
            own = role_of(role, config).tasks
            tasks |= {name: replace(task, thinking=player.thinking == "true") for name, task in own.items()}
    if not any(player.model for player in config.players.values()):
        require_thinking(tokenizer, config, config.players)
    short = config.wording == "short"
    return Prompts(tokenizer, confidence=config.solution.states_confidence, tasks=tasks, short=short)


def require_thinking(tokenizer, config: RunConfig, roles: Iterable[str]) -> None:
    """Raises ConfigError where the tokenizer is one of players that are to think or not, and no prompt says so."""
    told = [
        f"{role}.thinking={config.players[role].thinking}" for role in roles if config.players[role].thinking != "auto"
    ]
    if told and not reads_thinking(tokenizer):
        raise ConfigError(
            f"{told[0]} is told to the chat template as enable_thinking, which that of '{tokenizer.name_or_path}' does "
            "not read; leave it auto."
        )
