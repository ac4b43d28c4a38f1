"""Random rewards: a coin for every solution, whatever it says. The control that the entropy law must fail or pass.

2512.16912 trains on them: there entropy falls where the loss clips and rises where it does not, while accuracy rises in
several model families; the law R = -a e^H + b (2505.22617) has no place for that.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from rlad.config.registry import key, reward
from rlad.reasoning.tree import Tree
from trainers.rewards.evidence import Counts, Evidence


@dataclass
class RandomKeys:
    """The coin."""

    share: float = key(0.5, above=0, below=1)
    """Chance that a solution is paid 1 and not 0."""


@reward("random", keys=RandomKeys, roles=("solution",), source="2512.16912")
def random_reward(trees: list[Tree], evidence: Evidence, keys: RandomKeys) -> Counts:
    """Pays every solution, bare ones too, 1 with probability `share` and else 0, independent of its text and verdict.

    Drawn from the seed of the step and the rank, so that a run which was interrupted goes on with the same coins.
    Verdicts stay where they are: accuracies are measured as ever, abstractions are paid by them, and `agreement`, the
    share of solutions whose coin equals their verdict, should stay at share * p + (1 - share) * (1 - p) of accuracy p.
    """
    coins = random.Random(f"{evidence.seed}|random reward")
    solutions = [solution for tree in trees for solution in tree.sampled]
    for solution in solutions:
        solution.reward = float(coins.random() < keys.share)
    agreed = sum(solution.reward == float(solution.correct) for solution in solutions)
    return {
        "random": (sum(solution.reward for solution in solutions), float(len(solutions))),
        "agreement": (float(agreed), float(len(solutions))),
    }
