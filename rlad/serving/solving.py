"""One tree of one request: grown by rlad/explore, told in the words of the API, counted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing
from time import perf_counter

from rlad.config import ROLES
from rlad.reasoning.events import Ended, Event, Opened, Solved, Voted, Written
from rlad.reasoning.explorer import Exploration
from rlad.reasoning.leaks import leaks
from rlad.reasoning.tree import Solution, Tree
from rlad.reasoning.vote import Place, Votes
from rlad.serving.metrics import Metrics
from rlad.serving.options import TreeJob
from rlad.serving.pair import Pair
from rlad.serving.schema import (
    AbstractionEvent,
    AbstractionNode,
    Chosen,
    DoneEvent,
    PlayerUsage,
    SolutionDeltaEvent,
    SolutionEvent,
    SolutionNode,
    SolveResponse,
    TreeEvent,
    Usage,
    Vote,
    VoteEvent,
)


class Solving:
    """A tree and its story. Iterate over `events` once; `tree` then holds everything."""

    def __init__(self, pair: Pair, job: TreeJob, metrics: Metrics):
        self.job, self.metrics = job, metrics
        self.exploration: Exploration = pair.explorer().explore(Tree(job.problem), job.plan, job.limits)
        self.begin = perf_counter()
        self.abstractions: list[AbstractionNode] = []
        self.bare: list[SolutionNode] = []
        self.done: DoneEvent | None = None
        self._solutions: dict[Place, Solution] = {}

    async def events(self) -> AsyncIterator[TreeEvent]:
        """`start` first, `done` last. Raises EngineDown and PromptRefused; closing it cancels the tree."""
        try:
            yield self.job.start
            async with aclosing(self.exploration.events()) as events:
                async for event in events:
                    yield await self._told(event)
        finally:
            self.metrics.trees.labels(self.done.stopped if self.done else "cancelled").inc()
            for role, player in (("abstraction", self.usage.abstraction), ("solution", self.usage.solution)):
                self.metrics.count_tokens(role, player.prompt_tokens, player.completion_tokens)

    async def run(self) -> None:
        """The whole tree at once."""
        async with aclosing(self.events()) as events:
            async for _ in events:
                pass

    @property
    def usage(self) -> Usage:
        return usage_of(self.exploration.prompt_tokens, self.exploration.generated)

    @property
    def choice(self) -> tuple[str, str]:
        """What a chat says, and why it ends: the selected solution's text, or the first one's where no solution has an
        answer; stop, or length when that solution was cut off or there is none."""
        if not self._solutions:
            return "", "length"
        place = self.exploration.ballot.chosen() or min(self._solutions)
        solution = self._solutions[place]
        return solution.text.strip(), solution.completion.finish_reason

    def response(self) -> SolveResponse:
        if self.done is None:
            raise ValueError("The tree has not ended.")
        for node in self.abstractions:
            node.solutions.sort(key=lambda solution: solution.solution)
        return SolveResponse(
            id=self.job.start.id,
            abstractions=self.abstractions,
            bare=sorted(self.bare, key=lambda solution: solution.solution),
            **self.done.model_dump(exclude={"type"}),
        )

    async def _told(self, event: Event) -> TreeEvent:
        match event:
            case Opened(index, branch, tokens):
                leak = None if self.job.gold is None else await asyncio.to_thread(leaks, branch.text, self.job.gold)
                node = AbstractionNode(index=index, text=branch.text, tokens=tokens, leak=leak)
                self.abstractions.append(node)
                return AbstractionEvent(**node.model_dump(exclude={"solutions"}))
            case Written(place, text):
                return SolutionDeltaEvent(abstraction=_index(place[0]), solution=place[1], text=text)
            case Solved(place, solution, answer, seconds):
                node = SolutionNode(
                    solution=place[1], text=solution.text, answer=answer, tokens=solution.tokens, ms=_ms(seconds)
                )
                (self.bare if place[0] < 0 else self.abstractions[place[0]].solutions).append(node)
                self._solutions[place] = solution
                return SolutionEvent(abstraction=_index(place[0]), **node.model_dump())
            case Voted(votes):
                return VoteEvent(votes=_votes(votes))
            case Ended():
                return self._ended(event)

    def _ended(self, event: Ended) -> DoneEvent:
        chosen = event.chosen
        self.done = DoneEvent(
            answer=event.votes[0].answer if event.votes else None,
            text=self._solutions[chosen].text if chosen else "",
            chosen=None if chosen is None else Chosen(abstraction=_index(chosen[0]), solution=chosen[1]),
            votes=_votes(event.votes),
            usage=self.usage,
            ms=_ms(perf_counter() - self.begin),
            stopped=event.stopped,
        )
        return self.done


def usage_of(prompt: Counter[str], generated: Counter[str]) -> Usage:
    """Tokens by player, and their sums.

    >>> usage_of(Counter(abstraction=3), Counter(abstraction=2, solution=5)).total_tokens
    10
    """
    return Usage(
        prompt_tokens=prompt.total(),
        completion_tokens=generated.total(),
        total_tokens=prompt.total() + generated.total(),
        **{role: PlayerUsage(prompt_tokens=prompt[role], completion_tokens=generated[role]) for role in ROLES},
    )


def _index(branch: int) -> int | None:
    return None if branch < 0 else branch


def _ms(seconds: float) -> float:
    return round(seconds * 1e3, 1)


def _votes(votes: list[Votes]) -> list[Vote]:
    return [
        Vote(answer=v.answer, forms=list(v.forms), weight=round(v.weight, 6), share=round(v.share, 6)) for v in votes
    ]
