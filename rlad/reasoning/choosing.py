"""A player that chooses among a growing tree's answers, such as the selector: its role's own code, over a stream.

A role says what it reads and asks for in plain calls (`TreeReader.choose`), which may go over several rounds. Here they
run in a thread, and every call is a request to the player's sampler in the event loop, so that trees share it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from contextlib import aclosing
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from rlad.config import RunConfig
from rlad.generation.base import Completion, Sampling
from rlad.generation.streaming import Piece, StreamingSampler
from rlad.players.prompts import Prompts
from rlad.players.roles import role_of
from rlad.players.roles.base import Answers, TreeReader
from rlad.reasoning.requests import Request
from rlad.reasoning.tree import BARE, Tree


class PromptTooLong(ValueError):
    """The answers do not fit into the player's context."""


@dataclass(frozen=True)
class Chooser:
    """A player that chooses, as it is served."""

    name: str
    """Its role's."""
    sampler: StreamingSampler
    prompts: Prompts
    context: int
    """Most tokens of a prompt and what it writes."""
    run: RunConfig
    up: Callable[[], bool] = lambda: True
    """Whether its sampler answers now."""

    @property
    def role(self) -> TreeReader:
        return role_of(self.name, self.run)

    @property
    def each(self) -> int:
        """Most tokens of a text that it writes."""
        return self.run.players[self.name].max_new_tokens

    def texts(self, answers: int) -> int:
        """Most texts that it writes about so many answers."""
        return self.role.texts(self.run, answers)

    def sampling(self, seed: int) -> Sampling:
        """As a sweep samples it: its likeliest text, or several."""
        section = self.run.players[self.name]
        return Sampling(section.temperature if self.run.sweep.selections > 1 else 0.0, section.max_new_tokens, seed)


class Asking:
    """One choice, as a sampler whose samples are the texts that the player writes for it, in their order."""

    def __init__(self, chooser: Chooser, tree: Tree, answers: Answers):
        """What is written goes into the tree, as in training."""
        self.chooser, self.tree, self.answers = chooser, tree, answers
        self.place: int | None = None
        """Of the chosen answer among those; None until it is there, and where prompts are too long for the player."""
        self.read = 0
        """Tokens of the prompts."""
        self._written = 0

    async def sample(
        self, prompt: list[int], count: int, sampling: Sampling, deltas: bool = False
    ) -> AsyncIterator[Piece]:
        loop, calls = asyncio.get_running_loop(), asyncio.Queue()
        role, run = self.chooser.role, self.chooser.run

        def ask(prompts: list[list[int]]) -> list[Completion]:
            reply: Future[list[Completion]] = Future()
            loop.call_soon_threadsafe(calls.put_nowait, (prompts, reply))
            return reply.result()

        def choose() -> list[int | None]:
            try:
                return role.choose([(self.tree, self.answers)], self.chooser.prompts, ask, run)
            finally:
                loop.call_soon_threadsafe(calls.put_nowait, None)

        chosen = asyncio.create_task(asyncio.to_thread(choose))
        try:
            while (call := await calls.get()) is not None:
                prompts, reply = call
                if max(map(len, prompts), default=0) + self.chooser.each > self.chooser.context:
                    reply.set_exception(PromptTooLong())
                    continue
                try:
                    pieces, completions = await self._asked(prompts, sampling)
                except BaseException:
                    reply.cancel()
                    raise
                reply.set_result(completions)  # first: whoever leaves at a piece would leave the thread waiting
                for piece in pieces:
                    yield piece
            try:
                (self.place,) = await chosen
            except PromptTooLong:
                self.place = None
        finally:
            await _ended(chosen, calls)

    async def _asked(self, prompts: Sequence[list[int]], sampling: Sampling) -> tuple[list[Piece], list[Completion]]:
        """What a call brings: equal prompts beside each other are samples of one."""
        groups = [(prompt, len(list(alike))) for prompt, alike in groupby(prompts)]
        self.read += sum(len(prompt) for prompt, _ in groups)
        found = await asyncio.gather(*(self._sampled(prompt, count, sampling) for prompt, count in groups))
        pieces, completions = [], []
        for some, done in found:
            pieces += [replace(piece, sample=self._written + piece.sample) for piece in some]
            self._written += len(done)
            completions += done
        return pieces, completions

    async def _sampled(self, prompt: list[int], count: int, sampling: Sampling) -> tuple[list[Piece], list[Completion]]:
        request = Request(self.chooser.name, BARE, 0, prompt, count, sampling.max_new_tokens)
        pieces: list[Piece] = []
        done: dict[int, Completion] = {}
        async with aclosing(self.chooser.sampler.sample(prompt, count, sampling)) as found:
            async for piece in found:
                request.add(piece)
                pieces.append(piece)
                if piece.finish_reason:
                    done[piece.sample] = request.completion(piece.sample, piece.finish_reason)
        return pieces, [done[sample] for sample in range(count)]


async def _ended(chosen: asyncio.Task, calls: asyncio.Queue[Any]) -> None:
    """Lets the thread end, whatever it still asks for."""
    while not chosen.done():
        waiting = asyncio.create_task(calls.get())
        await asyncio.wait({chosen, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done() and waiting.result() is not None:
            waiting.result()[1].cancel()
        waiting.cancel()
    await asyncio.gather(chosen, return_exceptions=True)
