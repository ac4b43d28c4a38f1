"""One tree of one request: grown by the explorer, passed on as it grows, counted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

from rlad.reasoning.auto import explored
from rlad.reasoning.events import SolutionNode, TreeEvent, Usage
from rlad.reasoning.explorer import Exploration
from rlad.reasoning.tree import BARE, Solution, Tree
from rlad.serving.metrics import Metrics
from rlad.serving.options import TreeJob
from rlad.serving.pair import ServedPair
from rlad.serving.schema import SolvedAbstraction, SolveResponse


class Solving:
    """A tree that grows for a request. Iterate over `events` once; its exploration's tree then holds everything."""

    def __init__(self, pair: ServedPair, job: TreeJob, metrics: Metrics):
        self.metrics = metrics
        self.exploration: Exploration = explored(pair.explorer(), Tree(job.problem), job.plan, job.limits)

    async def events(self) -> AsyncIterator[TreeEvent]:
        """The exploration's, `start` first and `done` last. Raises what it raises; closing it cancels the tree."""
        try:
            async with aclosing(self.exploration.events()) as events:
                async for event in events:
                    yield event
        finally:
            self.metrics.trees.labels(self.stopped).inc()
            usage = self.usage
            for role, player in {"abstraction": usage.abstraction, "solution": usage.solution, **usage.others}.items():
                self.metrics.count_tokens(role, player.prompt_tokens, player.completion_tokens)

    async def run(self) -> None:
        """The whole tree at once."""
        async with aclosing(self.events()) as events:
            async for _ in events:
                pass

    @property
    def stopped(self) -> str:
        """Why it ended; cancelled while it has not."""
        return self.exploration.done.stopped if self.exploration.done else "cancelled"

    @property
    def usage(self) -> Usage:
        return self.exploration.usage

    @property
    def choice(self) -> tuple[str, str]:
        """What a chat says, and why it ends: the selected solution's text, or the first one's where no solution has an
        answer; stop, or length when that solution was cut off or there is none."""
        vote = self.exploration.vote
        if not vote.answers:
            return "", "length"
        solution = self.exploration.tree.at(vote.chosen() or min(vote.answers))
        return solution.text.strip(), solution.completion.finish_reason

    def response(self) -> SolveResponse:
        """The whole tree. Raises ValueError while it grows."""
        exploration, tree = self.exploration, self.exploration.tree
        if exploration.done is None:
            raise ValueError("The tree has not ended.")
        abstractions = [
            SolvedAbstraction.of(tree, index, solutions=self._nodes(index, branch.solutions))
            for index, branch in enumerate(tree.branches)
        ]
        return SolveResponse(
            id=tree.problem.id,
            abstractions=abstractions,
            bare=self._nodes(BARE, tree.bare),
            **exploration.done.model_dump(exclude={"type"}),
        )

    def _nodes(self, branch: int, solutions: list[Solution]) -> list[SolutionNode]:
        answers = self.exploration.vote.answers
        return [SolutionNode.of(solution, answers[branch, solution.index]) for solution in solutions]
