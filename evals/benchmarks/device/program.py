"""The stages of the GPU benchmark that hold a model themselves: python -m evals.benchmarks.device.program '{"do": ...}'

prepare: a random model, as it is and as servers want it. engines: both players' vLLM engines on this process's GPU, or
on the GPUs after it: how fast they write, sleep and wake, and how fast new weights arrive and whether they did. The
last line of stdout is one JSON object.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from evals.benchmarks.harness.random_run import write_tokenizer
from rlad.config import ROLES, EngineConfig
from rlad.generation import Sampling, checksums
from rlad.generation.vllm.sampler import VllmSampler, start_vllm
from rlad.generation.vllm.weights import write_model
from rlad.players.lean import save_model
from rlad.players.shapes import ModelShape

POSITIONS = 4096
PUBLISHES = 3
PROBED = (4, 8)
"""Prompts and tokens of the comparison of log-probs."""


def random_model(shape: ModelShape, dtype: str, device: str, family: str = "qwen3") -> PreTrainedModel:
    """A model of that shape with random weights; family: qwen3 or llama."""
    config = AutoConfig.for_model(
        family, vocab_size=shape.vocabulary, hidden_size=shape.hidden, num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads, num_key_value_heads=shape.kv_heads, head_dim=shape.head_size,
        intermediate_size=shape.intermediate, tie_word_embeddings=shape.tied, max_position_embeddings=POSITIONS,
        eos_token_id=256, pad_token_id=256, bos_token_id=None,
    )  # fmt: skip
    torch.manual_seed(0)
    with torch.device(device):
        return AutoModelForCausalLM.from_config(config).to(getattr(torch, dtype)).eval()


def prepare(folder: str, shape: Mapping[str, Any], dtype: str, device: str, **_: object) -> dict:
    """Writes FOLDER/model and FOLDER/served."""
    begin = time.perf_counter()
    model = random_model(ModelShape(**shape), dtype, device)
    save_model(model, Path(folder, "model"))
    write_tokenizer(Path(folder, "model"))
    write_model(model, Path(folder, "served"))
    return {"parameters": model.num_parameters(), "seconds": round(time.perf_counter() - begin, 1)}


def memory_gb(device: str) -> list[float]:
    """GB in use: of every GPU, as its driver says; on a CPU of all processes that this one has started."""
    if device == "cpu":
        return [round(sum(map(resident, psutil.Process().children(recursive=True))) / 1e9, 2)]
    words = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return [round(int(line) * 2**20 / 1e9, 2) for line in told.split()]


def resident(process: psutil.Process) -> int:
    """Bytes of a process; none of one that has ended meanwhile."""
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0


def timed(call: Callable[[], object]) -> float:
    """Seconds of a call."""
    begin = time.perf_counter()
    call()
    return round(time.perf_counter() - begin, 4)


def engines(
    folder: str, shape: Mapping[str, Any], dtype: str, device: str, share: float, requests: int, copies: int,
    tokens: int, prompt: int, gpus: list[str], logs: str, **_: object,
) -> dict:  # fmt: skip
    """Both players' engines. gpus: those that the engines have to themselves, by player; none = this process's own."""
    placement = "shared" if device == "cpu" or gpus else "colocated"
    config = EngineConfig(kind="vllm", placement=placement, memory_share=share, max_batch=requests * copies)
    model, found = random_model(ModelShape(**shape), dtype, device), {}
    prompts = torch.randint(257, (requests, prompt), generator=torch.Generator().manual_seed(1)).tolist()
    prompts = [ids for ids in prompts for _ in range(copies)]
    with ExitStack() as stack:
        begin, started = time.perf_counter(), {}
        for role, gpu in zip(ROLES, gpus or [""] * len(ROLES), strict=False):
            log = Path(logs, f"engine_{role}.log")
            started[role] = start_vllm(config, model, [256], device, log, f"{role} player", gpus=gpu)
            stack.callback(started[role].close)
        for engine in started.values():
            engine.stats()
        found["start_seconds"] = round(time.perf_counter() - begin, 1)
        for version, (role, engine) in enumerate(started.items(), 1):
            found[role] = _player(engine, model, prompts, tokens, device, version)
    return found


def _player(engine: VllmSampler, model, prompts: list[list[int]], tokens: int, device: str, seed: int) -> dict:
    """One player's engine: writing, sleeping, new weights."""
    sampling = Sampling(1.0, tokens, seed=seed)
    engine.generate(prompts[:1], sampling)
    begin = time.perf_counter()
    written = sum(len(completion.token_ids) for completion in engine.generate(prompts, sampling))
    found: dict[str, Any] = {"tokens_per_second": round(written / (time.perf_counter() - begin), 1)}
    found["transfer"] = type(engine.transfer).__name__
    awake = memory_gb(device)
    if engine.transfer.sleeps:
        found["sleep_seconds"], asleep = timed(engine.sleep), memory_gb(device)
        found |= {"wake_seconds": timed(engine.wake), "gb_awake": awake, "gb_asleep": asleep}
    else:
        found |= {"gb_awake": awake, "sleep": {"not_run": f"{found['transfer']}'s engines do not sleep"}}
    return found | published(engine, model)


def published(engine: VllmSampler, model) -> dict:
    """Seconds of sending changed weights, the tensors that differ after it, and the largest gap of log-probs, nats."""
    seconds, differ, gaps = [], [], []
    for version in range(1, PUBLISHES + 1):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(1.01)
        engine.sleep()
        seconds.append(timed(lambda: engine.load_weights(model.named_parameters(), version)))  # noqa: B023 (called here)
        expected = checksums.checksums(model.named_parameters(remove_duplicate=False))
        differ += engine.differing(expected)
        gaps.append(parity(engine, model, version))
    size = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
    return {
        "publish_seconds": round(statistics.median(seconds), 3),
        "publish_gb_per_second": round(size / 1e9 / statistics.median(seconds), 2),
        "differing_tensors": len(differ),
        "parity_nats": [round(gap, 9) for gap in gaps],
    }


@torch.no_grad()
def parity(engine: VllmSampler, model, seed: int) -> float:
    """Mean |difference| of what the engine and the model say of the engine's own tokens, nats."""
    prompts = torch.randint(257, (PROBED[0], 16), generator=torch.Generator().manual_seed(seed)).tolist()
    differences = []
    for prompt, completion in zip(prompts, engine.generate(prompts, Sampling(1.0, PROBED[1], seed=seed)), strict=True):
        ids = torch.tensor([[*prompt, *completion.token_ids]], device=model.device)
        logp = torch.log_softmax(model(input_ids=ids).logits[0, len(prompt) - 1 : -1].float(), dim=-1)
        own = logp.gather(-1, ids[0, len(prompt) :, None])[:, 0].cpu()
        differences += (own - torch.tensor(completion.logprobs)).abs().tolist()
    return statistics.mean(differences)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    print(json.dumps({"prepare": prepare, "engines": engines}[given.pop("do")](**given)))
