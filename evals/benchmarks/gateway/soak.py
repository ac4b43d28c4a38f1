"""Minutes of every kind of client, good and bad, against a gateway over two stubs: does it answer, does it leak?

    ./launch.sh bench gateway-soak run=RUN seconds=600

Some clients ask well-formed questions, streamed and not, of the pair and of its players. Beside them others go away in
the middle of an answer, send garbage, bodies that are too large, bodies that never end, and read their answers a few
bytes at a time. Every well-formed request must be answered in full, and the process must not grow: its resident memory
in the last fifth of the time lies within 5 % of what it was in the second fifth.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import httpx
import numpy as np
import psutil

from evals.benchmarks.gateway.cost import running_gateway, stub_says
from evals.benchmarks.gateway.load import PLAYERS
from evals.benchmarks.gateway.stub_vllm import StubServer

QUESTION = "3 , 5 > 14 ; 4 , 1 > ?"
GARBAGE = (b"{", b"\xff\xfe\x00", b"[" * 5000, b'{"problem": 3}', b"null", b'{"model": "rlad"}')
TOLERANCE = 0.05


class Soak:
    """The clients, and what they saw."""

    def __init__(self, url: str, seconds: float, largest: int):
        self.url, self.largest = url, largest
        self.end = monotonic() + seconds
        self.seen: Counter[str] = Counter()
        self.failures: list[str] = []
        self.client = httpx.AsyncClient(base_url=url, timeout=120.0, trust_env=False)

    async def run(self, good: int) -> None:
        bad: list[Callable[[], Awaitable[None]]] = [
            self.leaves, self.garbage, self.oversize, self.endless_body, self.slow_reader,
        ]  # fmt: skip
        async with self.client:
            await asyncio.gather(*(self._repeat(kind) for kind in [self.good] * good + bad))

    async def _repeat(self, kind: Callable[[], Awaitable[None]]) -> None:
        while monotonic() < self.end:
            await kind()
            self.seen[kind.__name__] += 1

    def _expect(self, what: str, holds: bool, detail: object) -> None:
        if not holds:
            self.failures.append(f"{what}: {str(detail)[:200]}")

    async def good(self) -> None:
        """A well-formed request of some kind, which must be answered in full."""
        kind = random.choice(["solve", "solve-stream", "chat", "chat-stream", "player", "player-stream"])
        stream = kind.endswith("stream")
        if kind.startswith("solve"):
            path, body = "/v1/solve", {"problem": QUESTION, "deltas": stream, "abstractions": 4, "solutions": 2}
        else:
            model = "rlad" if kind.startswith("chat") else f"rlad-{random.choice(PLAYERS)}"
            path, body = "/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": QUESTION}]}
        reply = await self.client.post(path, json=body | {"stream": stream})
        whole = reply.text.endswith("data: [DONE]\n\n") and '"error"' not in reply.text if stream else True
        self._expect(kind, reply.status_code == 200 and whole, (reply.status_code, reply.text[-300:]))

    async def leaves(self) -> None:
        """Goes away after the first bytes of a streamed answer, or before there is any."""
        body = {"problem": QUESTION, "stream": True, "deltas": True, "abstractions": 4, "solutions": 4}
        reader, writer = await self._send(json.dumps(body).encode())
        if random.random() < 0.5:
            await reader.read(100)
        await asyncio.sleep(random.uniform(0.0, 0.4))
        writer.transport.abort()

    async def garbage(self) -> None:
        reply = await self.client.post(
            "/v1/solve", content=random.choice(GARBAGE), headers={"Content-Type": "application/json"}
        )
        self._expect("garbage", reply.status_code == 400 and "error" in reply.json(), reply.status_code)
        await asyncio.sleep(0.05)

    async def oversize(self) -> None:
        reader, writer = await self._send(b" " * (self.largest + 1), announced=random.random() < 0.5)
        head = await reader.read(200)
        self._expect("oversize", b" 413 " in head.split(b"\r\n")[0], head)
        writer.transport.abort()
        await asyncio.sleep(0.05)

    async def endless_body(self) -> None:
        """Announces a body and never sends the end of it."""
        reader, writer = await self._send(b'{"problem": ', more=100)
        head = await asyncio.wait_for(reader.read(200), 60)
        self._expect("endless body", b" 408 " in head.split(b"\r\n")[0], head)
        writer.transport.abort()

    async def slow_reader(self) -> None:
        """Reads its answer a few bytes at a time, and gets all of it."""
        body = {"problem": QUESTION, "stream": True, "deltas": True, "abstractions": 2, "solutions": 2}
        reader, writer = await self._send(json.dumps(body).encode(), close=True)
        received = b""
        while part := await reader.read(512):
            received += part
            await asyncio.sleep(0.05)
        self._expect("slow reader", b"data: [DONE]" in received, received[-200:])
        writer.transport.abort()

    async def _send(self, body: bytes, announced: bool = True, more: int = 0, close: bool = False):
        """Sends a request to /v1/solve on a connection of its own, in chunks where its length is not announced."""
        parts = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=1024)
        length = f"Content-Length: {len(body) + more}" if announced else "Transfer-Encoding: chunked"
        writer.write(
            f"POST /v1/solve HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n{length}\r\n"
            f"Connection: {'close' if close else 'keep-alive'}\r\n\r\n".encode()
        )
        writer.write(body if announced else b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        return reader, writer


async def watch(process: psutil.Process, end: float, every: float) -> list[tuple[float, int]]:
    """(resident MiB, open file descriptors) of the gateway, until the end."""
    samples = []
    while monotonic() < end:
        samples.append((process.memory_info().rss / 2**20, process.num_fds()))
        await asyncio.sleep(every)
    return samples


def growth(samples: list[tuple[float, int]]) -> dict:
    """How the last fifth of the samples compares with the second one; the first is warm-up.

    >>> growth([(90, 9), (100, 20), (100, 20), (100, 20), (104, 21)])
    {'rss_mib': [100.0, 104.0], 'rss_growth': 0.04, 'fds': [20.0, 21.0]}
    """
    fifth = max(1, len(samples) // 5)
    early, late = np.mean(samples[fifth : 2 * fifth], 0), np.mean(samples[-fifth:], 0)
    return {
        "rss_mib": [round(float(early[0]), 2), round(float(late[0]), 2)],
        "rss_growth": round(float(late[0] / early[0] - 1), 4),
        "fds": [round(float(early[1]), 1), round(float(late[1]), 1)],
    }


async def left_running(url: str, patience: float = 60.0) -> float:
    """Requests that the gateway still counts; it has so many seconds to notice the last ones that went away."""
    end = monotonic() + patience
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=patience) as client:
        while True:
            lines = (await client.get("/metrics")).text.splitlines()
            busy = [line for line in lines if line.startswith(("rlad_requests_running", "rlad_requests_waiting"))]
            left = sum(float(line.split()[-1]) for line in busy)
            if not left or monotonic() >= end:
                return left
            await asyncio.sleep(0.2)


async def soak(url: str, pid: int, seconds: float, good: int, largest: int) -> dict:
    clients = Soak(url, seconds, largest)
    watcher = asyncio.create_task(watch(psutil.Process(pid), clients.end, min(5.0, seconds / 50)))
    await clients.run(good)
    result = growth(await watcher)
    left = await left_running(url)
    return {
        "seconds": seconds,
        "requests": dict(sorted(clients.seen.items())),
        "failures": len(clients.failures),
        "first_failures": clients.failures[:5],
        "left_running": left,
        **result,
    }


def run_soak(run: Path, seconds: float, good: int, log: Path) -> dict:
    says, largest = stub_says(run), 65_536
    with ExitStack() as stack:
        stubs = [stack.enter_context(StubServer(says[role], 100)) for role in PLAYERS]
        for stub in stubs:
            stub.wait_until_healthy()
        urls = {role: stub.url for role, stub in zip(PLAYERS, stubs, strict=True)}
        limits = [f"serving.max_body_bytes={largest}", "serving.body_timeout=2", f"serving.max_queue={2 * good + 16}"]
        process, url = stack.enter_context(running_gateway(run, urls, log, *limits))
        result = asyncio.run(soak(url, process.pid, seconds, good, largest))
        result["engines_cancelled"] = sum(stub.counts()["aborted"] for stub in stubs)
        return result


@dataclass
class Keys:
    """How long, and beside how many."""

    run: str
    """Folder of a co-trained run of the induction world."""
    seconds: float = 600.0
    """Of load."""
    good: int = 8
    """Clients with well-formed requests."""
    log: str = "/tmp/rlad-soak.log"
    """The gateway's."""


def bench(keys: Keys) -> dict:
    """What was asked and answered, and how memory and descriptors grew; see above."""
    found = run_soak(Path(keys.run), keys.seconds, keys.good, Path(keys.log))
    steady = abs(found["rss_growth"]) <= TOLERANCE
    return found | {"held": steady and not found["failures"] and not found["left_running"]}
