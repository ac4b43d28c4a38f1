"""Requests to samplers that are under way, and what has come back of them so far."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import cached_property
from time import perf_counter

from rlad.generation.base import Certainty, Completion, Sampling, Span
from rlad.generation.streaming import Piece, StreamingSampler
from rlad.players.roles import role_of
from rlad.reasoning.budget import Budget
from rlad.reasoning.text import GrowingText


@dataclass(eq=False)
class Request:
    """`count` samples of one prompt."""

    role: str
    branch: int
    first: int
    """Number of its first sample among the branch's solutions."""
    prompt: list[int]
    count: int
    each: int
    """Most tokens of a sample; what was reserved for it."""
    decode: Callable[[list[int]], str] | None = None
    """Set where the text is wanted while it is written."""
    opening: str = ""
    """What the prompt has opened of that text (a thought)."""
    begin: float = field(default_factory=perf_counter)

    def __post_init__(self) -> None:
        self._ids: list[list[int]] = [[] for _ in range(self.count)]
        self._logprobs: list[list[float]] = [[] for _ in range(self.count)]
        self._given: list[list[Span]] = [[] for _ in range(self.count)]
        self._model_logprobs: list[float | None] = [0.0] * self.count
        self._certainty: list[Certainty | None] = [None] * self.count
        self._finished: set[int] = set()
        self._texts = [GrowingText(self.decode, self.opening) for _ in range(self.count)] if self.decode else None

    @cached_property
    def proposes(self) -> bool:
        """Whether its samples open branches."""
        return role_of(self.role).proposes

    @property
    def deltas(self) -> bool:
        return self.decode is not None

    @property
    def unfinished(self) -> int:
        """Samples that are not complete."""
        return self.count - len(self._finished)

    @property
    def unfinished_tokens(self) -> int:
        """Generated tokens that came in of samples that are not complete."""
        given = [sum(end - begin for begin, end in spans) for spans in self._given]
        return sum(len(ids) - given[i] for i, ids in enumerate(self._ids) if i not in self._finished)

    def add(self, piece: Piece) -> str:
        """Takes a piece; returns the text that it adds, where that is wanted."""
        if piece.given:
            begin = len(self._ids[piece.sample])
            self._given[piece.sample].append((begin, begin + len(piece.token_ids)))
        self._ids[piece.sample] += piece.token_ids
        self._logprobs[piece.sample] += piece.logprobs
        before, more = self._model_logprobs[piece.sample], piece.model_logprob
        self._model_logprobs[piece.sample] = None if before is None or more is None else before + more
        if piece.finish_reason:
            self._certainty[piece.sample] = piece.certainty
            self._finished.add(piece.sample)
        return self._texts[piece.sample].add(piece.token_ids) if self._texts else ""

    def completion(self, sample: int, finish_reason: str) -> Completion:
        ids, logprobs = tuple(self._ids[sample]), tuple(self._logprobs[sample])
        given, sure = tuple(self._given[sample]), self._certainty[sample]
        return Completion(ids, logprobs, finish_reason, 0, self._model_logprobs[sample], given, sure)


class Flights:
    """All requests of a tree that are under way. What comes back of them waits here, in the order in which it comes."""

    def __init__(self, budget: Budget):
        """budget: what the requests reserve their tokens from."""
        self.budget = budget
        self._tasks: dict[Request, asyncio.Task] = {}
        self._inbox: asyncio.Queue[tuple[Request, Piece | None]] = asyncio.Queue()

    def __iter__(self) -> Iterator[Request]:
        return iter(self._tasks)

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def drawing(self) -> int:
        """Samples under way that may open branches."""
        return sum(request.unfinished for request in self if request.proposes)

    def send(self, sampler: StreamingSampler, request: Request, sampling: Sampling) -> None:
        self.budget.reserve(request.each * request.count)
        task = asyncio.create_task(self._carry(sampler, request, sampling))
        self._tasks[request] = task
        task.add_done_callback(lambda _: self._inbox.put_nowait((request, None)))

    async def _carry(self, sampler: StreamingSampler, request: Request, sampling: Sampling) -> None:
        async with aclosing(sampler.sample(request.prompt, request.count, sampling, request.deltas)) as pieces:
            async for piece in pieces:
                self._inbox.put_nowait((request, piece))

    async def next(self) -> tuple[Request, Piece | None]:
        """Waits for what comes back next; None instead of a piece = nothing more comes of that request."""
        return await self._inbox.get()

    def land(self, request: Request) -> None:
        """A request is over: everything it had reserved is free again. Raises what went wrong with it."""
        task = self._tasks.pop(request)
        self.budget.settle(request.each * request.unfinished, request.unfinished_tokens)
        task.result()

    async def cancel(self) -> None:
        """Ends all of them; nothing comes back any more."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        # Their results are not wanted any more, and neither are their errors: one of them was raised already.
        await asyncio.gather(*tasks, return_exceptions=True)
