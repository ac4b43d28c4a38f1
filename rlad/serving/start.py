"""Samplers and players of a run folder, opened for serving."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shlex
import tempfile
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import aiohttp
import torch

from rlad.config import ROLES, ConfigError, RunConfig
from rlad.config.rules.checks import CPU_HEADS
from rlad.generation.base import SamplerFailed
from rlad.generation.streaming_turns import StreamingTurns
from rlad.generation.turns import Turns, TurnSampler
from rlad.generation.vllm.server import VllmServer
from rlad.generation.vllm.setup import common_environment, cpu_environment, require_vllm
from rlad.players.policy import load_tokenizer, make_prompts
from rlad.players.roles import role_of
from rlad.problems import tool_of, world_of
from rlad.reasoning.budget_policy import SPENDING, Spending
from rlad.reasoning.pair import newest_pair, open_pair
from rlad.serving.endpoints import Endpoint, Supervised
from rlad.serving.logs import log
from rlad.serving.metrics import Metrics
from rlad.serving.pair import Player, ServedPair
from rlad.serving.samplers import HttpSampler, ThreadSampler


@asynccontextmanager
async def opened(run: RunConfig, folder: Path, metrics: Metrics) -> AsyncIterator[ServedPair]:
    """The pair of a run folder with its samplers running; they end with the context.

    Raises ConfigError for a folder without a pair, SamplerFailed when a sampler does not start.
    """
    folders = {role: Path(path) for role, path in newest_pair(run, folder).items()}
    if warning := untrained(folder, folders.values()):
        log(warning, logging.WARNING)
    opening = _in_process if run.serving.engine == "transformers" else _behind_vllm
    async with opening(run, folder, folders, metrics) as pair:
        yield pair


def untrained(folder: Path, models: Collection[Path]) -> str | None:
    """What to say of a run's newest models where they are not what its training ended with.

    >>> run = Path("runs/demo")
    >>> untrained(run, [run / "export" / "abstraction", run / "export" / "solution"]) is None
    True
    >>> untrained(run, [run / "base", run / "base"])[:53]
    'this pair is not co-trained: it is runs/demo/base; of'
    """
    if all(path.parent == folder / "export" for path in models):
        return None
    places = " and ".join(dict.fromkeys(map(str, models)))
    return (
        f"this pair is not co-trained: it is {places}; of a run in progress serve what './launch.sh export {folder}' "
        "writes"
    )


def spending_of(folder: Path) -> Spending | None:
    """What the run's last sweep found out for budget=auto. Raises ConfigError for a damaged file."""
    path = folder / SPENDING
    try:
        return Spending.read(path) if path.is_file() else None
    except ValueError as error:
        raise ConfigError(f"'{path}' cannot be read ({error}); sweep the run again or remove it.") from error


def _player(run: RunConfig, role: str, sampler, prompts, context: int, turns: Turns | None, up=lambda: True) -> Player:
    player = getattr(run, role)
    if turns is not None:  # what the tool may put into a text must fit too
        context -= turns.most
    return Player(role, sampler, prompts, context, player.max_new_tokens, role_of(role).temperature(run), up)


@asynccontextmanager
async def _in_process(
    run: RunConfig, folder: Path, folders: dict[str, Path], metrics: Metrics
) -> AsyncIterator[ServedPair]:
    reasoner = open_pair(run, str(folders["abstraction"]), str(folders["solution"]))
    players, samplers = [], []
    for role, sampler, prompts in (
        ("abstraction", reasoner.proposer, reasoner.propose_prompts),
        ("solution", reasoner.solver, reasoner.solve_prompts),
    ):
        turns = sampler.turns if isinstance(sampler, TurnSampler) else None
        context = (sampler.inner if turns else sampler).model.config.max_position_embeddings
        samplers.append(ThreadSampler(sampler))
        players.append(_player(run, role, samplers[-1], prompts, context, turns))
        metrics.up.labels(role).set(1)
    try:
        yield ServedPair(*players, world=reasoner.world, spending=spending_of(folder))
    finally:
        for sampler in samplers:
            await sampler.close()


@asynccontextmanager
async def _behind_vllm(
    run: RunConfig, folder: Path, folders: dict[str, Path], metrics: Metrics
) -> AsyncIterator[ServedPair]:
    serving = run.serving
    async with AsyncExitStack() as stack:
        # How long an answer may take is the request's own limit. vLLM closes idle connections after 5 seconds: earlier
        # here, or a request would now and then be sent on one that is being closed.
        client = await stack.enter_async_context(
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=3.0),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=5.0),
            )
        )
        urls = {"abstraction": serving.abstraction_url, "solution": serving.solution_url}
        if serving.abstraction_url is None:
            endpoints = [_supervised(run, folder, role, folders[role], client, metrics) for role in ROLES]
        else:
            endpoints = [Endpoint(role, urls[role], client, metrics) for role in ROLES]
        for endpoint in endpoints:
            stack.push_async_callback(endpoint.close)
        players = [await _vllm_player(run, folders[endpoint.player], endpoint, client) for endpoint in endpoints]
        watchers = [asyncio.create_task(endpoint.watch()) for endpoint in endpoints]
        stack.callback(lambda: [watcher.cancel() for watcher in watchers])
        yield ServedPair(*players, world=world_of(run.problems), spending=spending_of(folder))


def _supervised(
    run: RunConfig, folder: Path, role: str, model: Path, client: aiohttp.ClientSession, metrics: Metrics
) -> Supervised:
    said = log_folder(folder) / f"serve_{role}.log"

    def start() -> VllmServer:
        if said.exists():  # what the last one said when it ended
            said.replace(said.with_suffix(".before.log"))
        return vllm_server(run, role, model, said)

    return Supervised(role, start, client, metrics, run.serving.start_timeout)


def log_folder(folder: Path) -> Path:
    """RUN/logs; a temporary folder where the run can only be read (a volume mounted into a container, say)."""
    logs = folder / "logs"
    with suppress(OSError):
        logs.mkdir(exist_ok=True)
    if logs.is_dir() and os.access(logs, os.W_OK):
        return logs
    elsewhere = Path(tempfile.mkdtemp(prefix="rlad-serve-"))
    log("engines log elsewhere", logging.WARNING, folder=str(elsewhere))
    return elsewhere


def require_cpu_heads(model: Path) -> None:
    """Raises SamplerFailed for a model that vLLM would load on a CPU and then die of at its first request."""
    described = json.loads((model / "config.json").read_text())
    head = described.get("head_dim") or described["hidden_size"] // described["num_attention_heads"]
    if head not in CPU_HEADS:
        raise SamplerFailed(
            f"The model in '{model}' has attention heads of {head}; vLLM's attention on CPUs wants "
            f"{', '.join(map(str, CPU_HEADS))}: serve it with --engine transformers."
        )


def vllm_server(run: RunConfig, role: str, model: Path, said: Path) -> VllmServer:
    """Starts a player's `vllm serve` on its share of this machine; what it prints goes into the file `said`.

    Raises SamplerFailed where vLLM cannot run.
    """
    gpus = 0 if run.launch.device == "cpu" else torch.cuda.device_count()
    require_vllm("cuda" if gpus else "cpu")
    if not gpus:
        require_cpu_heads(model)
    asked = shlex.split(run.serving.vllm_arguments)
    if gpus:
        environment = common_environment(os.environ)
    else:
        environment = cpu_environment(os.environ, run.launch.threads_per_rank, "--enforce-eager" in asked)
    arguments = [
        *("--served-model-name", f"rlad-{role}", "--dtype", run.base.dtype, "--generation-config", "vllm"),
        *("--logprobs-mode", "raw_logprobs"),
        "--disable-uvicorn-access-log",  # a line per health check: the gateway logs requests
    ]
    if not gpus:  # else each would want nearly all of the machine's memory; `serving.vllm_arguments` may say more
        arguments += ["--kv-cache-memory-bytes", str(2**30)]
        # vLLM 0.32 takes a random generator back when a prompt is read in pieces, and a CPU's cannot go back: one
        # request with a seed in a burst ended the engine.
        arguments += ["--no-enable-chunked-prefill"]
    elif gpus == 1:  # both share it
        arguments += ["--gpu-memory-utilization", "0.45"]
    else:  # one half each
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(gpus)))).split(",")
        begin = ROLES.index(role) * (gpus // 2)
        half = visible[begin : begin + (gpus + ROLES.index(role)) // 2]
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(half)
        arguments += ["--data-parallel-size", str(len(half))]
    return VllmServer(model, said, [*arguments, *asked], environment, name=f"vLLM server of the {role} player")


async def _vllm_player(run: RunConfig, folder: Path, endpoint: Endpoint, client: aiohttp.ClientSession) -> Player:
    """Waits for the server, asks it what it serves."""
    await endpoint.begin(run.serving.start_timeout)
    async with client.get(f"{endpoint.url}/v1/models") as reply:
        cards = (await reply.json())["data"]
    tokenizer = load_tokenizer(replace(run.base, path=str(folder)), run.problems)
    prompts = make_prompts(tokenizer, run)
    sampler = HttpSampler(endpoint, client, cards[0]["id"], run.serving.retry_wait)
    tool = tool_of(run.problems)
    turns = tool and Turns(tool, tokenizer)
    if turns:
        sampler = StreamingTurns(sampler, turns)
    return _player(run, endpoint.player, sampler, prompts, int(cards[0]["max_model_len"]), turns, lambda: endpoint.up)
