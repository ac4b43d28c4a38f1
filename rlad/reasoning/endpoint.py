"""A solver behind a server with OpenAI's chat API: messages in, texts out, and of their tokens only how many they are.

It does what a sweep asks of a `Reasoner` that solves. Nobody says how likely its texts are, so rules that read that are
left out; nor does it propose.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from rlad.chat_model import HttpModel
from rlad.cli import PlainError
from rlad.config import ChatServerConfig, RunConfig
from rlad.generation.base import Completion, Sampler, Sampling
from rlad.generation.together import together
from rlad.players.prompts import filled, project_tasks, unwrapped
from rlad.players.roles.solution import HINT
from rlad.problems import Problem, World, world_of
from rlad.reasoning.judge import Judge
from rlad.reasoning.reasoner import Reasoner, Request
from rlad.reasoning.tree import Branch, Solution, Tree


def is_url(place: str) -> bool:
    """Whether a solver's place is a server's address.

    >>> is_url("http://127.0.0.1:8000/v1"), is_url("runs/demo/base")
    (True, False)
    """
    return place.startswith(("http://", "https://"))


@dataclass(frozen=True)
class CountedCompletion(Completion):
    """A text of which only the number of its tokens is known."""

    count: int = 0

    @property
    def generated(self) -> int:
        """Tokens that were sampled, as the server counts them."""
        return self.count


def open_endpoint(run: RunConfig, url: str) -> EndpointReasoner:
    """The solver at an address, asked as `transfer.endpoint` says, judged as the run's problems are."""
    world = world_of(run.problems)
    judge = Judge(run.verifier, world, run.problems.value_answers)
    model = HttpModel(run.transfer.endpoint, section="transfer.endpoint")
    return EndpointReasoner(model, url, judge, world, run.wording == "short")


async def require_endpoint(config: ChatServerConfig) -> None:
    """Raises ModelDown where no server answers at the configuration's address, whatever it answers."""
    model = HttpModel(config)
    try:
        await model.require_answer()
    finally:
        await model.close()


class EndpointReasoner(Reasoner):
    """Solves by asking a server; its prompts are the text of a user's message."""

    def __init__(self, model: HttpModel, url: str, judge: Judge, world: World | None = None, short: bool = False):
        """`short`: the tasks' short wording."""
        super().__init__(None, None, None, None, judge, world)
        self.model, self.url, self.short = model, url, short
        self.config: ChatServerConfig = model.config
        self._loop = asyncio.Runner()

    def guided_ids(self, tree: Tree, branch: Branch) -> str:
        """The message for a solution with the branch's abstraction."""
        return self._message("guided", tree.problem, branch.text)

    def bare_ids(self, tree: Tree, task: str = "plain") -> str:
        """The message for a solution without an abstraction."""
        return self._message(task, tree.problem)

    def _message(self, task: str, problem: Problem, abstraction: str = "") -> str:
        own = project_tasks()[task]
        parts = {"question": problem.question.strip(), "abstraction": unwrapped(abstraction)}
        return filled((self.short and own.short) or own.chat, parts | {"hint": HINT})

    def _solved(self, lagged: Sampler | None, requests: list[Request], sampling: Sampling) -> list[Solution]:
        solutions = self._loop.run(self._answers([message for _, message in requests], sampling))
        for (kept, _), solution in zip(requests, solutions, strict=True):
            kept.append(solution)
        return solutions

    async def _answers(self, messages: Sequence[str], sampling: Sampling) -> list[Solution]:
        await self.model.begin()
        seeds = [(1_000_003 * seed + number) % 2**31 for seed, number in sampling.streams(len(messages))]
        asked = zip(messages, seeds, strict=True)
        return await together([self._answer(message, sampling.temperature, seed) for message, seed in asked])

    async def _answer(self, message: str, temperature: float, seed: int) -> Solution:
        """One request per solution: servers say only together how many tokens several texts took."""
        body = {
            "messages": [{"role": "user", "content": message}], "n": 1, "temperature": temperature, "seed": seed,
            "max_tokens": self.config.max_tokens,
        }  # fmt: skip
        reply = await self.model.complete(body)
        if reply.generated_tokens < 1:
            raise PlainError(
                f"The model at {self.url} does not say how many tokens it generated (usage.completion_tokens), so "
                "nothing can be compared at equal tokens."
            )
        return Solution([], CountedCompletion((), (), "stop", 0, count=reply.generated_tokens), reply.texts[0])

    def score_unguided(self, trees: list[Tree]) -> None:
        """Leaves unsaid how likely solutions are without their abstraction: the server does not tell."""

    def score_judged(self, trees: list[Tree]) -> None:
        """Leaves unsaid how likely solutions are to be right: the server does not tell."""
