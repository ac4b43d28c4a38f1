"""OpenAI's two routes: what is asked for, the work, and the answer in their words."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from rlad.config import ServingConfig
from rlad.generation.base import Sampling
from rlad.generation.together import together
from rlad.reasoning.events import Usage
from rlad.serving.alone import Alone
from rlad.serving.errors import ApiError, unknown_model
from rlad.serving.metrics import Metrics
from rlad.serving.options import check_problem, check_room, tree_job
from rlad.serving.pair import Player, ServedPair
from rlad.serving.parameters import refuse_unreadable, refuse_unsupported
from rlad.serving.schema import PAIR, PLAYERS, ChatRequest, CompletionRequest, SamplingRequest, TreeOptions
from rlad.serving.solving import Solving
from rlad.serving.streams import END, event

MODELS = [PAIR, *PLAYERS]
EVERY_SEED = 2**31
Longest = tuple[int | None, str]
"""Most tokens of a text where the request says so, and the parameter that says it."""


def problem_of(request: ChatRequest) -> str:
    """The text of the last message, which must be the user's: the pair and its players take one problem at a time.

    Raises ApiError for messages that hold what the players cannot read.
    """
    for number, message in enumerate(request.messages):
        refuse_unreadable(message, f"messages.{number}")
    last = request.messages[-1]
    if last.role != "user":
        raise ApiError(400, "The last message must be the user's; its text is the problem.", "messages")
    if isinstance(last.content, list):
        return "\n".join(part.text or "" for part in last.content)
    return last.content or ""


def prompts_of(request: CompletionRequest) -> list[str | list[int]]:
    """The prompts of a completion request, each a text or token ids."""
    prompt = request.prompt
    if isinstance(prompt, str):
        return [prompt]
    if not prompt:
        raise ApiError(400, "There is no prompt.", "prompt")
    return [prompt] if isinstance(prompt[0], int) else list(prompt)  # type: ignore[list-item]


def stops_of(request: SamplingRequest) -> list[str]:
    """The texts at which an answer ends. Raises ApiError for a stream, of which nothing can be taken back."""
    stops = [request.stop] if isinstance(request.stop, str) else request.stop or []
    stops = [stop for stop in stops if stop]
    if stops and request.stream:
        raise ApiError(400, "'stop' is not supported in a stream; leave it out.", "stop", "unsupported_parameter")
    return stops


def cut(text: str, reason: str, stops: list[str]) -> tuple[str, str]:
    """A choice's text up to the first of some texts, and its finish reason.

    >>> cut("x = 3 Question: y", "length", ["Question:", "</s>"]), cut("x = 3", "length", ["Question:"])
    (('x = 3 ', 'stop'), ('x = 3', 'length'))
    """
    found = [place for stop in stops if (place := text.find(stop)) >= 0]
    return (text[: min(found)], "stop") if found else (text, reason)


@dataclass
class Work:
    """A request's choices, each the tree of the pair or a sample of one player."""

    identity: str
    model: str
    chat: bool
    trees: list[Solving] = field(default_factory=list)
    alone: list[Alone] = field(default_factory=list)
    stops: list[str] = field(default_factory=list)
    created: int = field(default_factory=lambda: int(time.time()))

    # ------------------------------------------------------------------------------------------------- at once
    async def answer(self) -> dict[str, Any]:
        """Runs everything; the whole answer."""
        done = await together([work.run() for work in [*self.trees, *self.alone]])
        said = [tree.choice for tree in self.trees] or [one for run in done for one in run]
        body = self._head("chat.completion" if self.chat else "text_completion")
        said = [cut(text, reason, self.stops) for text, reason in said]
        body["choices"] = [self._choice(i, text, reason) for i, (text, reason) in enumerate(said)]
        body["usage"] = self.usage().model_dump()
        if self.trees:
            body["rlad"] = [self._tree(tree) for tree in self.trees]
        return body

    def _choice(self, index: int, text: str, reason: str) -> dict[str, Any]:
        said = {"message": {"role": "assistant", "content": text, "refusal": None}} if self.chat else {"text": text}
        return {"index": index, **said, "logprobs": None, "finish_reason": reason}

    # ---------------------------------------------------------------------------------------------- as a stream
    async def stream(self, include_usage: bool) -> AsyncIterator[str]:
        """The answer as server-sent events. Of the pair a choice's text comes when its tree has ended."""
        if self.chat:
            for index in range(self.choices):
                yield self._chunk([self._delta(index, "", None, role=True)])
        async with aclosing(self._said()) as said:
            async for index, text, reason in said:
                if text:
                    yield self._chunk([self._delta(index, text, None)])
                if reason:
                    more = {"rlad": [self._tree(self.trees[index])]} if self.trees else {}
                    yield self._chunk([self._delta(index, "", reason)], **more)
        if include_usage:
            yield self._chunk([], usage=self.usage().model_dump())
        yield END

    async def _said(self) -> AsyncIterator[tuple[int, str, str | None]]:
        """(choice, text, finish reason or None) in the order in which they come, all choices at once."""
        inbox: asyncio.Queue[tuple[int, str, str | None] | asyncio.Task] = asyncio.Queue()

        async def of_tree(index: int, tree: Solving) -> None:
            await tree.run()
            inbox.put_nowait((index, *tree.choice))

        async def of_player(first: int, alone: Alone) -> None:
            async with aclosing(alone.parts(deltas=True)) as parts:
                async for part in parts:
                    inbox.put_nowait((first + part.choice, part.text, part.finish_reason))

        each = self.alone[0].count if self.alone else 1
        work = [of_tree(i, tree) for i, tree in enumerate(self.trees)]
        work += [of_player(i * each, alone) for i, alone in enumerate(self.alone)]
        tasks = [asyncio.create_task(one) for one in work]
        for task in tasks:
            task.add_done_callback(inbox.put_nowait)
        try:
            running = len(tasks)
            while running:
                item = await inbox.get()
                if isinstance(item, tuple):
                    yield item
                else:
                    running -= 1
                    item.result()
        finally:
            for task in tasks:
                task.cancel()
            # One of their errors was raised already, or nobody is there to hear any.
            await asyncio.gather(*tasks, return_exceptions=True)

    def _chunk(self, choices: list[dict[str, Any]], **more: Any) -> str:
        body = self._head("chat.completion.chunk" if self.chat else "text_completion")
        return event(json.dumps(body | {"choices": choices} | more))

    def _delta(self, index: int, text: str, reason: str | None, role: bool = False) -> dict[str, Any]:
        if not self.chat:
            said: dict[str, Any] = {"text": text}
        else:
            said = {"delta": ({"role": "assistant"} if role else {}) | ({"content": text} if not reason else {})}
        return {"index": index, **said, "logprobs": None, "finish_reason": reason}

    # ------------------------------------------------------------------------------------------------------ both
    @property
    def choices(self) -> int:
        return len(self.trees) + sum(alone.count for alone in self.alone)

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.identity, "object": kind, "created": self.created, "model": self.model}

    @staticmethod
    def _tree(tree: Solving) -> dict[str, Any]:
        """How a choice came about, beside OpenAI's fields."""
        response = tree.response().model_dump(exclude={"abstractions", "bare", "id", "text"})
        return response | {"abstractions": [branch.text for branch in tree.exploration.tree.branches]}

    def usage(self) -> Usage:
        prompt, generated = Counter[str](), Counter[str]()
        for tree in self.trees:
            prompt += tree.exploration.prompt_tokens
            generated += tree.exploration.generated
        for alone in self.alone:
            prompt[alone.player.role] += alone.prefilled
            generated[alone.player.role] += alone.generated
        return Usage.of(prompt, generated)


class Planner:
    """Turns requests into work, within the limits of `config`. Raises ApiError."""

    def __init__(self, pair: ServedPair, config: ServingConfig, metrics: Metrics):
        self.pair, self.config, self.metrics = pair, config, metrics

    def chat(self, request: ChatRequest, identity: str) -> Work:
        work = self._begin(request, f"chatcmpl-{identity}", chat=True)
        problem = problem_of(request)
        newer = request.max_completion_tokens
        longest = (newer, "max_completion_tokens") if newer else (request.max_tokens, "max_tokens")
        if request.model == PAIR:
            self._trees(work, request, [problem], longest, "messages")
            return work
        check_problem(problem, self.config, "messages")
        player = self._player(request.model)
        self._alone(work, request, player, player.problem_ids(problem), longest, "messages")
        return work

    def completion(self, request: CompletionRequest, identity: str) -> Work:
        work = self._begin(request, f"cmpl-{identity}", chat=False)
        prompts, longest = prompts_of(request), (request.max_tokens, "max_tokens")
        if request.model == PAIR:
            texts = [prompt for prompt in prompts if isinstance(prompt, str)]
            if len(texts) < len(prompts):
                raise ApiError(400, "The pair takes problems as text, not as token ids.", "prompt")
            self._trees(work, request, texts, longest, "prompt")
            return work
        player = self._player(request.model)
        for prompt in prompts:
            self._alone(work, request, player, self._ids(player, prompt), longest, "prompt")
        return work

    def _begin(self, request: SamplingRequest, identity: str, chat: bool) -> Work:
        if request.model not in MODELS:
            raise unknown_model(request.model, MODELS)
        refuse_unsupported(request)
        if request.stream_options is not None:
            refuse_unsupported(request.stream_options, "stream_options.")
        if request.rlad is not None and request.model != PAIR:
            raise ApiError(400, f"The options under 'rlad' are those of the model '{PAIR}'.", "rlad")
        return Work(identity, request.model, chat, stops=stops_of(request))

    def _player(self, model: str) -> Player:
        return self.pair.players[PLAYERS[model]]

    def _trees(self, work: Work, request: SamplingRequest, problems: list[str], longest: Longest, param: str) -> None:
        n = request.n or 1
        if n * len(problems) > self.config.max_choices:
            message = f"{n * len(problems)} choices are asked for; at most {self.config.max_choices} are accepted."
            raise ApiError(400, message, "n")
        for index in range(n * len(problems)):
            seed = None if request.seed is None else (request.seed + index % n) % EVERY_SEED
            job = tree_job(
                self.pair, self.config, work.identity, problems[index // n], request.rlad or TreeOptions(),
                request.temperature, longest[0], seed, param=param, length_param=longest[1],
            )  # fmt: skip
            work.trees.append(Solving(self.pair, job, self.metrics))

    def _alone(
        self, work: Work, request: SamplingRequest, player: Player, prompt: list[int], longest: Longest, param: str
    ) -> None:
        n = request.n or 1
        check_room(player, prompt, 1, param)
        new = min(longest[0] or player.max_new_tokens, player.context - len(prompt))
        choices, most, tokens = work.choices + n, self.config.max_samples, self.config.max_total_tokens
        if choices > most:
            raise ApiError(400, f"{choices} choices are asked for; at most {most} are accepted.", "n")
        if choices * new > tokens:
            one = f"A text of up to {new} tokens is" if choices == 1 else f"{choices} texts of up to {new} tokens are"
            message = f"{one} more than this server writes for a request, which is {tokens} tokens in all."
            raise ApiError(400, message, longest[1] if new > tokens else "n")
        temperature = player.temperature if request.temperature is None else request.temperature
        seed = time.time_ns() if request.seed is None else request.seed
        sampling = Sampling(temperature, new, seed % EVERY_SEED)
        work.alone.append(Alone(player, prompt, n, sampling, self.metrics))

    def _ids(self, player: Player, prompt: str | list[int]) -> list[int]:
        if isinstance(prompt, str):
            if len(prompt) > self.config.max_problem_chars:
                message = f"A prompt has more than {self.config.max_problem_chars} characters."
                raise ApiError(400, message, "prompt", "string_above_max_length")
            prompt = player.prompts.raw_ids(prompt)
        if not prompt:
            raise ApiError(400, "A prompt is empty.", "prompt")
        size = player.vocabulary
        if not 0 <= min(prompt) <= max(prompt) < size:
            raise ApiError(400, f"Token ids lie in 0..{size - 1}.", "prompt")
        return prompt
