"""What the gateway costs: the same requests to two bare servers and through it, 64 at a time.

    python -m evals.benchmarks.gateway RUN                         two stubs that take 500 ms a request
    python -m evals.benchmarks.gateway RUN --abstraction URL --solution URL       two running vLLM servers

Requests are OpenAI completions of single players, half to each, every prompt different. Blocks of bare requests and of
requests through the gateway alternate, so that both see the same moods of the machine. Reports the loss of throughput,
the added median latency, and requests that were lost, answered with something else, or sent to an engine twice.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import httpx
import numpy as np
import psutil

from evals.benchmarks.stub_vllm import StubServer
from rlad.cli import PlainError, main_guard
from rlad.config import load_config
from rlad.prompts import Prompts
from rlad.tokenizer import is_world_tokenizer

PLAYERS = ("abstraction", "solution")
SAID = {
    "abstraction": [f"{a} * a + {b} * b" for a in range(1, 4) for b in range(1, 4)],
    "solution": [f"{a} + 2 = {a + 2} \\boxed{{ {a + 2} }}" for a in (1, 1, 1, 1, 2, 2, 3)],
}


def tokenizer_of(run: Path):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(run / "export" / "solution")


def stub_says(run: Path) -> dict[str, list[list[int]]]:
    """What the stubs say, as token ids. Raises PlainError for a pair that is not a world's."""
    tokenizer = tokenizer_of(run)
    if not is_world_tokenizer(tokenizer):
        raise PlainError("The stubs speak the language of the induction world; give a run of it, or two servers.")
    prompts = Prompts(tokenizer)
    return {role: [prompts.completion_ids(text) for text in texts] for role, texts in SAID.items()}


@contextmanager
def running_gateway(run: Path, urls: dict[str, str], log: Path, *overrides: str):
    """A gateway in front of running servers; yields (process, its URL)."""
    words = ["--abstraction", urls["abstraction"], "--solution", urls["solution"], "--port", "0", *overrides]
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "rlad.serving", str(run), *words], stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        found = re.search(r"http://\S+:\d+", process.stdout.readline())
        if not found:
            raise PlainError(f"The gateway did not start; see {log}.")
        yield process, found[0]
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


@dataclass
class Block:
    """Some requests in a row, a fixed number at a time."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    lost: int = 0
    wrong: int = 0
    """Answers that are no success, or not of the request that they answer."""


async def block(urls: dict[str, str], through: bool, first: int, requests: int, clients: int, tokens: int) -> Block:
    """`requests` requests with `clients` at a time; prompts are numbered from `first`."""
    result, numbers = Block(), iter(range(first, first + requests))
    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)

    async def one_client(client: httpx.AsyncClient) -> None:
        for number in numbers:
            role = PLAYERS[number % 2]
            body = {
                "model": f"rlad-{role}" if through else models[role],
                "prompt": [5 + number // 100**i % 100 for i in range(3)],
                "max_tokens": tokens,
                "seed": number,
                "temperature": 1.0,
            }
            begin = perf_counter()
            try:
                reply = await client.post(
                    f"{urls[role]}/v1/completions", json=body | extra, headers={"x-request-id": f"bench-{number}"}
                )
            except httpx.TransportError:
                result.lost += 1
                continue
            result.latencies.append(perf_counter() - begin)
            mine = not through or (reply.headers.get("x-request-id"), reply.json().get("id")) == (
                f"bench-{number}", f"cmpl-bench-{number}"
            )  # fmt: skip
            result.wrong += reply.status_code != 200 or len(reply.json()["choices"]) != 1 or not mine

    # The bare servers are asked for what the gateway asks of them.
    extra = {} if through else {"return_token_ids": True, "logprobs": 0, "n": 1, "top_p": 1.0, "top_k": 0}
    async with httpx.AsyncClient(limits=limits, timeout=300.0, trust_env=False) as client:
        models = {}
        for role in PLAYERS:
            models[role] = (await client.get(f"{urls[role]}/v1/models")).json()["data"][0]["id"]
        begin = perf_counter()
        await asyncio.gather(*(one_client(client) for _ in range(clients)))
        result.seconds = perf_counter() - begin
    return result


def measure(bare: dict[str, str], gateway: str, requests: int, clients: int, blocks: int, tokens: int) -> dict:
    """Alternates blocks; every block's first few requests, which open connections, are a warm-up of its own."""
    each = requests // blocks
    through = dict.fromkeys(PLAYERS, gateway)
    sides: dict[str, list[Block]] = {"bare": [], "gateway": []}
    number = 0
    for round_ in range(blocks + 1):
        for name in ("bare", "gateway") if round_ % 2 else ("gateway", "bare"):
            urls = bare if name == "bare" else through
            count = each if round_ else min(each, 2 * clients)
            done = asyncio.run(block(urls, name == "gateway", number, count, clients, tokens))
            number += count
            if round_:  # the first round warms everything up
                sides[name].append(done)
    return report(sides, each * blocks, clients)


def report(sides: dict[str, list[Block]], requests: int, clients: int) -> dict:
    rate = {name: requests / sum(b.seconds for b in blocks) for name, blocks in sides.items()}
    times = {name: np.concatenate([b.latencies for b in blocks]) * 1e3 for name, blocks in sides.items()}
    median = {name: float(np.median(values)) for name, values in times.items()}
    return {
        "requests": requests,
        "clients": clients,
        "per_second": {name: round(value, 2) for name, value in rate.items()},
        "p50_ms": {name: round(value, 2) for name, value in median.items()},
        "p99_ms": {name: round(float(np.percentile(values, 99)), 2) for name, values in times.items()},
        "throughput_loss": round(1 - rate["gateway"] / rate["bare"], 4),
        "added_p50_ms": round(median["gateway"] - median["bare"], 2),
        "answered": {name: len(values) for name, values in times.items()},
        "lost": {name: sum(b.lost for b in blocks) for name, blocks in sides.items()},
        "wrong": {name: sum(b.wrong for b in blocks) for name, blocks in sides.items()},
    }


def cpu_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def run_benchmark(arguments: argparse.Namespace) -> dict:
    run, log = Path(arguments.run), Path(arguments.log)
    load_config(run / "config.yaml")
    with ExitStack() as stack:
        stubs = []
        urls = {"abstraction": arguments.abstraction, "solution": arguments.solution}
        if arguments.abstraction is None:
            says = stub_says(run)
            stubs = [stack.enter_context(StubServer(says[role], arguments.ms)) for role in PLAYERS]
            for stub in stubs:
                stub.wait_until_healthy()
            urls = {role: stub.url for role, stub in zip(PLAYERS, stubs, strict=True)}
        limits = [f"serving.max_concurrent={arguments.clients}", "serving.retry_wait=5"]
        process, gateway = stack.enter_context(running_gateway(run, urls, log, *limits))
        before = cpu_seconds(process.pid)
        result = measure(urls, gateway, arguments.requests, arguments.clients, arguments.blocks, arguments.tokens)
        # What the gateway itself works; on a busy machine the latency above is mostly waiting for a core.
        result["gateway_cpu_ms"] = round((cpu_seconds(process.pid) - before) * 1e3 / result["answered"]["gateway"], 2)
        if stubs:
            result["repeated"] = sum(stub.counts()["repeated"] for stub in stubs)
        return result


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", help="folder of a co-trained run")
    parser.add_argument("--abstraction", metavar="URL")
    parser.add_argument("--solution", metavar="URL")
    parser.add_argument("--ms", type=float, default=500.0, help="time of a stub's request")
    parser.add_argument("--requests", type=int, default=2000, help="of each kind")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--blocks", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--log", default="/tmp/rlad-gateway.log")
    parser.add_argument("--out", help="also write the JSON there")
    arguments = parser.parse_args(words)
    result = run_benchmark(arguments)
    text = json.dumps(result, indent=1)
    print(text)
    if arguments.out:
        Path(arguments.out).write_text(text + "\n")
    failures = sum(result["lost"].values()) + sum(result["wrong"].values()) + result.get("repeated", 0)
    return 1 if failures else 0


if __name__ == "__main__":
    main_guard(main)
