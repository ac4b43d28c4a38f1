"""A stand-in for `vllm serve` that samples nothing: it says given token ids after a given time, over the same HTTP.

`python -m evals.benchmarks.gateway.stub_vllm --port P --say '[[5, 6, 1], [7, 1]]' --ms 300`. A GPU server's time is
spent on the GPU; here it is slept, so that what is measured is the gateway. It counts what it was asked, for who looks
for requests that were lost or sent twice.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from rlad.generation.vllm.server import free_port


@dataclass
class Stub:
    say: list[list[int]]
    seconds: float
    """From a request to the end of its samples, on average."""
    spread: float = 0.0
    """Requests take between 1 - spread and 1 + spread of that, evenly, each what its seed says."""
    context: int = 4096
    asked: Counter[str] = field(default_factory=Counter)
    """How often each (prompt, seed) was asked."""
    aborted: int = 0

    async def completions(self, request: Request) -> Response:
        body = await request.json()
        if len(body["prompt"]) + body["max_tokens"] > self.context:
            return JSONResponse({"error": {"message": "The prompt is too long.", "code": 400}}, 400)
        self.asked[f"{body['prompt']} {body['seed']}"] += 1
        if body.get("stream"):
            return StreamingResponse(self._stream(body), media_type="text/event-stream")
        wait = asyncio.ensure_future(asyncio.sleep(self._time(body)))
        while not wait.done():
            await asyncio.wait({wait}, timeout=0.5)
            if not wait.done() and await request.is_disconnected():
                self.aborted += 1
                return Response(status_code=499)
        choices = [self._choice(i, *self._said(body, i)) for i in range(body["n"])]
        if "prompt_logprobs" in body:  # nothing is known of the first token
            told = [None, *({str(token): {"logprob": -0.1}} for token in body["prompt"][1:])]
            choices = [choice | {"prompt_logprobs": told} for choice in choices]
        return JSONResponse({"id": "cmpl", "object": "text_completion", "choices": choices})

    def _time(self, body: dict[str, Any]) -> float:
        return self.seconds * (1 + self.spread * random.Random(body["seed"]).uniform(-1, 1))

    def _said(self, body: dict[str, Any], index: int) -> tuple[list[int], str]:
        ids = self.say[(body["seed"] + index) % len(self.say)]
        return ids[: body["max_tokens"]], "stop" if len(ids) <= body["max_tokens"] else "length"

    @staticmethod
    def _choice(index: int, ids: list[int], reason: str | None) -> dict[str, Any]:
        logprobs = {"token_logprobs": [-0.1] * len(ids)}
        return {"index": index, "text": "", "token_ids": ids, "logprobs": logprobs, "finish_reason": reason}

    async def _stream(self, body: dict[str, Any]) -> AsyncIterator[str]:
        said = [self._said(body, i) for i in range(body["n"])]
        longest = max(len(ids) for ids, _ in said)
        finished = False
        try:
            for step in range(longest):
                await asyncio.sleep(self._time(body) / longest)
                for index, (ids, reason) in enumerate(said):
                    if step < len(ids):
                        last = reason if step + 1 == len(ids) else None
                        yield f"data: {json.dumps({'choices': [self._choice(index, ids[step : step + 1], last)]})}\n\n"
            finished = True
            yield "data: [DONE]\n\n"
        finally:
            self.aborted += not finished

    async def counts(self, _: Request) -> Response:
        return JSONResponse(
            {"asked": self.asked.total(), "repeated": sum(c - 1 for c in self.asked.values()), "aborted": self.aborted}
        )

    async def models(self, _: Request) -> Response:
        return JSONResponse({"data": [{"id": "stub", "max_model_len": self.context}]})

    async def health(self, _: Request) -> Response:
        return Response()

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/completions", self.completions, methods=["POST"]),
                Route("/v1/models", self.models),
                Route("/health", self.health),
                Route("/counts", self.counts),
            ]
        )


class StubServer:
    """A stub in a process of its own, with the interface of `VllmServer`."""

    def __init__(self, say: list[list[int]], ms: float, port: int = 0, spread: float = 0.0):
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        words = ["--port", str(self.port), "--say", json.dumps(say), "--ms", str(ms), "--spread", str(spread)]
        self.process = subprocess.Popen([sys.executable, "-m", "evals.benchmarks.gateway.stub_vllm", *words])

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def wait_until_healthy(self, limit: float = 60.0) -> None:
        deadline = time.monotonic() + limit
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/health", timeout=5).close()
                return
            except (urllib.error.URLError, OSError):
                if not self.alive or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def counts(self) -> dict[str, int]:
        with urllib.request.urlopen(f"{self.url}/counts", timeout=30) as reply:
            return json.load(reply)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> StubServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--say", type=json.loads, required=True)
    parser.add_argument("--ms", type=float, required=True)
    parser.add_argument("--spread", type=float, default=0.0)
    arguments = parser.parse_args()
    stub = Stub(arguments.say, arguments.ms / 1e3, arguments.spread)
    uvicorn.run(stub.app(), port=arguments.port, log_level="critical", access_log=False, loop="uvloop")


if __name__ == "__main__":
    main()
