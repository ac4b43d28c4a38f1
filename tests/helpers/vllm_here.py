"""What tests of the real vLLM share: they are skipped without it, and find their own processes by a mark."""

import importlib.util
import os
import time

import psutil
import pytest
import torch
from forked_engines import MARK, sessions

from rlad.config import EngineConfig, ModelConfig, ProblemsConfig
from rlad.players.policy import build_model, load_tokenizer
from trainers.data.rows import Row
from trainers.learner.batches import collate, token_logprobs

needs_vllm = [
    pytest.mark.vllm,
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed (setup --with vllm)"),
]
SMALL = ModelConfig(hidden_size=64, layers=2, heads=2, kv_heads=1, intermediate_size=64)  # head size 32
ENGINE = EngineConfig(kind="vllm", kv_cache_gb=0.1, max_batch=64, threads=1)
TOKENIZER = load_tokenizer(SMALL, ProblemsConfig())


def model_of(seed):
    """A tiny model far from uniform, so that a wrong distribution would show."""
    model = build_model(SMALL, TOKENIZER, seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3.0)
    return model


def tied_model_of(seed):
    model = model_of(seed)
    model.config.tie_word_embeddings = True
    model.tie_weights()
    assert model.lm_head.weight is model.model.embed_tokens.weight
    return model


def prompts_of(lengths):
    generator = torch.Generator().manual_seed(0)
    return [torch.randint(8, len(TOKENIZER), (n,), generator=generator).tolist() for n in lengths]


def gap(model, prompts, completions, temperature=1.0):
    """Mean |difference| of the sampler's and the model's log-probs, nats per token."""
    rows = [Row(tuple(p), c.token_ids, given=c.given) for p, c in zip(prompts, completions, strict=True)]
    batch = collate(rows, list(range(len(rows))), TOKENIZER.pad_token_id, torch.device("cpu"))
    with torch.no_grad():
        logp, _ = token_logprobs(model, batch, temperature, False)
    sampled = torch.zeros_like(logp)
    for i, completion in enumerate(completions):
        sampled[i, : len(completion.logprobs)] = torch.tensor(completion.logprobs)
    return (((logp - sampled).abs() * batch.mask).sum() / batch.mask.sum()).item()


def marked(mark):
    """Live processes that carry the mark in their environment, and forks that were given it."""
    found, forks = [], sessions(mark)
    for process in psutil.process_iter():
        try:
            carries = process.environ().get(MARK) == mark or os.getsid(process.pid) in forks
            if carries and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, ProcessLookupError):
            continue
    return found


def none_left(mark, seconds=120):
    deadline = time.monotonic() + seconds
    while marked(mark) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not marked(mark)
