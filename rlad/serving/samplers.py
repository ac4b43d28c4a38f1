"""Samplers of the server: a vLLM server over HTTP, and a sampler inside this process."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from rlad.generation.base import Completion, Sampler, Sampling
from rlad.generation.streaming import Piece, PromptRefused, SamplerDown, pieces_of
from rlad.serving.endpoints import Endpoint

DONE = b"[DONE]"


class HttpSampler:
    """Token ids to a vLLM server and back, over its completions route.

    A request that the server loses before anything has come back is sent once more, when it answers again within
    `patience` seconds. Raises SamplerDown when that fails, PromptRefused for what the server will not take.
    """

    def __init__(self, endpoint: Endpoint, client: aiohttp.ClientSession, model: str, patience: float):
        self.endpoint, self.client, self.model, self.patience = endpoint, client, model, patience

    async def sample(
        self, prompt: list[int], count: int, sampling: Sampling, deltas: bool = False
    ) -> AsyncIterator[Piece]:
        body = self._body(prompt, count, sampling, deltas)
        async for piece in self._patiently(body, self._stream if deltas else self._whole):
            yield piece

    async def score(self, prompt: list[int], token_ids: Sequence[int]) -> float:
        """As log-probs of a prompt; the server generates a token after it, which is thrown away."""
        body = self._body([*prompt, *token_ids], 1, Sampling(max_new_tokens=1), False) | {"prompt_logprobs": 0}
        async for choice in self._patiently(body, self._choices):
            given = choice["prompt_logprobs"][len(prompt) :]
            return sum(known[str(token)]["logprob"] for known, token in zip(given, token_ids, strict=True))
        raise SamplerDown(f"the {self.endpoint.player} engine answered nothing")

    async def _patiently(self, body: dict[str, Any], ask: Callable[[dict[str, Any]], AsyncIterator]) -> AsyncIterator:
        """What a request brings, sent once more where it was lost before it brought anything."""
        if not self.endpoint.up:
            raise SamplerDown(f"the {self.endpoint.player} engine is down")
        begun = False
        for last in (False, True):
            try:
                async for piece in ask(body):
                    begun = True
                    yield piece
                return
            except (aiohttp.ClientError, SamplerDown) as error:
                if begun or last or not await self.endpoint.recovered(self.patience):
                    raise SamplerDown(f"the {self.endpoint.player} engine was lost: {type(error).__name__}") from error
                self.endpoint.metrics.retries.labels(self.endpoint.player).inc()

    def _body(self, prompt: list[int], count: int, sampling: Sampling, deltas: bool) -> dict[str, Any]:
        return {
            "model": self.model,
            "prompt": prompt,
            "n": count,
            "max_tokens": sampling.max_new_tokens,
            "temperature": sampling.temperature,
            "seed": sampling.seed,
            # The whole distribution, whatever the model's generation settings say: as in training.
            "top_p": 1.0,
            "top_k": 0,
            "logprobs": 0,  # of the sampled tokens alone
            "return_token_ids": True,
            "stream": deltas,
            **({"stop_token_ids": list(sampling.stop)} if sampling.stop else {}),
        }

    def _post(self, body: dict[str, Any]):
        return self.client.post(f"{self.endpoint.url}/v1/completions", json=body)

    async def _choices(self, body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        async with self._post(body) as reply:
            content = await reply.read()
        _raise_for_status(reply.status, content)
        for choice in json.loads(content)["choices"]:
            yield choice

    async def _whole(self, body: dict[str, Any]) -> AsyncIterator[Piece]:
        async for choice in self._choices(body):
            yield _piece(choice)

    async def _stream(self, body: dict[str, Any]) -> AsyncIterator[Piece]:
        async with self._post(body) as reply:
            if reply.status != 200:
                _raise_for_status(reply.status, await reply.read())
            async for line in _lines(reply.content):
                if not line.startswith(b"data: ") or line[6:] == DONE:
                    continue
                event = json.loads(line[6:])
                if "error" in event:
                    raise SamplerDown(str(event["error"]))
                for choice in event["choices"]:
                    yield _piece(choice)


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """The lines of a body, however long."""
    rest = b""
    async for chunk in content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.rstrip()


def _raise_for_status(status: int, content: bytes) -> None:
    if status == 200:
        return
    if status in (400, 413, 422):
        try:
            message = json.loads(content)["error"]["message"]
        except (ValueError, KeyError, TypeError):
            message = "The engine refused the request."
        raise PromptRefused(message)
    raise SamplerDown(f"status {status}")


def _piece(choice: dict[str, Any]) -> Piece:
    logprobs = (choice.get("logprobs") or {}).get("token_logprobs") or ()
    ids = choice.get("token_ids")
    if ids is None:
        raise SamplerDown("the server gives no token ids; it needs vLLM 0.11 or newer")
    found = tuple(lp or 0.0 for lp in logprobs)
    # vLLM's servers give log-probs of the model's own distribution, before the temperature, unless told otherwise.
    whole = sum(found) if len(found) == len(ids) else None
    return Piece(choice["index"], tuple(ids), found, choice.get("finish_reason"), whole)


@dataclass(eq=False)
class _Job:
    prompt: list[int]
    count: int
    sampling: Sampling
    future: asyncio.Future = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def batch_key(self) -> tuple[float, int, tuple[int, ...], int]:
        s = self.sampling
        return s.temperature, s.max_new_tokens, s.stop, s.certainty


class ThreadSampler:
    """A sampler inside this process, in a thread of its own. What waits for it is batched: requests with the same
    temperature and length go together, under the seed of the first. For laptops and tests; text comes in one piece."""

    def __init__(self, sampler: Sampler):
        self.sampler = sampler
        self.waiting: list[_Job] = []
        self._lock = threading.Lock()  # around `waiting`
        self._thread = ThreadPoolExecutor(1, "sampler")

    async def sample(
        self, prompt: list[int], count: int, sampling: Sampling, deltas: bool = False
    ) -> AsyncIterator[Piece]:
        job = _Job(prompt, count, sampling)
        with self._lock:
            self.waiting.append(job)
        self._thread.submit(self._work, asyncio.get_running_loop())
        try:
            completions: list[Completion] = await job.future
        finally:
            with self._lock:
                if job in self.waiting:  # its caller has left before its turn came
                    self.waiting.remove(job)
        for index, done in enumerate(completions):
            for piece in pieces_of(index, done):
                yield piece

    async def score(self, prompt: list[int], token_ids: Sequence[int]) -> float:
        """In the sampler's thread, after the batch that runs."""
        return (await asyncio.wrap_future(self._thread.submit(self.sampler.score, [prompt], [token_ids])))[0]

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        """Runs in the thread: the oldest job and all that can go with it."""
        jobs = self._take()
        if not jobs:
            return
        prompts = [job.prompt for job in jobs for _ in range(job.count)]
        try:
            result: Any = self.sampler.generate(prompts, jobs[0].sampling)
        except Exception as error:  # handed to the callers that wait for it
            result = error
        loop.call_soon_threadsafe(_deliver, jobs, result)

    def _take(self) -> list[_Job]:
        with self._lock:
            together = [job for job in self.waiting if job.batch_key == self.waiting[0].batch_key]
            self.waiting = [job for job in self.waiting if job not in together]
        return together

    async def close(self) -> None:
        """Waits for the batch that runs; what still waits is dropped."""
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)


def _deliver(jobs: list[_Job], result: list[Completion] | Exception) -> None:
    start = 0
    for job in jobs:
        if isinstance(result, Exception):
            if not job.future.done():
                job.future.set_exception(result)
            continue
        if not job.future.done():
            job.future.set_result(result[start : start + job.count])
        start += job.count
