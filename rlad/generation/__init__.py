"""Samplers that generate completions for a player: token ids in, token ids out.

`make_sampler` gives the configured one. The seams are base.py (whole batches: rollouts, sweeps) and streaming.py
(overlapping requests: the server; together.py answers those side by side). transformers.py samples inside the process
(cache.py holds its keys and values), vllm/ in engines of their own; decoding/ has other ways to spend a solution's
tokens. turns.py lets any sampler call a world's tool. checksums.py is how a trainer and a sampler find out that they
hold the same weights.
"""

from __future__ import annotations

import importlib.util
import tempfile
from dataclasses import replace
from pathlib import Path

from rlad.config import EngineConfig
from rlad.config.registry import sampler
from rlad.generation.base import Completion, Sampler, SamplerFailed, Sampling

__all__ = ["Completion", "Sampler", "SamplerFailed", "Sampling", "kind_on", "make_sampler", "stop_ids"]


def make_sampler(config: EngineConfig, model, tokenizer) -> Sampler:
    """The configured sampler around a full (never a partitioned) copy of a model."""
    return config.bound("kind")(config, model, tokenizer)


def kind_on(config: EngineConfig, device: str) -> str:
    """The sampler that `engine.kind` names on a device (cpu, cuda): what auto means there.

    >>> kind_on(EngineConfig(kind="auto"), "cpu"), kind_on(EngineConfig(kind="vllm"), "cpu")
    ('transformers', 'vllm')
    """
    if config.kind != "auto":
        return config.kind
    return "vllm" if device != "cpu" and importlib.util.find_spec("vllm") else "transformers"


@sampler("auto")
def auto_sampler(config: EngineConfig, model, tokenizer) -> Sampler:
    """Samples with vLLM where the model is on a GPU and vLLM is installed, else inside this process."""
    return make_sampler(replace(config, kind=kind_on(config, model.device.type)), model, tokenizer)


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
