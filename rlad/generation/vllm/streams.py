"""Requests to an engine process that are taken while others run: a connection of its own, and a thread that listens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rlad.generation.base import Completion, Sampling, untempered

if TYPE_CHECKING:
    from rlad.generation.vllm.sampler import VllmSampler

LISTEN = 1.0
"""Seconds between two looks at how long an engine that owes something has been silent."""


def completion_of(row: tuple, temperature: float) -> Completion:
    """From what the desk says of a request: (token ids, log-probs, finish reason, version)."""
    ids, logprobs, reason, version = row
    return Completion(tuple(ids), tuple(logprobs), reason, version, untempered(logprobs, temperature))


class EngineStream:
    """The stream (`rlad.generation.base.Stream`) of a sampler. Its engine ends what runs when the connection does."""

    def __init__(self, sampler: VllmSampler, ended: Callable[[object, Completion | BaseException], None]):
        self.sampler, self.ended, self.limit = sampler, ended, sampler.config.timeout
        self.link = sampler.link.beside()
        self.link.connect()
        self._asked: dict[int, tuple[Sequence, float, set[int]]] = {}
        """By call: its keys, its temperature, which of its prompts are still to be answered."""
        self._calls, self._heard, self._closed = 0, time.monotonic(), False
        self._thread = threading.Thread(target=self._listen, name=f"stream of {sampler.link.name}", daemon=True)
        self._thread.start()

    def send(self, keys: Sequence, prompts: list[list[int]], sampling: Sampling) -> None:
        if not prompts:
            return
        call = self.sampler.call(prompts, sampling)
        if not self._asked:
            self._heard = time.monotonic()  # it owed nothing until now
        number, self._calls = self._calls, self._calls + 1
        self._asked[number] = keys, sampling.temperature, set(range(len(prompts)))
        self.link.say({"do": "generate", "stream": number, **call})

    def _listen(self) -> None:
        try:
            while True:
                self._hear()
        except BaseException as error:  # raised by whoever waits for completions, unless nobody does
            if not self._closed:
                self.ended(None, error)

    def _hear(self) -> None:
        heard = self.link.hear(min(LISTEN, self.limit), "generate")
        if heard is None:
            if self._asked and time.monotonic() - self._heard > self.limit:
                raise self.link.silent(self.limit, "generate")
            return
        self._heard = time.monotonic()
        kind, value = heard
        if kind != "row":
            return
        number, index, row = value
        self.sampler.check([row])
        keys, temperature, missing = self._asked[number]
        missing.remove(index)
        if not missing:
            del self._asked[number]
        self.ended(keys[index], completion_of(row, temperature))

    def close(self) -> None:
        self._closed = True
        self.link.interrupt()
        self._thread.join()
        self.link.hang_up()
