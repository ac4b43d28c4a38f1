"""Clients that ask one after the other, a fixed number at a time, and what they saw."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from time import perf_counter

import aiohttp

PLAYERS = ("abstraction", "solution")


@dataclass
class Block:
    """Some requests in a row."""

    clients: int
    sent: int = 0
    """Of these, one of each client opened its connection and is in none of the other numbers unless it failed."""
    latencies: list[float] = field(default_factory=list)
    opening: list[float] = field(default_factory=list)
    """The latencies of those first ones."""
    lost: int = 0
    paused: float = 0.0
    """Seconds for which clients had nothing to ask, over all of them."""
    wrong: int = 0
    """Answers that are no success, or not of the request that they answer."""

    @property
    def rate(self) -> float:
        """Answers a second, by Little's law: every client waits or pauses at any time. Their number over the time would
        count the last ones' being alone, which depends on who happens to be in step."""
        return self.clients * len(self.latencies) / (sum(self.latencies) + self.paused)


class Clients:
    """Completions of single players, half to each, every one with a number of its own in its prompt.

    tokens: how long an answer may be on average; evenly from half of it to one and a half.
    pause: seconds a client waits on average before it asks, exponentially distributed.
    """

    def __init__(self, urls: dict[str, str], through: bool, clients: int, tokens: int, pause: float = 0.0):
        self.urls, self.through, self.clients, self.tokens, self.pause = urls, through, clients, tokens, pause
        self.models: dict[str, str] = {}
        self.first = 0

    def run(self, first: int, requests: int) -> Block:
        """`requests` requests, numbered from `first`, after one of each client that opens its connection."""
        self.first = first
        return asyncio.run(self._run(iter(range(first, first + requests + self.clients)), Block(self.clients)))

    async def _run(self, numbers: Iterator[int], result: Block) -> Block:
        # vLLM closes idle connections after 5 seconds; a client must be earlier, or a request goes out on a dead one.
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=3.0)
        patience = aiohttp.ClientTimeout(total=300.0)
        async with aiohttp.ClientSession(connector=connector, timeout=patience) as session:
            for role in PLAYERS:
                async with session.get(f"{self.urls[role]}/v1/models") as reply:
                    self.models[role] = (await reply.json())["data"][0]["id"]
            opening = list(islice(numbers, self.clients))
            await asyncio.gather(*(self._ask(session, number, result) for number in opening))
            result.opening, result.latencies = result.latencies, []

            async def one_client() -> None:
                for number in numbers:
                    pause = self.pause * random.Random(number - self.first).expovariate(1.0)
                    await asyncio.sleep(pause)
                    result.paused += pause
                    await self._ask(session, number, result)

            await asyncio.gather(*(one_client() for _ in range(self.clients)))
        return result

    async def _ask(self, session: aiohttp.ClientSession, number: int, result: Block) -> None:
        url, body = self._request(number)
        result.sent += 1
        begin = perf_counter()
        try:
            async with session.post(url, json=body, headers={"x-request-id": f"bench-{number}"}) as reply:
                answer = await reply.json()
        except (aiohttp.ClientError, TimeoutError):
            result.lost += 1
            return
        result.latencies.append(perf_counter() - begin)
        mine = not self.through or (reply.headers.get("x-request-id"), answer.get("id")) == (
            f"bench-{number}", f"cmpl-bench-{number}"
        )  # fmt: skip
        result.wrong += reply.status != 200 or len(answer["choices"]) != 1 or not mine

    def _request(self, number: int) -> tuple[str, dict]:
        role, seed = PLAYERS[number % 2], number - self.first
        body = {
            "model": f"rlad-{role}" if self.through else self.models[role],
            "prompt": [5 + number // 100**i % 100 for i in range(3)],
            # Answers of one length come in step, and so do the next questions: an engine likes that more than life is.
            "max_tokens": round(self.tokens * random.Random(seed).uniform(0.5, 1.5)),
            "seed": seed,  # the same in every block: lengths, and what stubs take
            "temperature": 1.0,
        }
        if not self.through:  # the bare servers are asked for what the gateway asks of them
            body |= {"return_token_ids": True, "logprobs": 0, "n": 1, "top_p": 1.0, "top_k": 0}
        return f"{self.urls[role]}/v1/completions", body
