"""The two players as the server sees them: a sampler, prompts and limits each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rlad.generation.streaming import StreamingSampler
from rlad.players.prompts import Prompts
from rlad.problems.base import World
from rlad.reasoning.budget_policy import Spending
from rlad.reasoning.choosing import Chooser
from rlad.reasoning.explorer import Explorer

TASKS = {"abstraction": "propose", "solution": "plain"}
"""What a player does with a problem when it is called alone."""


@dataclass(frozen=True)
class Player:
    role: str
    sampler: StreamingSampler
    prompts: Prompts
    context: int
    """Most tokens of a prompt and its continuation together."""
    max_new_tokens: int
    """Where a request says nothing."""
    temperature: float
    up: Callable[[], bool] = lambda: True
    """Whether its sampler answers now."""

    def problem_ids(self, problem: str) -> list[int]:
        """The prompt for this player's own task."""
        return self.prompts.ids(TASKS[self.role], problem)

    @property
    def vocabulary(self) -> int:
        return len(self.prompts.tokenizer)


@dataclass(frozen=True)
class ServedPair:
    abstraction: Player
    solution: Player
    world: World | None = None
    spending: Spending | None = None
    """What a sweep found out for budget=auto; None where it did not."""
    chooser: Chooser | None = None
    """A player that budget=auto may ask to choose among the answers."""

    @property
    def players(self) -> dict[str, Player]:
        return {"abstraction": self.abstraction, "solution": self.solution}

    def explorer(self) -> Explorer:
        a, s = self.abstraction, self.solution
        return Explorer(a.sampler, s.sampler, a.prompts, s.prompts, self.world, self.chooser if self.asks else None)

    @property
    def asks(self) -> bool:
        """Whether the player that chooses answers now."""
        return self.chooser is not None and self.chooser.up()
