"""Engines that sample completions for a player."""

from __future__ import annotations

from rlad.config import ConfigError, EngineConfig
from rlad.generation.base import Completion, Engine, EngineFailed, Sampling

__all__ = ["Completion", "Engine", "EngineFailed", "Sampling", "make_engine"]


def make_engine(config: EngineConfig, model, tokenizer) -> Engine:
    """The configured engine around a full (never a partitioned) copy of a model."""
    if config.kind == "transformers":
        from rlad.generation.transformers import TransformersEngine

        return TransformersEngine(model, stop_ids(model, tokenizer), tokenizer.pad_token_id, config.max_batch)
    raise ConfigError(f"There is no engine '{config.kind}' in this version; use engine.kind=transformers.")


def stop_ids(model, tokenizer) -> list[int]:
    """Every token id that ends a completion: the tokenizer's and those the model's generation settings name."""
    named = model.generation_config.eos_token_id
    named = named if isinstance(named, list) else [named]
    return sorted({tokenizer.eos_token_id, *named} - {None})
