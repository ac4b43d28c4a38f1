"""A model behind a server with OpenAI's chat API."""

from __future__ import annotations

import asyncio
import math
import os
import re
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_exponential

from rlad.cli import PlainError
from rlad.config import ChatServerConfig
from rlad.config.servers import DROPPED, LIMITS

CONNECT = 10.0
"""Seconds after which nobody is there."""


class ModelDown(PlainError):
    """A model does not answer; the message is one plain sentence."""


@dataclass(frozen=True)
class Reply:
    """What came back: one text per sample, and the tokens that it took."""

    texts: list[str]
    prompt_tokens: int
    generated_tokens: int
    """0 where the server does not say."""
    finishes: tuple[str | None, ...] = ()
    """Why each text ended: stop, length or what the server calls it; None where it does not say."""
    logprobs: tuple[tuple[float, ...] | None, ...] = ()
    """log p of each text's tokens as the server reports them, nats; None where it gives none."""


class Model(Protocol):
    """Something that answers a user's message."""

    name: str
    """Who answers, as calls are kept under it."""
    untold: tuple[str, ...]
    """What makes of the same body another call, in order: what of its sampling the model is not told, and then does in
    its own way, and what its chat template is told."""

    async def complete(self, body: dict[str, Any]) -> Reply:
        """Samples an answer to a body of OpenAI's chat API, which has messages, n, temperature, max_tokens and seed."""


class Pace:
    """When the requests of one server may begin: evenly spaced, at most so many in a minute; 0 = at once."""

    def __init__(self, per_minute: int):
        self.per_minute, self._turn, self._next = per_minute, asyncio.Lock(), 0.0

    async def turn(self) -> None:
        """Waits until another request may begin."""
        if not self.per_minute:
            return
        async with self._turn:
            await asyncio.sleep(max(0.0, self._next - time.monotonic()))
            self._next = time.monotonic() + 60 / self.per_minute


class HttpModel:
    """A model behind a server with OpenAI's chat API, at most so many requests at a time and begun in a minute."""

    def __init__(
        self,
        config: ChatServerConfig,
        attempts: int = 5,
        pause: float = 1.0,
        pace: Pace | None = None,
        prefix: str = "",
    ):
        """`pace`: that of the server, where several models share one. `prefix`: how the names of the configuration's
        keys begin, such as `distill.teacher.`, for sentences that name one; empty where it has none for fields that are
        refused."""
        self.config, self.prefix, headers = config, prefix, {}
        if config.api_key:
            if config.api_key not in os.environ:
                raise ModelDown(f"The environment variable '{config.api_key}' that is to hold the API key is not set.")
            headers["Authorization"] = f"Bearer {os.environ[config.api_key]}"
        url = config.url.rstrip("/") + "/"
        self._client = httpx.AsyncClient(base_url=url, headers=headers, timeout=config.timeout)
        self._open, self._pace = asyncio.Semaphore(config.requests), pace or Pace(config.per_minute)
        self._retrying = AsyncRetrying(
            retry=retry_if_exception(_passing),
            stop=stop_after_attempt(attempts),
            wait=wait_exponential(multiplier=pause, max=30 * pause),
            reraise=True,
        )
        self.name = config.name
        # Samples that are asked for one by one are the same samples, and so are those of a limit by its other name.
        self.untold = tuple(sorted({"seed", "temperature"} & set(config.drop)))
        self._more: dict[str, Any] = {}
        if config.thinking != "auto" and "chat_template_kwargs" not in config.drop:
            self._more = {"chat_template_kwargs": {"enable_thinking": config.thinking == "true"}}
            self.untold += (f"thinking={config.thinking}",)

    async def require_answer(self) -> None:
        """Raises ModelDown where there is no server at all: asked once, before models are loaded to write for it."""
        try:
            await self._client.get("models", timeout=httpx.Timeout(self.config.timeout, connect=CONNECT))
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise ModelDown(f"The model at {self.config.url} did not answer: {_reason(error).rstrip('.')}.") from error

    async def begin(self) -> None:
        """Asks what the server serves, where the configuration names no model."""
        if not self.name:
            self.name = self._at(await self._asked("GET", "models"), "data", 0, "id")

    async def complete(self, body: dict[str, Any]) -> Reply:
        """See `Model`; a server that gives fewer samples than asked is asked for the others. What goes out has the
        fields that the server takes (`drop`, `limit_field`)."""
        texts, finishes, logprobs, spent = [], [], [], Counter()
        while len(texts) < body["n"]:
            rest = body | {"model": self.name, "n": body["n"] - len(texts), "seed": body["seed"] + len(texts)}
            answer = await self._asked("POST", "chat/completions", json=self._taken(rest))
            self._at(answer, "choices", 0, "message")
            for choice in answer["choices"]:
                texts.append(self._typed(self._at(choice, "message", "content") or "", str, "message.content"))
                finishes.append(choice.get("finish_reason"))
                logprobs.append(self._logprobs(choice))
            usage = self._typed(answer.get("usage") or {}, dict, "usage")
            for name, where in (("prompt", "prompt_tokens"), ("generated", "completion_tokens")):
                spent[name] += self._typed(usage.get(where) or 0, int, f"usage.{where}")
        wanted = slice(body["n"])
        return Reply(
            texts[wanted], spent["prompt"], spent["generated"], tuple(finishes[wanted]), tuple(logprobs[wanted])
        )

    def _logprobs(self, choice: dict[str, Any]) -> tuple[float, ...] | None:
        """log p of a choice's tokens, nats; None where the server gives none."""
        held = self._typed(choice.get("logprobs") or {}, dict, "logprobs")
        given = self._typed(held.get("content") or [], list, "logprobs.content")
        return tuple(self._typed(self._at(one, "logprob"), float, "logprobs.content.logprob") for one in given) or None

    def _typed(self, value: Any, kind: type, where: str) -> Any:
        """The value, where it is of its kind; numbers are finite, counts not negative."""
        if kind is float and type(value) is int:
            value = float(value)
        number = kind in (int, float)
        if type(value) is not kind or (number and not math.isfinite(value)) or (kind is int and value < 0):
            told = f"does not answer as OpenAI's API does: a strange '{where}'"
            raise ModelDown(f"The model at {self.config.url} {told}.")
        return value

    def _taken(self, body: dict[str, Any]) -> dict[str, Any]:
        """The body in the fields that the server takes."""
        names = {LIMITS[0]: self.config.limit_field}
        taken = (body | self._more).items()
        return {names.get(name, name): value for name, value in taken if name not in self.config.drop}

    async def _asked(self, method: str, path: str, **content) -> dict:
        try:
            async with self._open:
                return await self._retrying(self._request, method, path, **content)
        except (httpx.HTTPError, ValueError) as error:
            told = f"The model at {self.config.url} did not answer: {_reason(error).rstrip('.')}."
            raise ModelDown(told + self._way_out(error)) from error

    async def _request(self, method: str, path: str, **content) -> dict:
        await self._pace.turn()
        response = await self._client.request(method, path, **content)
        response.raise_for_status()
        return response.json()

    def _way_out(self, error: Exception) -> str:
        """A sentence with the key that leaves out a field which the server refuses; empty where it names none."""
        refused = isinstance(error, httpx.HTTPStatusError) and error.response.status_code in (400, 422)
        if not (self.prefix and refused):
            return ""
        named = re.search(rf"""['"`]({"|".join((*LIMITS, *DROPPED))})['"`]""", error.response.text)
        if named is None:
            return ""
        other = LIMITS[1 - LIMITS.index(self.config.limit_field)]
        word = f"limit_field={other}" if named[1] in LIMITS else f"drop=[{','.join([*self.config.drop, named[1]])}]"
        return f" Where it does not take {named[1]}, set '{self.prefix}{word}'."

    def _at(self, answer: Any, *path: str | int) -> Any:
        try:
            for step in path:
                answer = answer[step]
        except (KeyError, IndexError, TypeError) as error:
            where = ".".join(map(str, path))
            raise ModelDown(
                f"The model at {self.config.url} does not answer as OpenAI's API does: no '{where}'."
            ) from error
        return answer

    async def close(self) -> None:
        await self._client.aclose()


def _reason(error: Exception) -> str:
    """In one line: why a request failed, in the server's own words where it says any."""
    if isinstance(error, httpx.HTTPStatusError):
        try:
            return f"{error.response.status_code}, {error.response.json()['error']['message']}"
        except (ValueError, KeyError, TypeError):
            """It says nothing in OpenAI's form."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _passing(error: BaseException) -> bool:
    """Whether asking again may help: the line broke, or the server is busy."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code == 429 or error.response.status_code >= 500
    return isinstance(error, httpx.TransportError)
