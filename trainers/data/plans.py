"""How a step samples: its plan and the seeds of its phases, from the configuration and the step alone."""

from __future__ import annotations

from copy import copy

from rlad.config import ROLES, PlayerConfig, RunConfig
from rlad.generation import Sampling
from rlad.reasoning.tree import Plan
from trainers.runtime import zero3

SECOND_ROUND = 7
"""What the seed of a second round of solutions (phase 8) has more than that of a step's plan (phase 1)."""


def sampling_seed(run_seed: int, step: int, rank: int, phase: int) -> int:
    """A different sampling seed per run, step, rank and phase (0 to 10).

    >>> sampling_seed(0, 1, 0, 0), sampling_seed(0, 1, 1, 0), sampling_seed(0, 1, 0, 2)
    (11099, 11110, 11101)
    """
    return ((run_seed * 100_003 + step) * 1009 + rank) * 11 + phase


def player_sampling(run: RunConfig, role: str, step: int, phase: int, more: int = 0) -> Sampling:
    """How a player is sampled on this rank in a phase of a step; `more` tells repetitions of the phase apart."""
    player = player_of_step(run, role, step)
    seed = sampling_seed(run.seed, step, zero3.rank(), phase) + more * 10**12
    return Sampling(player.temperature, player.max_new_tokens, seed)


def player_of_step(run: RunConfig, role: str, step: int) -> PlayerConfig:
    """A player's configuration with the length that its texts may have in a step.

    >>> from rlad.config import CurriculumConfig
    >>> run = RunConfig(curriculum=CurriculumConfig(bands=["easy", "medium"], steps=5, max_new_tokens=[8, 48]))
    >>> [player_of_step(run, "solution", step).max_new_tokens for step in (5, 6)]
    [8, 48]
    """
    player = getattr(run, role)
    if role != "solution" or not run.curriculum.max_new_tokens:
        return player
    own = copy(player)
    own.max_new_tokens = run.curriculum.longest(step, player.max_new_tokens)
    return own


def step_plan(run: RunConfig, step: int, first_phase: int = 0, more: int = 0) -> Plan:
    """The plan of a step; `first_phase` and `more` keep the seeds of everything that samples by it apart."""
    propose, solve = (player_sampling(run, role, step, phase, more) for phase, role in enumerate(ROLES, first_phase))
    config = run.cotrain
    return Plan(
        config.abstractions,
        config.solutions,
        propose,
        solve,
        distinct=config.proposals == "distinct",
        draws=config.draws,
        joint=config.proposals == "joint",
        reference=config.proposals == "reference",
        first=config.adaptive.first,
    )
