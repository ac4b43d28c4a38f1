"""Requests to several servers from one event loop: of a whole batch, or taken while others run."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

import httpx

from rlad.config import EngineConfig
from rlad.generation.base import Completion, Sampling

if TYPE_CHECKING:
    from rlad.generation.vllm.replicas import Replicas, ReplicasSampler


class Requests:
    """Prompts on their way to the replicas, at most so many at a time. Copies of a prompt go to one replica, whose
    prefix cache then serves all but the first. A context of one event loop."""

    def __init__(self, replicas: Replicas, config: EngineConfig):
        most = config.max_batch * len(replicas.urls)
        self.replicas, self._most = replicas, asyncio.Semaphore(most)
        self._client = httpx.AsyncClient(timeout=config.timeout, limits=httpx.Limits(max_connections=most))
        self._places: dict[tuple[int, ...], int] = {}

    async def __aenter__(self) -> Requests:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._client.aclose()

    async def answer(self, prompt: list[int], params: dict) -> dict:
        """What a server answers to a prompt; SamplerFailed says what became of it."""
        urls = self.replicas.urls
        url = urls[self._places.setdefault(tuple(prompt), len(self._places)) % len(urls)]
        async with self._most:
            try:
                answer = await self._client.post(
                    f"{url}/inference/v1/generate", json={"token_ids": prompt, "sampling_params": params}
                )
                answer.raise_for_status()
            except httpx.HTTPStatusError as error:
                raise self.replicas.fail(f"{url} refused a prompt: {error.response.text[:500]}") from None
            except httpx.HTTPError as error:
                raise self.replicas.fail(f"{url} did not answer a prompt: {type(error).__name__} {error}") from None
        return answer.json()


class ReplicasStream:
    """The stream (`rlad.generation.base.Stream`) of a sampler over servers: an event loop in a thread."""

    def __init__(self, sampler: ReplicasSampler, ended: Callable[[object, Completion | BaseException], None]):
        self.sampler, self.ended = sampler, ended
        self._requests = Requests(sampler.replicas, sampler.config)
        self._loop, name = asyncio.new_event_loop(), f"stream of {sampler.replicas.name}"
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def send(self, keys: Sequence, prompts: list[list[int]], sampling: Sampling) -> None:
        if any(not prompt for prompt in prompts):
            raise ValueError("An empty prompt cannot be continued.")
        for key, prompt, stream in zip(keys, prompts, sampling.streams(len(prompts)), strict=True):
            work = self._completion(prompt, self.sampler.params(sampling, stream), sampling.temperature)
            asyncio.run_coroutine_threadsafe(work, self._loop).add_done_callback(self._telling(key))

    async def _completion(self, prompt: list[int], params: dict, temperature: float) -> Completion:
        answer = await self._requests.answer(prompt, params)
        return self.sampler.completion(answer["choices"][0], temperature)

    def _telling(self, key: object) -> Callable[[Future], None]:
        def tell(done: Future) -> None:
            if not done.cancelled():
                error = done.exception()
                self.ended(key if error is None else None, error or done.result())

        return tell

    def close(self) -> None:
        """A server ends what it decodes for a connection that is closed."""
        asyncio.run_coroutine_threadsafe(self._leave(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _leave(self) -> None:
        running = asyncio.all_tasks() - {asyncio.current_task()}
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._requests.__aexit__()
