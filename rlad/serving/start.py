"""Samplers and players of a run folder, opened for serving."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp

from rlad.config import ROLES, RunConfig
from rlad.generation.streaming_turns import StreamingTurns
from rlad.generation.turns import Turns, TurnSampler
from rlad.generation.vllm.server import VllmServer
from rlad.players.policy import load_tokenizer, make_prompts
from rlad.players.roles import role_of
from rlad.problems import tool_of, world_of
from rlad.reasoning.choosing import Chooser
from rlad.reasoning.pair import newest_pair, open_pair, open_reader
from rlad.serving.endpoints import Endpoint, Supervised
from rlad.serving.logs import log
from rlad.serving.metrics import Metrics
from rlad.serving.pair import Player, ServedPair
from rlad.serving.priced import chooser_of, spending_of
from rlad.serving.samplers import HttpSampler, ThreadSampler
from rlad.serving.servers import ServerPlan, card_of, log_folder, planned, started


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


def _chooser(run: RunConfig, player: Player) -> Chooser:
    return Chooser(player.role, player.sampler, player.prompts, player.context, run, player.up)


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
    spending, chooser = spending_of(folder), None
    for role, path in chooser_of(run, folder, spending).items():
        sampler, prompts = open_reader(run, str(path))
        samplers.append(ThreadSampler(sampler))
        context = sampler.model.config.max_position_embeddings
        chooser = _chooser(run, _player(run, role, samplers[-1], prompts, context, None))
        metrics.up.labels(role).set(1)
    try:
        yield ServedPair(*players, world=reasoner.world, spending=spending, chooser=chooser)
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
        endpoints, of_role = [], {}
        spending = spending_of(folder)
        more = chooser_of(run, folder, spending)
        if serving.abstraction_url is None:
            for plan in planned(run, folder, folders, more):
                endpoints.append(_supervised(run, folder, plan, client, metrics))
                stack.push_async_callback(endpoints[-1].close)
                of_role |= dict.fromkeys(plan.roles, endpoints[-1])
        else:
            urls = {"abstraction": serving.abstraction_url, "solution": serving.solution_url}
            urls |= dict.fromkeys(more, serving.selector_url)
            of_role = {role: Endpoint(role, urls[role], client, metrics) for role in [*ROLES, *more]}
            endpoints = list(of_role.values())
        for endpoint in endpoints:
            await endpoint.begin(serving.start_timeout)
        players = [await _vllm_player(run, role, folders[role], of_role[role], client) for role in ROLES]
        further = [await _vllm_player(run, role, path, of_role[role], client) for role, path in more.items()]
        watchers = [asyncio.create_task(endpoint.watch()) for endpoint in endpoints]
        stack.callback(lambda: [watcher.cancel() for watcher in watchers])
        chooser = _chooser(run, further[0]) if further else None
        yield ServedPair(*players, world=world_of(run.problems), spending=spending, chooser=chooser)


def _supervised(
    run: RunConfig, folder: Path, plan: ServerPlan, client: aiohttp.ClientSession, metrics: Metrics
) -> Supervised:
    said = log_folder(folder) / f"serve_{plan.name}.log"

    def start() -> VllmServer:
        if said.exists():  # what the last one said when it ended
            said.replace(said.with_suffix(".before.log"))
        return started(run, plan, said)

    return Supervised(plan.name, start, client, metrics, run.serving.start_timeout)


async def _vllm_player(
    run: RunConfig, role: str, folder: Path, endpoint: Endpoint, client: aiohttp.ClientSession
) -> Player:
    """Asks a server that answers what it serves."""
    async with client.get(f"{endpoint.url}/v1/models") as reply:
        name, context = card_of(role, (await reply.json())["data"])
    tokenizer = load_tokenizer(replace(run.base, path=str(folder)), run.problems)
    prompts = make_prompts(tokenizer, run)
    sampler = HttpSampler(endpoint, client, name, run.serving.retry_wait)
    tool = tool_of(run.problems)
    turns = tool and Turns(tool, tokenizer)
    if turns:
        sampler = StreamingTurns(sampler, turns)
    return _player(run, role, sampler, prompts, context, turns, lambda: endpoint.up)
