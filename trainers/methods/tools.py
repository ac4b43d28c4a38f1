"""What the optional methods work with: handed to them, so that none of them knows the loop."""

from __future__ import annotations

from dataclasses import dataclass

from rlad.config import RunConfig
from rlad.generation import Sampler
from rlad.problems import World
from rlad.reasoning.judge import Judge
from rlad.reasoning.reasoner import Reasoner
from trainers.learner.learner import Learner


@dataclass(frozen=True)
class Tools:
    """The parts of a run that a phase between two steps may use."""

    run: RunConfig
    learners: dict[str, Learner]
    """By role."""
    reasoner: Reasoner
    world: World | None
    judge: Judge
    """One of their own: what methods check is no rollout and stays out of the verifier's counters."""
    lagged: Sampler | None = None
    """The sampler that scores abstractions where that isn't the learning solver's."""
