"""Where a player's vLLM server is, and whether it answers: one that runs elsewhere, or one that is supervised here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Protocol

import aiohttp

from rlad.generation.base import SamplerFailed
from rlad.serving.logs import log
from rlad.serving.metrics import Metrics

INTERVAL = 2.0
"""Seconds between two looks at a server that answers."""
QUICK = 0.2
"""... at one that does not."""
PATIENCE = aiohttp.ClientTimeout(total=5.0)
STRIKES = 5
"""A process that lives and has not answered for so many looks in a row is started again."""
BACKOFF = (0.0, 1.0, 5.0, 15.0, 30.0)
"""Seconds before the first, second ... start in a row that fails; the last one stays."""


class ServerProcess(Protocol):
    """What is supervised; VllmServer of rlad/generation is one."""

    url: str
    alive: bool

    def wait_until_healthy(self, limit: float) -> None: ...

    def close(self) -> None: ...


class Endpoint:
    """A server that runs elsewhere. `watch` keeps `up` true to life."""

    def __init__(self, player: str, url: str, client: aiohttp.ClientSession, metrics: Metrics):
        self.player, self.url, self.client, self.metrics = player, url.rstrip("/"), client, metrics
        self.up = False
        self._doubt = asyncio.Event()
        self._show()

    async def recovered(self, seconds: float) -> bool:
        """Whether it answers again within so many seconds: what a request wants to know that has lost it."""
        deadline = monotonic() + seconds
        while True:
            self._doubt.set()
            await asyncio.sleep(QUICK)  # an engine that is about to end may still answer
            if await self.answers():
                return True
            if monotonic() > deadline:
                return False

    async def begin(self, seconds: float) -> None:
        """Waits until it answers for the first time. Raises SamplerFailed when it does not in time."""
        for _ in range(max(1, round(seconds / QUICK))):
            if await self.answers():
                self._mark(True)
                return
            await asyncio.sleep(QUICK)
        raise SamplerFailed(f"The {self.player} player's server at {self.url} does not answer.")

    async def watch(self) -> None:
        """Looks again and again, for as long as the gateway runs."""
        while True:
            self._doubt.clear()
            await self._look()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._doubt.wait(), INTERVAL if self.up else QUICK)

    async def _look(self) -> None:
        self._mark(await self.answers())

    async def answers(self) -> bool:
        """Whether it answers now."""
        try:
            async with self.client.get(f"{self.url}/health", timeout=PATIENCE) as reply:
                return reply.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    def _mark(self, up: bool) -> None:
        if up != self.up:
            log("engine up" if up else "engine down", logging.INFO if up else logging.WARNING, player=self.player)
        self.up = up
        self._show()

    def _show(self) -> None:
        self.metrics.up.labels(self.player).set(self.up)

    async def close(self) -> None:
        """A server that was running before goes on running."""


class Supervised(Endpoint):
    """A server that was started here: started again when it has ended or hangs, and ended with the gateway."""

    def __init__(
        self,
        player: str,
        start: Callable[[], ServerProcess],
        client: aiohttp.ClientSession,
        metrics: Metrics,
        start_timeout: float,
    ):
        self.start, self.start_timeout = start, start_timeout
        self.server = start()
        self._strikes = self._failures = 0
        super().__init__(player, self.server.url, client, metrics)

    async def begin(self, seconds: float) -> None:
        """Waits for the first start. Raises SamplerFailed, with the end of its log."""
        await asyncio.to_thread(self.server.wait_until_healthy, seconds)
        self.url = self.server.url
        self._mark(True)

    async def _look(self) -> None:
        healthy = self.server.alive and await self.answers()
        self._mark(healthy)
        self._strikes = 0 if healthy else self._strikes + 1
        if not self.server.alive or self._strikes >= STRIKES:
            await self._restart()

    async def _restart(self) -> None:
        log("engine restarts", logging.WARNING, player=self.player)
        await asyncio.to_thread(self.server.close)
        await asyncio.sleep(BACKOFF[min(self._failures, len(BACKOFF) - 1)])
        self.metrics.restarts.labels(self.player).inc()
        self._strikes = 0
        try:
            self.server = self.start()
            await asyncio.to_thread(self.server.wait_until_healthy, self.start_timeout)
        except SamplerFailed as error:
            self._failures += 1
            log("engine did not start", logging.ERROR, player=self.player, reason=str(error))
            return
        self._failures = 0
        self.url = self.server.url
        self._mark(True)

    async def close(self) -> None:
        await asyncio.to_thread(self.server.close)
