"""Samplers that generate completions for a player."""

from __future__ import annotations

import tempfile
from pathlib import Path

from rlad.config import EngineConfig
from rlad.config.registry import sampler
from rlad.generation.base import Completion, Sampler, SamplerFailed, Sampling

__all__ = ["Completion", "Sampler", "SamplerFailed", "Sampling", "make_sampler", "stop_ids"]


def make_sampler(config: EngineConfig, model, tokenizer) -> Sampler:
    """The configured sampler around a full (never a partitioned) copy of a model."""
    return config.bound("kind")(config, model, tokenizer)


@sampler("transformers")
def transformers_sampler(config: EngineConfig, model, tokenizer) -> Sampler:
    """Samples inside this process with the model as it is."""
    from rlad.generation.transformers import TransformersSampler

    return TransformersSampler(model, stop_ids(model, tokenizer), tokenizer.pad_token_id, config.max_batch)


@sampler("vllm")
def vllm_sampler(config: EngineConfig, model, tokenizer) -> Sampler:
    """Samples in a vLLM process of its own, on the model's device."""
    from rlad.generation.vllm.sampler import start_vllm

    log = Path(tempfile.mkdtemp(prefix="rlad-engine-")) / "engine.log"
    return start_vllm(config, model, stop_ids(model, tokenizer), str(model.device), log)


def stop_ids(model, tokenizer) -> list[int]:
    """Every token id that ends a completion: the tokenizer's and those the model's generation settings name."""
    named = model.generation_config.eos_token_id
    named = named if isinstance(named, list) else [named]
    return sorted({tokenizer.eos_token_id, *named} - {None})
