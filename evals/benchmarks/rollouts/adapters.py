"""What one vLLM engine with two adapters saves and costs, against an engine per player, in one run.

    ./launch.sh bench rollout-adapters models=[tiny,100m] repeats=5

Both players' requests are answered by either, in turns, with new weights before each turn. Memory is what the engines'
processes hold alone (unique set size), with the same room for keys and values each.
"""

from __future__ import annotations

import copy
import statistics
import time
from pathlib import Path

import psutil
import torch

from evals.benchmarks.rollouts.speed import MODELS, Keys, random_prompts, run_turns
from rlad.config import ROLES, EngineConfig, LoraConfig, ProblemsConfig
from rlad.generation import Sampling
from rlad.generation.vllm.sampler import VllmSampler, start_vllm
from rlad.players.adapters import add_adapter, is_adapters
from rlad.players.policy import build_model, load_tokenizer

LORA = LoraConfig(rank=16)


def _unshared_memory(samplers: list[VllmSampler]) -> int:
    """Bytes that the engines' processes hold and share with nobody."""
    roots = [psutil.Process(number) for number in {sampler.link.process.process.pid for sampler in samplers}]
    processes = [process for root in roots for process in (root, *root.children(recursive=True))]
    return sum(process.memory_full_info().uss for process in processes)


def _turn(samplers: list[VllmSampler], weights: dict[str, torch.Tensor], prompts: list[list[int]], length: int) -> dict:
    """New weights for both players, then both players' rollouts."""
    begin = time.perf_counter()
    for sampler in samplers:
        sampler.load_weights(weights.items(), sampler.version + 1)
    published = time.perf_counter()
    done = [c for sampler in samplers for c in sampler.generate(prompts, Sampling(1.0, length, seed=1))]
    tokens = sum(len(completion.token_ids) for completion in done)
    return {"publish": published - begin, "seconds": time.perf_counter() - published, "tokens": tokens}


def _measure(name: str, repeats: int, threads: int, logs: Path) -> dict:
    sizes, (*_, length) = MODELS[name]
    tokenizer = load_tokenizer(sizes, ProblemsConfig())
    base = build_model(sizes, tokenizer, 0)
    adapted = add_adapter(copy.deepcopy(base), LORA, 0)
    prompts = random_prompts(name, len(tokenizer))
    config = EngineConfig(kind="vllm", kv_cache_gb=0.25, threads=threads)
    log = logs / f"{name}_adapters.log"
    first = start_vllm(config, adapted, [], "cpu", log, "players", LORA, ROLES)
    placements = {
        "shared": [start_vllm(config, base, [], "cpu", log.with_stem(f"{name}_{role}"), role) for role in ROLES],
        "lora": [first, first.beside(ROLES[1])],
    }
    weights = {
        "shared": dict(base.named_parameters()),
        "lora": {key: value for key, value in adapted.named_parameters() if is_adapters(key)},
    }
    turns: dict[str, list[dict]] = {placement: [] for placement in placements}
    try:
        for _ in range(repeats + 1):
            for placement, samplers in placements.items():
                turns[placement].append(_turn(samplers, weights[placement], prompts, length))
        held = {placement: _unshared_memory(samplers) for placement, samplers in placements.items()}
    finally:
        for sampler in [*placements["shared"], first]:
            sampler.close()
    counted = {placement: done[1:] for placement, done in turns.items()}  # the first warms up
    sent = {placement: sum(w.nbytes for w in given.values()) for placement, given in weights.items()}
    return {
        "parameters": sum(p.numel() for p in base.parameters()),
        "requests": 2 * len(prompts),
        "new_tokens": length,
        "memory": held,
        "published_bytes": sent,
        "turns": counted,
    }


def _table(results: dict) -> str:
    """The results as a Markdown table; medians over the turns."""
    lines = [
        "| model | placement | memory, GB | sent per player, MB | publish of both, ms | tokens/s |",
        "|---" * 6 + "|",
    ]
    for name, result in results.items():
        for placement, turns in result["turns"].items():
            cells = [
                f"{name} ({result['parameters'] / 1e6:.1f} M) | {placement}",
                f"{result['memory'][placement] / 1e9:.2f}",
                f"{result['published_bytes'][placement] / 1e6:.1f}",
                f"{1e3 * statistics.median(t['publish'] for t in turns):.0f}",
                f"{statistics.median(t['tokens'] / t['seconds'] for t in turns):,.0f}",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def bench(keys: Keys) -> dict:
    """Per model its size, requests, memory, bytes published and all turns."""
    return run_turns(_measure, _table, keys)
