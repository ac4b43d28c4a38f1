"""How fast rollouts are: the vllm engine, the transformers engine and bare vLLM on the same requests, in one run.

    ./launch.sh bench rollouts models=[tiny,100m] repeats=5

Prompts come in nested groups (each of them several times), as in training. The three take turns, and every turn is
timed by the clock and by the processor time of the process that decodes: another program may be busy on the machine.
Bare vLLM is `vllm.LLM.generate` in a process of its own with the same settings and the same sampling parameters.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import torch

from rlad.cli import PlainError
from rlad.config import EngineConfig, ModelConfig, ProblemsConfig
from rlad.generation import Sampling, make_sampler, stop_ids
from rlad.generation.vllm.link import private_folder
from rlad.generation.vllm.sampler import core_settings, start_vllm
from rlad.generation.vllm.setup import cpu_environment
from rlad.generation.vllm.weights import write_model
from rlad.players.policy import build_model, load_tokenizer

MODELS = {  # sizes; distinct prompts, copies of each, new tokens of each
    "tiny": (ModelConfig(), (32, 16, 32)),
    "100m": (
        ModelConfig(hidden_size=768, layers=12, heads=12, kv_heads=4, intermediate_size=3072),
        (8, 8, 16),
    ),
}
PROMPT_TOKENS = 40


class _BareEngine:
    """vllm.LLM.generate in a process of its own."""

    def __init__(self, settings: dict, environment: dict, sampling: Sampling, stops: list[int], log: Path):
        words = {"settings": settings, "stops": stops, "sampling": vars(sampling)}
        with log.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "evals.benchmarks.rollouts.bare", json.dumps(words)],
                env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
            )  # fmt: skip

    def generate(self, prompts: list[list[int]]) -> int:
        """Tokens generated."""
        self.process.stdin.write(json.dumps(prompts) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("tokens "):
                return int(line.split()[1])
        raise RuntimeError(f"bare vLLM ended (exit code {self.process.wait()})")

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(60)


def _turn(generate: Callable[[], int], decoder: psutil.Process) -> dict:
    """One timed turn: tokens, seconds, and processor seconds of the decoding process."""
    cpu, begin = sum(decoder.cpu_times()[:2]), time.perf_counter()
    tokens = generate()
    return {"tokens": tokens, "seconds": time.perf_counter() - begin, "cpu": sum(decoder.cpu_times()[:2]) - cpu}


def random_prompts(name: str, vocabulary: int) -> list[list[int]]:
    """Random prompts in nested groups."""
    distinct, copies, _ = MODELS[name][1]
    generator = torch.Generator().manual_seed(0)
    prompts = torch.randint(8, vocabulary, (distinct, PROMPT_TOKENS), generator=generator).tolist()
    return [prompt for prompt in prompts for _ in range(copies)]


def _measure(name: str, repeats: int, threads: int, logs: Path) -> dict:
    """All turns of the three engines on one model."""
    sizes, (*_, length) = MODELS[name]
    tokenizer = load_tokenizer(sizes, ProblemsConfig())
    model = build_model(sizes, tokenizer, 0)
    prompts = random_prompts(name, len(tokenizer))
    config = EngineConfig(kind="vllm", kv_cache_gb=1.0, threads=threads)
    sampling, stops = Sampling(1.0, length, seed=1), stop_ids(model, tokenizer)
    ours = start_vllm(config, model, stops, "cpu", logs / f"{name}_engine.log", name)
    folder = private_folder()
    write_model(model, folder / "model")
    settings = core_settings(config, folder / "model", "cpu", "float32", model.config.max_position_embeddings)
    bare = _BareEngine(settings, cpu_environment(os.environ, threads), sampling, stops, logs / f"{name}_bare.log")
    plain = make_sampler(EngineConfig(), model, tokenizer)
    torch.set_num_threads(threads)

    def count(sampler) -> Callable[[], int]:
        return lambda: sum(len(c.token_ids) for c in sampler.generate(prompts, sampling))

    runners = {
        "transformers engine": (count(plain), psutil.Process()),
        "bare vLLM": (lambda: bare.generate(prompts), psutil.Process(bare.process.pid)),
        "vllm engine": (count(ours), psutil.Process(ours.link.process.process.pid)),
    }
    try:
        for generate, _ in runners.values():
            generate()  # warm: kernels chosen, prompts in the prefix cache
        turns: dict[str, list[dict]] = {sampler: [] for sampler in runners}
        for _ in range(repeats):
            for sampler, (generate, decoder) in runners.items():
                turns[sampler].append(_turn(generate, decoder))
    finally:
        bare.close()
        ours.close()
        shutil.rmtree(folder, ignore_errors=True)
    parameters = sum(p.numel() for p in model.parameters())
    return {"parameters": parameters, "requests": len(prompts), "new_tokens": length, "turns": turns}


def _summary(turns: list[dict]) -> dict:
    """Medians over the turns: tokens per second, and tokens per processor second.

    >>> _summary([{"tokens": 10, "seconds": 2.0, "cpu": 1.0}, {"tokens": 10, "seconds": 1.0, "cpu": 1.0}])
    {'per_second': 7.5, 'per_cpu_second': 10.0}
    """
    return {
        "per_second": statistics.median(t["tokens"] / t["seconds"] for t in turns),
        "per_cpu_second": statistics.median(t["tokens"] / max(t["cpu"], 0.01) for t in turns),
    }


def _table(results: dict) -> str:
    """The results as a Markdown table."""
    lines = ["| model | sampler | tokens/s | of bare vLLM | tokens per CPU second | of bare vLLM |", "|---" * 6 + "|"]
    for name, result in results.items():
        bare = _summary(result["turns"]["bare vLLM"])
        for sampler, turns in result["turns"].items():
            own = _summary(turns)
            cells = [f"{own[key]:,.0f} | {own[key] / bare[key]:.0%}" for key in ("per_second", "per_cpu_second")]
            lines.append(f"| {name} ({result['parameters'] / 1e6:.1f} M) | {sampler} | {' | '.join(cells)} |")
    return "\n".join(lines)


@dataclass
class Keys:
    """What is measured, and how often."""

    models: list[str] = field(default_factory=lambda: list(MODELS))
    """tiny, 100m."""
    repeats: int = 5
    """Timed turns of each."""
    threads: int = 0
    """Of a decoding process; 0 = as many as there are cores."""
    logs: str = "runs/benchmark-logs"
    """Where the engines write theirs."""


def run_turns(measure: Callable[[str, int, int, Path], dict], table: Callable[[dict], str], keys: Keys) -> dict:
    """All turns of the chosen models; their tables are printed. Raises PlainError for a model that is not there."""
    for name in keys.models:
        if name not in MODELS:
            raise PlainError(f"models are {' and '.join(MODELS)}, not '{name}'.")
    threads, logs, results = keys.threads or len(os.sched_getaffinity(0)), Path(keys.logs), {}
    logs.mkdir(parents=True, exist_ok=True)
    for name in keys.models:
        results[name] = measure(name, keys.repeats, threads, logs)
        print(table({name: results[name]}), flush=True)
    return results


def bench(keys: Keys) -> dict:
    """Per model its size, requests and all turns."""
    return run_turns(_measure, _table, keys)
