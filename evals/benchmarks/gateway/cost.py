"""What the gateway costs: the same requests to two bare servers and through it, 64 at a time.

    ./launch.sh bench gateway run=RUN               two stubs that take 250 to 750 ms a request
    ./launch.sh bench gateway run=RUN vllm=true     two vLLM servers of the run, started as `serve` would
    ./launch.sh bench gateway run=RUN abstraction=URL solution=URL       two that run already

Requests are OpenAI completions of single players, half to each, every prompt different. Blocks of bare requests and of
requests through the gateway alternate, so that both see the same moods of the machine. Reports the loss of throughput,
the added median latency and what is added to a request's time outside the engine (by vLLM's own clock), each as the
mean over the pairs of blocks with its 95 % t interval; the gateway's own work; and requests that were lost, answered
with something else, or sent to an engine twice.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from scipy import stats

from evals.benchmarks.gateway.load import PLAYERS, Block, Clients
from evals.benchmarks.gateway.stub_vllm import StubServer
from rlad.cli import PlainError
from rlad.config import RunConfig, load_config
from rlad.players.prompts import Prompts
from rlad.players.tokenizer import is_world_tokenizer
from rlad.reasoning.pair import newest_pair
from rlad.serving.servers import planned, started

SIDES = ("bare", "gateway")
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
class Round:
    """A block of each side."""

    blocks: dict[str, Block] = field(default_factory=dict)
    outside: dict[str, float] = field(default_factory=dict)
    """Milliseconds of a request, on average, that were not the engine's by its own clock; empty where it has none."""


def _measure(sides: dict[str, Clients], servers: Servers, requests: int, rounds: int) -> list[Round]:
    """Alternates blocks of both sides; a first round warms everything up."""
    done = [Round() for _ in range(rounds + 1)]
    number = 0
    for round_, here in enumerate(done):
        for name in list(sides) if round_ % 2 else reversed(list(sides)):
            clients = sides[name]
            before = servers.seconds()
            block = here.blocks[name] = clients.run(number, requests // rounds if round_ else clients.clients)
            number += block.sent
            if before is not None:
                waited = [*block.opening, *block.latencies]
                here.outside[name] = 1e3 * (sum(waited) - (servers.seconds() - before)) / len(waited)
            print(f"round {round_} of {rounds}, {name}: {block.rate:.1f}/s", file=sys.stderr, flush=True)
    return done


def report(done: list[Round]) -> dict:
    """The numbers of all rounds but the first; of that, only what went wrong."""
    counted = done[1:]
    sides = {name: [round_.blocks[name] for round_ in counted] for name in SIDES}
    times = {name: np.concatenate([b.latencies for b in blocks]) * 1e3 for name, blocks in sides.items()}
    pairs = list(zip(*sides.values(), strict=True))
    losses = [1 - gateway.rate / bare.rate for bare, gateway in pairs]
    added = [1e3 * float(np.median(gateway.latencies) - np.median(bare.latencies)) for bare, gateway in pairs]
    outside = {}
    if counted[0].outside:
        outside = {name: round(float(np.mean([r.outside[name] for r in counted])), 2) for name in SIDES}
        outside["added"] = interval([r.outside["gateway"] - r.outside["bare"] for r in counted], 2)
    return {
        "per_second": {name: round(float(np.mean([b.rate for b in blocks])), 2) for name, blocks in sides.items()},
        "p50_ms": {name: round(float(np.median(values)), 2) for name, values in times.items()},
        "p99_ms": {name: round(float(np.percentile(values, 99)), 2) for name, values in times.items()},
        "throughput_loss": interval(losses, 4),
        "added_p50_ms": interval(added, 2),
        # A full engine turns every lost answer a second into waiting for it; what a request waits elsewhere is here.
        "outside_engine_ms": outside,
        "answered": {name: len(values) for name, values in times.items()},
        "lost": {name: sum(r.blocks[name].lost for r in done) for name in SIDES},
        "wrong": {name: sum(r.blocks[name].wrong for r in done) for name in SIDES},
    }


def interval(values: list[float], digits: int) -> dict:
    """The mean of a value per round and its 95 % t interval (none for a single round), and the values.

    >>> interval([1.0, 2.0, 3.0], 2)  # 2 -+ 4.303 * 1 / sqrt(3)
    {'mean': 2.0, 'ci95': [-0.48, 4.48], 'rounds': [1.0, 2.0, 3.0]}
    """
    mean, count = float(np.mean(values)), len(values)
    half = float(stats.t.ppf(0.975, count - 1) * np.std(values, ddof=1) / count**0.5) if count > 1 else None
    return {
        "mean": round(mean, digits),
        "ci95": None if half is None else [round(mean - half, digits), round(mean + half, digits)],
        "rounds": [round(float(value), digits) for value in values],
    }


def cpu_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def counter(url: str, name: str) -> float:
    """A counter of a vLLM server, over all its labels."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as reply:
        lines = reply.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(f"{name}{{"))


@dataclass
class Keys:
    """What is asked, and of which engines."""

    run: str
    """Folder of a co-trained run."""
    vllm: bool = False
    """Start two vLLM servers of the run instead of stubs."""
    abstraction: str | None = None
    """URL of a server that runs already; with `solution`."""
    solution: str | None = None
    """URL of the other one."""
    ms: float = 500.0
    """Mean time of a stub's request."""
    requests: int = 4000
    """Of each kind."""
    clients: int = 64
    """At the same time."""
    blocks: int = 8
    """Pairs of blocks, bare and through the gateway."""
    tokens: int = 32
    """Of an answer."""
    pause: float = 0.0
    """Mean seconds between a client's requests."""
    overrides: list[str] = field(default_factory=list)
    """key=value words for the run's configuration."""
    log: str = "/tmp/rlad-gateway.log"
    """The gateway's."""


class Servers:
    """Two engines: stubs, vLLM servers started here, or others that run already."""

    def __init__(self, stack: ExitStack, run: RunConfig, folder: Path, keys: Keys):
        self.stubs: list[StubServer] = []
        if keys.abstraction is not None:
            self.urls = {role: getattr(keys, role) for role in PLAYERS}
            return
        if keys.vllm:
            logs = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            models = {role: Path(path) for role, path in newest_pair(run, folder).items()}
            servers = {}
            for plan in planned(run, folder, models):
                server = stack.enter_context(started(run, plan, logs / plan.name))
                servers |= dict.fromkeys(plan.roles, server)
        else:
            says = stub_says(folder)
            servers = {role: stack.enter_context(StubServer(says[role], keys.ms, spread=0.5)) for role in PLAYERS}
            self.stubs = list(servers.values())
        for server in servers.values():
            server.wait_until_healthy()
        self.urls = {role: server.url for role, server in servers.items()}

    def asked(self) -> int:
        """How many requests they have got so far."""
        if self.stubs:
            return sum(stub.counts()["asked"] for stub in self.stubs)
        return round(sum(counter(url, "vllm:request_success_total") for url in set(self.urls.values())))

    def seconds(self) -> float | None:
        """How long requests have been with the engines so far, by their own clocks; stubs have none."""
        if self.stubs:
            return None
        return sum(counter(url, "vllm:e2e_request_latency_seconds_sum") for url in self.urls.values())


def bench(keys: Keys) -> dict:
    """Loss, latencies and what was lost; see above."""
    folder = Path(keys.run)
    run = load_config(folder / "config.yaml", keys.overrides)
    with ExitStack() as stack:
        servers = Servers(stack, run, folder, keys)
        limits = [f"serving.max_concurrent={keys.clients}", "serving.retry_wait=5", *keys.overrides]
        process, gateway = stack.enter_context(running_gateway(folder, servers.urls, Path(keys.log), *limits))
        load = (keys.clients, keys.tokens, keys.pause)
        sides = {
            "bare": Clients(servers.urls, False, *load),
            "gateway": Clients(dict.fromkeys(PLAYERS, gateway), True, *load),
        }
        asked, worked = servers.asked(), cpu_seconds(process.pid)
        done = _measure(sides, servers, keys.requests, keys.blocks)
        sent = {name: sum(round_.blocks[name].sent for round_ in done) for name in SIDES}
        return {
            "engines": "stubs" if servers.stubs else "vllm",
            "cores": os.cpu_count(),
            "clients": keys.clients,
            "tokens": keys.tokens,
            "pause": keys.pause,
            **report(done),
            # What the gateway itself works; on a busy machine the latency above is mostly waiting for a core.
            "gateway_cpu_ms": round((cpu_seconds(process.pid) - worked) * 1e3 / sent["gateway"], 2),
            "sent": sent,
            "repeated": servers.asked() - asked - sum(sent.values()),
        }
