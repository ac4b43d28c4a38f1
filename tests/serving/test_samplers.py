"""Samplers behind the gateway: token ids over HTTP, retries, supervision; and the one inside the process."""

import asyncio
import threading
from contextlib import aclosing
from types import SimpleNamespace

import aiohttp
import pytest
from fake_players import world_prompts

from evals.benchmarks.gateway.stub_vllm import StubServer
from rlad.generation import Completion, Sampling
from rlad.generation.base import SamplerFailed
from rlad.generation.streaming import PromptRefused, SamplerDown
from rlad.serving.endpoints import Endpoint, Supervised
from rlad.serving.metrics import Metrics
from rlad.serving.samplers import HttpSampler, ThreadSampler, _raise_for_status

SAY = [[5, 6, 7, 1], [8, 1]]


@pytest.fixture(scope="module")
def stub():
    with StubServer(SAY, ms=20) as server:
        server.wait_until_healthy()
        yield server


async def sampled(sampler, prompt=(5, 6), count=2, sampling=None, deltas=False):
    async with aclosing(sampler.sample(list(prompt), count, sampling or Sampling(1.0, 8, 0), deltas)) as pieces:
        return [piece async for piece in pieces]


def over(url, use, patience=5.0, watching=True):
    """Runs `use(sampler, endpoint)` with a sampler over a server."""

    async def run():
        async with aiohttp.ClientSession() as client:
            endpoint = Endpoint("solution", url, client, Metrics())
            await endpoint.begin(60)
            watcher = asyncio.create_task(endpoint.watch())
            try:
                return await use(HttpSampler(endpoint, client, "stub", patience), endpoint)
            finally:
                watcher.cancel()

    return asyncio.run(run())


@pytest.mark.process
@pytest.mark.parametrize("deltas", [False, True])
def test_token_ids_over_http(stub, deltas):
    pieces = over(stub.url, lambda sampler, _: sampled(sampler, deltas=deltas))
    for index, ids in enumerate(SAY):
        mine = [piece for piece in pieces if piece.sample == index]
        assert [token for piece in mine for token in piece.token_ids] == ids
        assert sum(len(piece.logprobs) for piece in mine) == len(ids)
        assert [piece.finish_reason for piece in mine][-1] == "stop"
        assert len(mine) == (len(ids) if deltas else 1)


@pytest.mark.process
def test_given_tokens_are_scored_over_http(stub):
    async def scored(sampler, _):
        return await sampler.score([5, 6, 7], [8, 9, 1]), await sampler.score([5], [6])

    assert over(stub.url, scored) == pytest.approx((-0.3, -0.1))


@pytest.mark.process
def test_a_cut_off_sample_and_a_refused_prompt(stub):
    pieces = over(stub.url, lambda sampler, _: sampled(sampler, sampling=Sampling(1.0, 2, 0)))
    assert [(piece.token_ids, piece.finish_reason) for piece in pieces] == [((5, 6), "length"), ((8, 1), "stop")]
    with pytest.raises(PromptRefused, match="too long"):
        over(stub.url, lambda sampler, _: sampled(sampler, prompt=[5] * 5000))


def test_the_whole_distribution_is_asked_for_whatever_the_model_recommends():
    endpoint = SimpleNamespace(player="solution", url="")
    body = HttpSampler(endpoint, None, "stub", 0)._body([5, 6], 2, Sampling(0.7, 8, 3), deltas=False)
    assert (body["top_p"], body["top_k"], body["temperature"], body["seed"], body["n"]) == (1.0, 0, 0.7, 3, 2)
    assert "stop_token_ids" not in body
    asked = Sampling(0.7, 8, 3, stop=(9,))
    assert HttpSampler(endpoint, None, "stub", 0)._body([5], 1, asked, False)["stop_token_ids"] == [9]


@pytest.mark.parametrize(("status", "error"), [(400, PromptRefused), (422, PromptRefused), (500, SamplerDown)])
def test_a_server_that_fails_has_not_refused_the_prompt(status, error):
    with pytest.raises(error):
        _raise_for_status(status, b"")


@pytest.mark.process
def test_leaving_cancels_the_request_at_the_server():
    """At one that would write for a minute more, so that nobody comes too late to leave."""

    async def leave(sampler, _):
        async with aclosing(sampler.sample([5], 1, Sampling(1.0, 600, 0), deltas=True)) as pieces:
            await anext(pieces)
        async with asyncio.timeout(30):
            while not (counts := await asyncio.to_thread(server.counts))["aborted"]:
                await asyncio.sleep(0.05)
        return counts

    with StubServer([[5] * 600], ms=60_000) as server:
        server.wait_until_healthy()
        counts = over(server.url, leave)
    assert (counts["asked"], counts["aborted"]) == (1, 1)


class Dropping:
    """A server that drops its first `drops` requests on the floor, in the middle of an answer where `midway`."""

    def __init__(self, drops, midway=False):
        self.drops, self.midway, self.asked, self.told = drops, midway, 0, None

    async def serve(self, reader, writer):
        while head := await reader.read(65536):
            if head.startswith(b"GET /health"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                continue
            self.asked += 1
            choice = b'{"choices": [{"index": 0, "token_ids": [5, 1], "finish_reason": "stop"}]}'
            if self.asked <= self.drops:
                if self.midway:
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\ndata: " + choice + b"\n\n")
                    await writer.drain()
                    await asyncio.wait_for(self.told.wait(), 60)
                writer.transport.abort()
                return
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(choice), choice))

    def run(self, deltas=False):
        async def use():
            server, self.told = await asyncio.start_server(self.serve, "127.0.0.1", 0), asyncio.Event()
            async with server, aiohttp.ClientSession() as client:
                url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
                endpoint = Endpoint("solution", url, client, Metrics())
                await endpoint.begin(60)
                asked = HttpSampler(endpoint, client, "stub", 60.0).sample([5, 6], 1, Sampling(1.0, 8, 0), deltas)
                found = []
                async with aclosing(asked) as pieces:
                    async for piece in pieces:
                        found.append(piece)
                        self.told.set()
                return found

        return asyncio.run(use())


def test_a_lost_request_is_sent_once_more_and_not_twice():
    once, twice = Dropping(1), Dropping(2)
    assert [piece.token_ids for piece in once.run()] == [(5, 1)] and once.asked == 2
    with pytest.raises(SamplerDown):
        twice.run()
    assert twice.asked == 2


def test_what_has_begun_is_not_repeated():
    """Half an answer may have been shown already: the request fails, and is not sent again."""
    server = Dropping(1, midway=True)
    with pytest.raises(SamplerDown):
        server.run(deltas=True)
    assert server.asked == 1


@pytest.mark.process
def test_a_crashed_server_is_started_again_and_the_request_in_flight_answered():
    """The process is killed under a request: the request waits for the new one and is answered by it."""
    servers = []

    def start():
        servers.append(StubServer(SAY, ms=20 if servers else 600_000))  # the first one answers nothing before its end
        return servers[-1]

    async def use():
        metrics = Metrics()
        async with aiohttp.ClientSession() as client:
            endpoint = Supervised("solution", start, client, metrics, 60)
            await endpoint.begin(60)
            watcher = asyncio.create_task(endpoint.watch())
            sampler = HttpSampler(endpoint, client, "stub", 60)
            asked = asyncio.create_task(sampled(sampler))
            while not await asyncio.to_thread(lambda: servers[0].counts()["asked"]):
                await asyncio.sleep(0.02)
            servers[0].process.kill()
            pieces = await asked
            watcher.cancel()
            await endpoint.close()
            counts = metrics.restarts.labels("solution")._value.get(), metrics.retries.labels("solution")._value.get()
            return pieces, counts, endpoint

    pieces, counts, endpoint = asyncio.run(use())
    assert [piece.token_ids for piece in pieces] == [tuple(ids) for ids in SAY]
    assert counts == (1, 1) and len(servers) == 2 and endpoint.url == servers[1].url
    assert not any(server.alive for server in servers)


def test_a_server_that_does_not_start_is_an_error_at_once():
    async def use():
        async with aiohttp.ClientSession() as client:
            await Endpoint("solution", "http://127.0.0.1:9", client, Metrics()).begin(0.1)

    with pytest.raises(SamplerFailed, match="does not answer"):
        asyncio.run(use())


class Batches:
    """A synchronous sampler that remembers its batches; `hold` keeps the first one from ending."""

    def __init__(self, error=None):
        self.batches, self.hold, self.error = [], threading.Event(), error

    def generate(self, prompts, sampling):
        self.batches.append((prompts, sampling))
        self.hold.wait(30)
        if self.error:
            raise self.error
        return [Completion((*prompt, 1), (0.0,) * (len(prompt) + 1), "stop", 0) for prompt in prompts]


def test_a_sampler_in_the_process_batches_what_waits():
    inner = Batches()

    async def use():
        sampler = ThreadSampler(inner)
        first = asyncio.create_task(sampled(sampler, [9], 1))
        while not inner.batches:
            await asyncio.sleep(0.01)
        others = [asyncio.create_task(sampled(sampler, [n], 2)) for n in (5, 6)]
        cold = asyncio.create_task(sampled(sampler, [7], 1, Sampling(0.0, 8, 0)))
        left = asyncio.create_task(sampled(sampler, [8], 1))
        await asyncio.sleep(0.05)
        left.cancel()
        await asyncio.sleep(0)
        inner.hold.set()
        results = await asyncio.gather(first, *others, cold)
        await sampler.close()
        return results

    results = asyncio.run(use())
    assert [[piece.token_ids for piece in pieces] for pieces in results] == [
        [(9, 1)], [(5, 1), (5, 1)], [(6, 1), (6, 1)], [(7, 1)]
    ]  # fmt: skip
    assert [prompts for prompts, _ in inner.batches] == [[[9]], [[5], [5], [6], [6]], [[7]]]


def test_an_error_in_the_thread_reaches_the_one_who_asked():
    inner = Batches(ValueError("too long"))
    inner.hold.set()

    async def use():
        sampler = ThreadSampler(inner)
        try:
            await sampled(sampler)
        finally:
            await sampler.close()

    with pytest.raises(ValueError, match="too long"):
        asyncio.run(use())


def test_the_stub_speaks_the_worlds_language():
    """The benchmark's texts are words of the world: what the stubs say can be read."""
    from evals.benchmarks.gateway.cost import SAID

    prompts = world_prompts()
    for texts in SAID.values():
        assert all("<unk>" not in prompts.decode(prompts.completion_ids(text)) for text in texts)
