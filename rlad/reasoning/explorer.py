"""Grows one tree: decides what to ask for next, takes what comes back, stops when the answer stands.

Breadth comes first. Whenever something has come back, the tokens that are free go to a first solution of every branch,
then to abstractions that are still missing, then to further solutions, evenly. With an ample budget that means that
everything is asked for at once.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from time import perf_counter

from rlad.generation.base import Completion
from rlad.generation.streaming import Piece, StreamingEngine
from rlad.players.prompts import Prompts
from rlad.problems.base import World
from rlad.reasoning.budget import Purse
from rlad.reasoning.events import Ended, Event, Opened, Solved, Voted, Written
from rlad.reasoning.growth import Growth
from rlad.reasoning.reasoner import missing
from rlad.reasoning.requests import BARE, Request
from rlad.reasoning.text import reader
from rlad.reasoning.tree import Plan, Tree
from rlad.reasoning.vote import Ballot


@dataclass(frozen=True)
class Limits:
    """When to stop, beyond the plan."""

    total_tokens: int
    """Generated tokens of both players; never exceeded."""
    select: str = "majority"
    early_stop: bool = True
    """Stop when no outstanding solution can change the selected answer."""
    deltas: bool = False
    """Report solutions while they are written."""


def derived_seed(*parts: object) -> int:
    """A seed in [0, 2**31) for one request of a tree; different requests get unrelated seeds.

    >>> derived_seed(1, "solve", 0) == derived_seed(1, "solve", 0) != derived_seed(1, "solve", 1)
    True
    """
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> 1


class Explorer(Growth):
    """Two engines that take overlapping requests, and the rules by which trees grow."""

    def __init__(
        self,
        proposer: StreamingEngine,
        solver: StreamingEngine,
        propose_prompts: Prompts,
        solve_prompts: Prompts,
        world: World | None = None,
    ):
        super().__init__(propose_prompts, solve_prompts, world)
        self.proposer, self.solver = proposer, solver

    def explore(self, tree: Tree, plan: Plan, limits: Limits) -> Exploration:
        """Starts a tree; iterate over its `events`."""
        return Exploration(self, tree, plan, limits)


class Exploration:
    """One tree that grows. Its plan's `solutions` is one number, the m of every branch."""

    def __init__(self, explorer: Explorer, tree: Tree, plan: Plan, limits: Limits):
        self.explorer, self.tree, self.plan, self.limits = explorer, tree, plan, limits
        self.purse, self.ballot = Purse(limits.total_tokens), Ballot(limits.select)
        self.prompt_tokens: Counter[str] = Counter()
        self.generated: Counter[str] = Counter()
        """Tokens by role. Prompts count once, however many samples share them."""
        self._wanted: dict[int, int] = {}  # by branch: solutions not yet asked for
        self._sent: Counter[int] = Counter()
        self._rounds = 0
        self._flying: dict[Request, asyncio.Task] = {}
        self._inbox: asyncio.Queue[tuple[Request, Piece | None]] = asyncio.Queue()

    async def events(self) -> AsyncIterator[Event]:
        """Everything that happens, `Ended` last. Closing it cancels what is under way.

        Raises what an engine raises (EngineDown, PromptRefused).
        """
        stopped = None
        try:
            self._ask()
            while self._flying:
                request, piece = await self._inbox.get()
                if piece is None:
                    self._land(request)
                else:
                    async for event in self._take(request, piece):
                        yield event
                    if piece.finish_reason is None:
                        continue
                    if self._decided():
                        stopped = "decided"
                        break
                self._ask()
        finally:
            await self._cancel()
        stopped = stopped or ("complete" if not self._outstanding() else "budget")
        yield Ended(stopped, self.ballot.votes(), self.ballot.chosen())

    # ------------------------------------------------------------------------------------------ what comes back
    async def _take(self, request: Request, piece: Piece) -> AsyncIterator[Event]:
        written = request.add(piece)
        self.generated[request.role] += len(piece.token_ids)
        if written:
            yield Written((request.branch, request.first + piece.sample), written)
        if piece.finish_reason is None:
            return
        completion = request.completion(piece.sample, piece.finish_reason)
        self.purse.settle(request.each, len(completion.token_ids))
        if request.role == "abstraction":
            if event := self._opened(request, completion):
                yield event
            return
        solution = self.explorer.solution(request.prompt, completion)
        place = (request.branch, request.first + piece.sample)
        (self.tree.bare if request.branch == BARE else self.tree.branches[request.branch].solutions).append(solution)
        answer = await asyncio.to_thread(self.ballot.add, place, solution)
        yield Solved(place, solution, answer, perf_counter() - request.begin)
        if answer is not None:
            yield Voted(self.ballot.votes())

    def _opened(self, request: Request, completion: Completion) -> Opened | None:
        before = len(self.tree.branches)
        self.explorer.add_draw(self.tree, request.prompt, completion, self.plan.distinct)
        if len(self.tree.branches) == before:
            return None
        self._wanted[before] = self.plan.solutions_of(before)
        return Opened(before, self.tree.branches[before], len(completion.token_ids))

    def _land(self, request: Request) -> None:
        """A request is over: everything it had reserved is free again. Raises what went wrong with it."""
        task = self._flying.pop(request)
        self.purse.settle(request.each * request.unfinished, request.unfinished_tokens)
        task.result()

    def _outstanding(self) -> int:
        """Most solutions that can still come in."""
        flying = sum(r.unfinished for r in self._flying if r.role == "solution")
        later = max(0, missing(self.tree, self.plan)) * self.plan.solutions_of(0)
        return sum(self._wanted.values()) + flying + later

    def _decided(self) -> bool:
        outstanding = self._outstanding()
        return self.limits.early_stop and outstanding > 0 and self.ballot.decided(outstanding)

    # ----------------------------------------------------------------------------------------- what to ask for
    def _ask(self) -> None:
        """Sends all requests that the free tokens allow."""
        propose, solve = self.plan.propose.max_new_tokens, self.plan.solve.max_new_tokens
        grants: Counter[int] = Counter()
        left = self._grant(grants, self.purse.free, solve, most=1)
        # An abstraction is worth its tokens only if somebody can solve with it.
        drawing = sum(r.unfinished for r in self._flying if r.role == "abstraction")
        draws = 0 if drawing else max(0, min(missing(self.tree, self.plan), left // (propose + solve)))
        left -= draws * (propose + solve) + drawing * solve
        # Depth waits for the branches that are still to come, unless there is enough for all.
        coming = (drawing + draws) * (self.plan.solutions_of(0) - 1)
        if left >= solve * (sum(self._wanted.values()) - grants.total() + coming) or not drawing + draws:
            self._grant(grants, left, solve)
        for branch, count in sorted(grants.items()):
            self._solve(branch, count, solve)
        if draws:
            self._propose(draws, propose)
        if not self._flying:
            self._last_resort(solve)

    def _grant(self, grants: Counter[int], tokens: int, each: int, most: int | None = None) -> int:
        """Grants solutions while `tokens` last, to the branch with the fewest first; returns what is left."""
        while tokens >= each:
            behind = [
                (self._sent[b] + grants[b], b)
                for b, wanted in self._wanted.items()
                if grants[b] < wanted and (most is None or self._sent[b] + grants[b] < most)
            ]
            if not behind:
                break
            grants[min(behind)[1]] += 1
            tokens -= each
        return tokens

    def _last_resort(self, solve: int) -> None:
        """Nothing is under way. Without any branch the problem is solved bare; and rather than end without a single
        solution, one is asked for that is as long as the rest of the budget."""
        if not self.tree.branches and not self._wanted and not self._sent[BARE]:
            self._wanted[BARE] = self.plan.solutions_of(0)
            grants: Counter[int] = Counter()
            self._grant(grants, self.purse.free, solve)
            if grants:
                self._solve(BARE, grants[BARE], solve)
                return
        branch = min((b for b, wanted in self._wanted.items() if wanted), default=None)
        if branch is not None and not self.ballot.answers and self.purse.free > 0:
            self._solve(branch, 1, self.purse.free)

    def _propose(self, count: int, each: int) -> None:
        prompt = self.explorer.propose_ids(self.tree)
        if not self._rounds:
            self.prompt_tokens["abstraction"] += len(prompt)
        sampling = replace(self.plan.propose, seed=derived_seed(self.plan.propose.seed, "propose", self._rounds))
        self._rounds += 1
        self._send(self.explorer.proposer, Request("abstraction", BARE, 0, prompt, count, each), sampling)

    def _solve(self, branch: int, count: int, each: int) -> None:
        growth, tree = self.explorer, self.tree
        prompt = growth.bare_ids(tree) if branch == BARE else growth.guided_ids(tree, tree.branches[branch])
        first = self._sent[branch]
        if not first:
            self.prompt_tokens["solution"] += len(prompt)
        self._wanted[branch] -= count
        self._sent[branch] += count
        sampling = replace(
            self.plan.solve, max_new_tokens=each, seed=derived_seed(self.plan.solve.seed, "solve", branch, first)
        )
        decode = reader(growth.solve_prompts) if self.limits.deltas else None
        opening = growth.solve_prompts.opening("plain")
        self._send(growth.solver, Request("solution", branch, first, prompt, count, each, decode, opening), sampling)

    def _send(self, engine: StreamingEngine, request: Request, sampling) -> None:
        self.purse.reserve(request.each * request.count)
        task = asyncio.create_task(self._carry(engine, request, sampling))
        self._flying[request] = task
        task.add_done_callback(lambda _: self._inbox.put_nowait((request, None)))

    async def _carry(self, engine: StreamingEngine, request: Request, sampling) -> None:
        async with aclosing(engine.sample(request.prompt, request.count, sampling, request.deltas)) as pieces:
            async for piece in pieces:
                self._inbox.put_nowait((request, piece))

    async def _cancel(self) -> None:
        tasks = list(self._flying.values())
        for task in tasks:
            task.cancel()
        # Their results are not wanted any more, and neither are their errors: one of them was raised already.
        await asyncio.gather(*tasks, return_exceptions=True)
