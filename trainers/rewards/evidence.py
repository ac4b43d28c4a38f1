"""What a reward may be measured with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rlad.config.errors import ConfigError

if TYPE_CHECKING:
    from rlad.config import RunConfig
    from rlad.players.prompts import Prompts
    from rlad.problems import World
    from rlad.reasoning.judge import Judge

Counts = dict[str, tuple[float, float]]
"""Statistics of this rank: name -> (sum, number). The names depend on the configuration only, so all ranks agree."""


@dataclass(frozen=True)
class TokenScores:
    """What a model thinks of one given completion of T tokens."""

    logp: list[float]
    """(T,) nats."""
    rank: list[int]
    """(T,) place of each token in the model's order, 1 = likeliest."""


class Scorer(Protocol):
    """The learning solver as a judge of given texts."""

    prompts: Prompts

    def score(self, pairs: list[tuple[list[int], list[int]]]) -> list[TokenScores]:
        """Scores of every (prompt, completion), token ids each. Collective: all ranks call it equally often."""


@dataclass
class Evidence:
    """Everything there is to measure with."""

    run: RunConfig
    scorer: Scorer
    judge: Judge
    world: World | None = None
    gather: Callable[[list[float]], list[float]] = list
    """All ranks' values in one list, the same on every rank; collective."""
    seed: int = 0
    """Of this step on this rank, for what is drawn; a resumed run has the same."""


def check_learning_solver(run: RunConfig, reward: str) -> None:
    """Raises ConfigError where a snapshot of the solver pays, of a reward that asks the learning one."""
    if run.cotrain.schedule.lag:
        raise ConfigError(
            f"abstraction.reward={reward} asks the learning solver for log-probabilities; set cotrain.schedule.lag=0."
        )
