"""Engines that sample completions for a player."""

from __future__ import annotations

import tempfile
from pathlib import Path

from rlad.config import EngineConfig
from rlad.config.registry import sampler
from rlad.generation.base import Completion, Engine, EngineFailed, Sampling

__all__ = ["Completion", "Engine", "EngineFailed", "Sampling", "make_engine", "stop_ids"]


def make_engine(config: EngineConfig, model, tokenizer) -> Engine:
    """The configured engine around a full (never a partitioned) copy of a model."""
    return config.bound("kind")(config, model, tokenizer)


@sampler("transformers")
def transformers_engine(config: EngineConfig, model, tokenizer) -> Engine:
    """Samples inside this process with the model as it is."""
    from rlad.generation.transformers import TransformersEngine

    return TransformersEngine(model, stop_ids(model, tokenizer), tokenizer.pad_token_id, config.max_batch)


@sampler("vllm")
def vllm_engine(config: EngineConfig, model, tokenizer) -> Engine:
    """Samples in a vLLM process of its own, on the model's device."""
    from rlad.generation.vllm.engine import start_vllm

    log = Path(tempfile.mkdtemp(prefix="rlad-engine-")) / "engine.log"
    return start_vllm(config, model, stop_ids(model, tokenizer), str(model.device), log)


def stop_ids(model, tokenizer) -> list[int]:
    """Every token id that ends a completion: the tokenizer's and those the model's generation settings name."""
    named = model.generation_config.eos_token_id
    named = named if isinstance(named, list) else [named]
    return sorted({tokenizer.eos_token_id, *named} - {None})
