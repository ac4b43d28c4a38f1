"""One player in training, and what of it a checkpoint must keep beside its weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import torch

from rlad.config import PlayerConfig
from rlad.generation import Sampler
from rlad.players.policy import Policy
from trainers.learner.layout import Sharing
from trainers.learner.records import TokenRecord


@dataclass
class Learner:
    """A policy, its model engine, its frozen reference and its sampler."""

    policy: Policy
    config: PlayerConfig
    model_engine: object
    reference: torch.nn.Module | None
    """None where nothing asks it (`wants_reference`)."""
    sampler: Sampler
    device: torch.device
    entropy_coefficient: float = 0.0
    sharing: Sharing | None = None
    """What rows of an update and of scoring may share; None = nothing, they are plain."""
    probe: list[list[int]] = field(default_factory=list)
    """Token ids of a few prompts, the same on every rank and in every step: what `publish` checks the sampler with."""
    entropy: float | None = None
    """Nats per token in the newest update; None before the first."""
    reward: float | None = None
    """Mean reward of the rollouts that it learnt from; None before the first step and where nobody was paid."""
    kl_factor: float = 1.0
    """Multiplies `kl_coef` in the next update."""
    version: int = 0
    """Counts the weights that were published."""
    first_gaps: list[float] = field(default_factory=list)
    """Parity gaps of the first publishes, nats per token: what later ones are measured against."""
    record: TokenRecord = field(default_factory=TokenRecord)
    """What the newest update saw of every token."""
    lead: Learner | None = None
    """With shared weights: the learner that has the model engine, its reference and its sampler, and counts their
    versions. None = it has its own."""

    @property
    def owner(self) -> Learner:
        """The learner whose model engine it learns through."""
        return self.lead or self

    @property
    def pad_id(self) -> int:
        return self.policy.tokenizer.pad_token_id

    def state(self) -> dict:
        """What a checkpoint keeps beside the weights."""
        return {
            "version": self.owner.version,
            "entropy_coefficient": self.entropy_coefficient,
            "entropy": self.entropy,
            "reward": self.reward,
            "first_gaps": self.first_gaps,
        }

    def restore(self, state: dict) -> None:
        """Takes up a state; its weights have not been published since, which will count the version up again."""
        self.version = state["version"] - 1
        self.first_gaps = state["first_gaps"]
        self.entropy_coefficient, self.entropy = state["entropy_coefficient"], state["entropy"]
        self.reward = state["reward"]


def owners(learners: Iterable[Learner]) -> list[Learner]:
    """The learners whose model engines these learn through, each once."""
    return list({id(one.owner): one.owner for one in learners}.values())
