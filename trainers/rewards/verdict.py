"""Rewards by verdict: 1 for a right solution, the share of right solutions for an abstraction (RLAD, 2510.02263)."""

from __future__ import annotations

from rlad.config import CotrainConfig
from rlad.config.registry import reward
from rlad.reasoning.tree import Branch, Solution, Tree
from trainers.rewards.evidence import Counts, Evidence


@reward("verdict", source="2510.02263")
def verdict(trees: list[Tree], evidence: Evidence) -> Counts:
    """Nothing to measure: the verdicts are the reward."""
    return {}


def solved(solution: Solution, config: CotrainConfig) -> bool:
    """Whether a solution counts as a success: it is right and, with `adherence`, follows its abstraction."""
    return solution.correct and not (config.adherence and solution.adheres is False)


def solution_reward(solution: Solution, config: CotrainConfig) -> float:
    """What a guided solution earned: the reward measured for it, or 1 for a success and 0 for anything else."""
    return float(solved(solution, config)) if solution.reward is None else solution.reward


def bare_accuracy(tree: Tree) -> float | None:
    """b(x): the measured accuracy without an abstraction; None when none was sampled."""
    return sum(s.correct for s in tree.bare) / len(tree.bare) if tree.bare else None


def success(branch: Branch, config: CotrainConfig) -> float | None:
    """p_i: the share of successes under an abstraction, the lagged solver's where there is one.

    None without solutions (masked, not zero).
    """
    scored = branch.lagged or branch.solutions
    return sum(solved(s, config) for s in scored) / len(scored) if scored else None


def branch_success(tree: Tree, config: CotrainConfig) -> list[float | None]:
    """p_i of every abstraction."""
    return [success(branch, config) for branch in tree.branches]


def branch_rewards(tree: Tree, config: CotrainConfig) -> list[float | None]:
    """What solving with each abstraction earned: the reward measured for it, or its success; None = masked."""
    return [success(b, config) if b.reward is None else b.reward for b in tree.branches]
