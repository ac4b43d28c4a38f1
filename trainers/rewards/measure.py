"""Measures the rewards that the players' keys ask for. A new one is one file with a function under `@reward`.

A reward is `reward(trees, evidence) -> counts`, with `keys=` where it declares keys: it writes what solutions or
branches earned into the trees and returns statistics. Collective, as the log-probabilities that it may ask for are.
"""

from __future__ import annotations

from rlad.reasoning.tree import Tree
from trainers.rewards.evidence import Counts, Evidence


def measure_rewards(trees: list[Tree], evidence: Evidence) -> Counts:
    """Gives solutions and branches their rewards, what was written last first. Collective."""
    counts: Counts = {}
    for player in reversed(evidence.run.players.values()):
        counts |= player.bound("reward")(trees, evidence)
    return counts
