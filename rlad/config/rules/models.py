"""Models that can be built or loaded."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rlad.config import ROLES, ConfigError, ModelConfig, PlayerConfig, RunConfig

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")
WITHOUT_CACHE = (
    *("falcon_mamba", "gemma4_assistant", "gemma4_unified_assistant", "mamba", "mamba2", "openai-gpt", "reformer"),
    *("rwkv", "xlm", "xlnet", "xlstm"),
)
"""Model types of transformers' causal LMs whose forward takes no cache of keys and values."""
_POSITIONS = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len")
_HEADS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")


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
    if model.served:
        check_served(name, config)
        return
    if model.attention == "flash_attention_2":
        if importlib.util.find_spec("flash_attn") is None or config.launch.device == "cpu":
            raise ConfigError(f"{name}.attention=flash_attention_2 needs the package flash-attn and a GPU; use sdpa.")
        if model.dtype == "float32":
            raise ConfigError(f"{name}.attention=flash_attention_2 takes 16 bits alone; set {name}.dtype=bfloat16.")
    if model.path is not None:
        check_model_folder(f"{name}.path", model.path)
        check_architecture(name, model, config)
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


def check_served(name: str, config: RunConfig) -> None:
    """A model behind a server can be asked for texts, and for nothing else."""
    beside = "lora.rank" if config.lora.rank else "steering.layers" if config.steering.active else None
    if beside:
        raise ConfigError(f"{beside} learns beside a model's weights, and {name}.path is a server, which keeps them.")


def require_weights(config: RunConfig) -> None:
    """Raises ConfigError for a run one of whose models is behind a server: it cannot be trained or loaded."""
    for name, model in models(config):
        if model.served:
            raise ConfigError(
                f"{name}.path='{model.path}' is a server: its model can be swept, and given abstractions by transfer; "
                "everything else wants the folder or name of a model."
            )


def check_thinking(config: RunConfig) -> None:
    """A chat template is told whether to think, and a model made from scratch has none."""
    for role, player in config.players.items():
        if player.thinking != "auto" and (player.model or config.base).path is None:
            raise ConfigError(
                f"{role}.thinking={player.thinking} is told to a chat template, and a model that is made from scratch "
                "has none; leave it auto, or name a model in base.path."
            )


def check_lora(config: RunConfig) -> None:
    """Adapters of both players stand beside the same frozen base, never beside its embeddings."""
    lora = config.lora
    if config.engine.kind in ("vllm", "auto") and config.engine.placement == "lora" and not lora.rank:
        raise ConfigError("engine.placement=lora serves one base with an adapter per player; set lora.rank above 0.")
    if config.warmstart.lora and (not lora.rank or config.base.path is None):
        missing = "set lora.rank above 0" if not lora.rank else "name one as base.path, or train all weights"
        raise ConfigError(f"warmstart.lora=true trains an adapter beside a model that has learnt something; {missing}.")
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
        if folder.parent == Path("models"):
            raise ConfigError(f"There is no model in '{path}' ({key}) yet; ./launch.sh model {folder.name} brings it.")
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


def reads_no_mask(facts: dict[str, Any]) -> str | None:
    """Why a model, by its description, cannot be told position by position what to attend to; None where it can.

    >>> reads_no_mask({"layer_types": ["full_attention", "sliding_attention"]})
    'its layers have sliding_attention, which goes by places in a row'
    >>> reads_no_mask({"attn_implementation": "flash_attention_2"})
    'its attention, flash_attention_2, takes no mask of rows by columns'
    """
    facts = facts | (facts.get("text_config") or {})
    attention = facts.get("attn_implementation") or "sdpa"
    if attention not in ("sdpa", "eager"):
        return f"its attention, {attention}, takes no mask of rows by columns"
    others = sorted(set(facts.get("layer_types") or ()) - {"full_attention"})
    window = facts.get("sliding_window") and facts.get("use_sliding_window") is not False
    if others or (window and not facts.get("layer_types")):
        return f"its layers have {others[0] if others else 'sliding_attention'}, which goes by places in a row"
    if facts.get("alibi") or facts.get("model_type") in ("bloom", "mpt"):
        return "it weighs keys by their distance in a row (ALiBi)"
    return None


def packs_by_positions(facts: Mapping[str, Any]) -> bool:
    """Whether a model's attention, by its description, keeps texts that lie end to end apart by their positions, and
    takes no mask: flash attention of variable lengths.

    >>> packs_by_positions({"attn_implementation": "flash_attention_2"}), packs_by_positions({})
    (True, False)
    """
    return str(facts.get("attn_implementation")).startswith("flash_attention")


# ------------------------------------------------------------------------------------------------- config.json
def model_config(path: str) -> dict[str, Any] | None:
    """A model's `config.json`, of its folder or of the local hub cache; None for a model that is not here yet."""
    local = Path(path).expanduser() / "config.json"
    file = local if local.is_file() else _cached_config(path)
    if file is None:
        return None
    try:
        facts = json.loads(file.read_text())
    except ValueError as error:
        raise ConfigError(f"'{file}' is not JSON: {error}.") from error
    if not isinstance(facts, dict):
        raise ConfigError(f"'{file}' is not a model's description: it holds no JSON object.")
    return facts


def _cached_config(name: str) -> Path | None:
    home = Path(os.environ.get("HF_HUB_CACHE", Path(os.environ.get("HF_HOME", "~/.cache/huggingface")) / "hub"))
    found = sorted((home.expanduser() / f"models--{name.replace('/', '--')}" / "snapshots").glob("*/config.json"))
    return found[-1] if found else None


def _facts(config: dict[str, Any], names: tuple[str, ...]) -> Iterator[Any]:
    """Values under these names, in the model's own description or in that of its language part."""
    for part in (config, config.get("text_config") or {}):
        yield from (part[name] for name in names if part.get(name) is not None)


def max_positions(path: str) -> int | None:
    """Tokens that a model's positions allow for; None where nothing here says so."""
    return next((int(value) for value in _facts(model_config(path) or {}, _POSITIONS)), None)


def dropouts(config: dict[str, Any]) -> dict[str, float]:
    """Dropout shares above 0 in a model's description, also in those of its parts.

    >>> dropouts({"attn_pdrop": 0.1, "text_config": {"attention_dropout": 0.0, "dropout": 0.2}, "hidden": 3})
    {'attn_pdrop': 0.1, 'dropout': 0.2}
    """
    found: dict[str, float] = {}
    for name, value in config.items():
        if isinstance(value, dict):
            found |= dropouts(value)
        elif "drop" in str(name) and isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
            found[name] = value
    return found


def check_architecture(name: str, model: ModelConfig, config: RunConfig) -> None:
    """Raises ConfigError for a model that its description shows to be none that could play."""
    facts = model_config(str(model.path))
    if facts is None:
        return
    where = f"The model in '{model.path}' ({name}.path)"
    kind = facts.get("model_type")
    if facts.get("is_encoder_decoder"):
        raise ConfigError(f"{where} is an encoder-decoder ({kind}); players are decoders, which continue their prompt.")
    heads = facts.get("architectures") or []
    if heads and not facts.get("auto_map") and not any(head.endswith(_HEADS) for head in heads):
        raise ConfigError(f"{where} is no causal language model: its architecture is {heads[0]}.")
    if kind in WITHOUT_CACHE:
        raise ConfigError(
            f"{where} is a {kind}, which keeps no keys and values of what it has read, as sampling wants it."
        )
    answers = config.abstraction.max_new_tokens + config.solution.max_new_tokens
    room = max_positions(str(model.path))
    if room is not None and answers >= room:
        raise ConfigError(
            f"{where} has {room} positions, no room for a question beside an abstraction and a solution of up to "
            f"{answers} tokens (max_new_tokens of both players)."
        )
