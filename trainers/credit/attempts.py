"""What an advantage may know of a group beside its rewards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rlad.generation.base import outside
from rlad.players.roles import Sample


@dataclass(frozen=True)
class Attempts:
    """One group's samples with a reward, for advantages declared with `reads="attempts"`; lists of equal length."""

    rewards: list[float]
    strategies: list[str]
    """What each of them attempts: the abstraction's canonical form where abstractions are compared, else the text."""
    mean_logp: list[float]
    """Mean log-prob of each one's tokens under what sampled it, nats."""
    further: Sequence[bool] = ()
    """Whether each was sampled because of how others of the group came out; () = none was."""

    @property
    def alike(self) -> list[int]:
        """How many of the group share each one's strategy, itself included.

        >>> Attempts([1, 1, 0], ["a", "b", "a"], [0.0] * 3).alike
        [2, 1, 2]
        """
        counts = Counter(self.strategies)
        return [counts[strategy] for strategy in self.strategies]


def attempts(samples: Sequence[Sample], rewards: list[float]) -> Attempts:
    """The view of a group's samples, whose rewards may differ from those that they were given (overlong texts)."""
    logprobs = [outside(sample.completion.logprobs, sample.completion.given) for sample in samples]
    means = [sum(own) / len(own) if own else 0.0 for own in logprobs]
    further = [sample.further for sample in samples]
    return Attempts(rewards, [sample.strategy for sample in samples], means, further)
