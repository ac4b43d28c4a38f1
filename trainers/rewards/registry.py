"""Rewards by name, one key per player: `solution.reward` and `abstraction.reward`.

A new reward is one file with a function that measures it, and one line here.
"""

from __future__ import annotations

from collections.abc import Callable

from rlad.reasoning.tree import Tree
from trainers.rewards.evidence import Counts, Evidence
from trainers.rewards.hill import measure_hill
from trainers.rewards.r3 import measure_r3
from trainers.rewards.rlcr import measure_rlcr

Measure = Callable[[list[Tree], Evidence], Counts]


def by_verdict(trees: list[Tree], evidence: Evidence) -> Counts:
    """Nothing to measure: the verdicts are the reward."""
    return {}


SOLUTION_REWARDS: dict[str, Measure] = {"verdict": by_verdict, "rlcr": measure_rlcr}
ABSTRACTION_REWARDS: dict[str, Measure] = {"verdict": by_verdict, "hill": measure_hill, "r3": measure_r3}


def measure(trees: list[Tree], evidence: Evidence) -> Counts:
    """Gives solutions and branches the rewards that the two players' keys ask for. Collective."""
    counts = SOLUTION_REWARDS[evidence.run.solution.reward](trees, evidence)
    return counts | ABSTRACTION_REWARDS[evidence.run.abstraction.reward](trees, evidence)
