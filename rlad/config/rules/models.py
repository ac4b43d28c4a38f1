"""Models that can be built or loaded."""

from __future__ import annotations

from pathlib import Path

from rlad.config import ROLES, ConfigError, ModelConfig, PlayerConfig, RunConfig

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")


def models(config: RunConfig) -> list[tuple[str, ModelConfig]]:
    """The models of a run by their dotted name: the base, and a player's own where it has one."""
    named = [("base", config.base)]
    for role in ROLES:
        player: PlayerConfig = getattr(config, role)
        if player.model is not None:
            named.append((f"{role}.model", player.model))
    return named


def check_model(name: str, model: ModelConfig, config: RunConfig) -> None:
    if model.dtype == "float16" and config.launch.device == "cpu":
        raise ConfigError(f"{name}.dtype=float16 does not train on a CPU; use float32 or bfloat16.")
    if model.path is not None:
        check_model_folder(f"{name}.path", model.path)
        return
    if model.hidden_size % model.heads or (model.hidden_size // model.heads) % 2:
        raise ConfigError(
            f"{name}.hidden_size={model.hidden_size} must be {name}.heads={model.heads} times an even head size."
        )
    if model.heads % model.kv_heads:
        raise ConfigError(
            f"{name}.kv_heads={model.kv_heads} must divide {name}.heads={model.heads} (grouped-query attention)."
        )
    answers = config.abstraction.max_new_tokens + config.solution.max_new_tokens
    if answers >= model.max_positions:
        raise ConfigError(
            f"{name}.max_positions={model.max_positions} leaves no room for a question beside an abstraction and a "
            f"solution of up to {answers} tokens (max_new_tokens of both players)."
        )


def check_lora(config: RunConfig) -> None:
    """Adapters of both players stand beside the same frozen base, never beside its embeddings."""
    lora = config.lora
    if config.engine.kind == "vllm" and config.engine.placement == "lora" and not lora.rank:
        raise ConfigError("engine.placement=lora serves one base with an adapter per player; set lora.rank above 0.")
    if not lora.rank:
        return
    if not lora.targets:
        raise ConfigError("lora.targets is empty; name at least one kind of linear layer, such as q_proj.")
    for target in lora.targets:
        if target in ("lm_head", "embed_tokens"):
            raise ConfigError(
                f"lora.targets names '{target}', but embeddings and the output head, which may be tied, stay those of "
                "the base; name layers inside the blocks, such as q_proj."
            )
    for role in ROLES:
        if getattr(config, role).model is not None:
            raise ConfigError(f"With lora.rank={lora.rank} both players have one base; leave {role}.model out.")
    if config.warmstart.role_steps:
        raise ConfigError(
            f"warmstart.role_steps={config.warmstart.role_steps} gives each player a base of its own, but adapters "
            f"(lora.rank={lora.rank}) share one; set it to 0."
        )


def check_model_folder(key: str, path: str) -> None:
    """Raises ConfigError when `path` is a local folder (or plainly meant to be one) that holds no complete model.

    A name like `Qwen/Qwen3-1.7B` that is no local folder is left to the model hub.
    """
    folder = Path(path).expanduser()
    if not folder.exists():
        if path.startswith(("/", ".", "~")) or path.count("/") > 1:
            raise ConfigError(f"There is no model folder '{path}' ({key}).")
        return
    if not folder.is_dir():
        raise ConfigError(f"{key}='{path}' must be a folder with a Hugging Face model, not a file.")
    if not (folder / "config.json").is_file():
        raise ConfigError(f"The model folder '{path}' ({key}) has no config.json.")
    if not any((folder / file).is_file() for file in _TOKENIZER_FILES):
        raise ConfigError(f"The model folder '{path}' ({key}) has no tokenizer (such as tokenizer.json).")
    if not any(folder.glob("*.safetensors")) and not any(folder.glob("pytorch_model*.bin")):
        raise ConfigError(f"The model folder '{path}' ({key}) has no weights (such as model.safetensors).")
