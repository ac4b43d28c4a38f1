"""Grows one tree: asks for what comes next, takes what comes back, stops when the answer stands.

Whenever something has come back, the tokens that are free are spent anew (rlad/reasoning/breadth.py).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

from rlad.generation.base import Completion
from rlad.generation.streaming import Piece, StreamingSampler
from rlad.players.prompts import Prompts
from rlad.problems.base import World
from rlad.reasoning.breadth import Breadth
from rlad.reasoning.budget import Budget
from rlad.reasoning.budget_policy import BudgetPolicy
from rlad.reasoning.choosing import Chooser
from rlad.reasoning.events import (
    AbstractionEvent,
    Chosen,
    DoneEvent,
    SolutionDeltaEvent,
    SolutionEvent,
    StartEvent,
    Stopped,
    TreeEvent,
    Usage,
    VoteEvent,
    index_of,
)
from rlad.reasoning.growth import Growth
from rlad.reasoning.leaks import gives_away
from rlad.reasoning.reasoner import missing_draws
from rlad.reasoning.requests import Flights, Request
from rlad.reasoning.scores import belief
from rlad.reasoning.text import reader
from rlad.reasoning.tree import BARE, Plan, Solution, Tree
from rlad.reasoning.vote import Vote
from rlad.selection import reads


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
    select_keys: Any = None
    """The selection rule's own keys; None = their defaults."""
    policy: BudgetPolicy | None = None
    """Decides what is asked for next (rlad/reasoning/auto.py); None = everything that the plan says."""


def derived_seed(*parts: object) -> int:
    """A seed in [0, 2**31) for one request of a tree; different requests get unrelated seeds.

    >>> derived_seed(1, "solve", 0) == derived_seed(1, "solve", 0) != derived_seed(1, "solve", 1)
    True
    """
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> 1


class Explorer(Growth):
    """Two samplers that take overlapping requests, and the rules by which trees grow."""

    def __init__(
        self,
        proposer: StreamingSampler,
        solver: StreamingSampler,
        propose_prompts: Prompts,
        solve_prompts: Prompts,
        world: World | None = None,
        chooser: Chooser | None = None,
    ):
        """`chooser`: a player that a budget policy may ask to choose among a tree's answers."""
        super().__init__(propose_prompts, solve_prompts, world)
        self.proposer, self.solver, self.chooser = proposer, solver, chooser

    def explore(self, tree: Tree, plan: Plan, limits: Limits) -> Exploration:
        """Starts a tree; iterate over its `events`."""
        return Exploration(self, tree, plan, limits)


class Exploration:
    """One tree that grows. Its plan's `solutions` is one number, the m of every branch."""

    def __init__(self, explorer: Explorer, tree: Tree, plan: Plan, limits: Limits):
        self.explorer, self.tree, self.plan, self.limits = explorer, tree, plan, limits
        self.budget, self.vote = Budget(limits.total_tokens), Vote(tree, limits.select, limits.select_keys)
        self.done: DoneEvent | None = None
        """How it has ended; None while it grows."""
        self._begin = perf_counter()
        self.prompt_tokens: Counter[str] = Counter()
        self.generated: Counter[str] = Counter()
        """Tokens by role. Prompts count once, however many samples share them; with them what tools put into texts."""
        self.breadth = Breadth(tree, plan)
        self._rounds = 0
        self._flying = Flights(self.budget)

    async def events(self) -> AsyncIterator[TreeEvent]:
        """Everything that happens, `start` first and `done` last. Closing it cancels what is under way.

        Raises what a sampler raises (SamplerDown, PromptRefused), and ScoreMissing where the selection rule reads what
        the sampler does not give.
        """
        stopped = None
        yield self.start
        try:
            self._ask()
            while self._flying:
                request, piece = await self._flying.next()
                if piece is None:
                    self._flying.land(request)
                    for event in self._landed(request):
                        yield event
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
            await self._flying.cancel()
        self.done = self._ended(stopped or self._reason())
        yield self.done

    def _landed(self, request: Request) -> Iterable[TreeEvent]:
        """What happens when a request is over."""
        return ()

    def _reason(self) -> Stopped:
        """Why it ends where nothing is under way any more."""
        return "complete" if not self._outstanding() else "budget"

    @property
    def start(self) -> StartEvent:
        """The options in force; the tree is called what its problem is called."""
        plan, limits = self.plan, self.limits
        return StartEvent(
            id=self.tree.problem.id,
            abstractions=plan.abstractions,
            solutions=plan.solutions_of(0),
            select=limits.select,
            max_total_tokens=limits.total_tokens,
            propose_temperature=plan.propose.temperature,
            temperature=plan.solve.temperature,
            max_tokens=plan.solve.max_new_tokens,
            early_stop=limits.early_stop,
            budget="auto" if limits.policy else None,
            seed=plan.solve.seed,
        )

    @property
    def usage(self) -> Usage:
        """Tokens so far."""
        return Usage.of(self.prompt_tokens, self.generated)

    def _ended(self, stopped: Stopped) -> DoneEvent:
        votes, chosen = self.vote.votes(), self.vote.chosen()
        return DoneEvent(
            answer=votes[0].answer if votes else None,
            text=self.tree.at(chosen).text if chosen else "",
            chosen=Chosen.at(chosen),
            votes=votes,
            usage=self.usage,
            ms=round((perf_counter() - self._begin) * 1e3, 1),
            stopped=stopped,
        )

    # ------------------------------------------------------------------------------------------ what comes back
    async def _take(self, request: Request, piece: Piece) -> AsyncIterator[TreeEvent]:
        written = request.add(piece)
        counted = self.prompt_tokens if piece.given else self.generated
        counted[request.role] += len(piece.token_ids)
        branch, index = request.branch, request.first + piece.sample
        if written:
            yield SolutionDeltaEvent(abstraction=index_of(branch), solution=index, text=written)
        if piece.finish_reason is None:
            return
        completion = request.completion(piece.sample, piece.finish_reason)
        self.budget.settle(request.each, completion.generated)
        if request.proposes:
            if event := await self._opened(request, completion):
                yield event
            return
        solution = self.explorer.solution(request.prompt, completion)
        solution.index, solution.seconds = index, perf_counter() - request.begin
        if branch != BARE and "unguided" in reads(self.limits.select):
            bare = self.explorer.bare_ids(self.tree)
            solution.unguided = await self.explorer.solver.score(bare, completion.token_ids)
        if "judgement" in reads(self.limits.select):
            solution.judgement = await self._judged(branch, solution)
        self.tree.add(branch, solution)
        answer = await asyncio.to_thread(self.vote.add, (branch, index), solution)
        yield SolutionEvent.of(solution, answer, abstraction=index_of(branch))
        if answer is not None:
            yield VoteEvent(votes=self.vote.votes(), weights=self.vote.weights())

    async def _judged(self, branch: int, solution: Solution) -> float | None:
        """How likely the solver, as a critic, finds a solution to be right."""
        growth, prompts = self.explorer, self.explorer.solve_prompts
        if not prompts.judges:
            return None
        asked = growth.critique_ids(self.tree, None if branch == BARE else self.tree.branches[branch], solution)
        return belief(*[await growth.solver.score(asked, prompts.conclusion_ids(flag)) for flag in (True, False)])

    async def _opened(self, request: Request, completion: Completion) -> AbstractionEvent | None:
        before = len(self.tree.branches)
        self.explorer.add_draw(self.tree, request.prompt, completion, self.plan.distinct)
        if len(self.tree.branches) == before:
            return None
        self.breadth.wanted[before] = self.plan.solutions_of(before)
        branch, problem = self.tree.branches[before], self.tree.problem
        if problem.answer:  # somebody knows it
            branch.leak = await asyncio.to_thread(gives_away, problem, branch.text, self.explorer.world)
        return AbstractionEvent.of(self.tree, before)

    def _outstanding(self) -> int:
        """Most solutions that can still come in."""
        later = max(0, missing_draws(self.tree, self.plan)) * self.plan.solutions_of(0)
        return self._expected().total() + later

    def _expected(self) -> Counter[int]:
        """Solutions that can still come in under the abstractions that there are, by branch."""
        expected = Counter(self.breadth.wanted)
        for request in self._flying:
            if not request.proposes:
                expected[request.branch] += request.unfinished
        return expected

    def _decided(self) -> bool:
        if not self.limits.early_stop or not self._outstanding():
            return False
        branches = max(0, missing_draws(self.tree, self.plan))
        draws = self.plan.most_draws - len(self.tree.draws) if branches else 0
        return self.vote.decided(self._expected(), branches, self.plan.solutions_of(0), draws)

    # ----------------------------------------------------------------------------------------- what to ask for
    def _ask(self) -> None:
        """Sends all requests that the free tokens allow."""
        grants, draws = self.breadth.next(self.budget.free, self._flying.drawing)
        for branch, count in sorted(grants.items()):
            self._solve(branch, count, self.plan.solve.max_new_tokens)
        if draws:
            self._propose(draws)
        self._ask_at_last()

    def _ask_at_last(self) -> None:
        """What is asked for when nothing else is under way."""
        last = None if self._flying else self.breadth.last_resort(self.budget.free, bool(self.vote.answers))
        if last:
            self._solve(*last)

    def _propose(self, count: int) -> None:
        prompt, each = self.explorer.propose_ids(self.tree), self.plan.propose.max_new_tokens
        if not self._rounds:
            self.prompt_tokens["abstraction"] += len(prompt)
        sampling = replace(self.plan.propose, seed=derived_seed(self.plan.propose.seed, "propose", self._rounds))
        self._rounds += 1
        self._flying.send(self.explorer.proposer, Request("abstraction", BARE, 0, prompt, count, each), sampling)

    def _solve(self, branch: int, count: int, each: int) -> None:
        growth, tree = self.explorer, self.tree
        prompt = growth.bare_ids(tree) if branch == BARE else growth.guided_ids(tree, tree.branches[branch])
        first = self.breadth.send(branch, count)
        if not first:
            self.prompt_tokens["solution"] += len(prompt)
        sampling = replace(
            self.plan.solve, max_new_tokens=each, seed=derived_seed(self.plan.solve.seed, "solve", branch, first)
        )
        decode = reader(growth.solve_prompts) if self.limits.deltas else None
        opening = growth.solve_prompts.opening("plain")
        request = Request("solution", branch, first, prompt, count, each, decode, opening)
        self._flying.send(growth.solver, request, sampling)
