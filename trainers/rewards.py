"""Both players' rewards of one judged tree (RLAD, 2510.02263)."""

from __future__ import annotations

from rlad.config import CotrainConfig
from rlad.reasoner import Solution, Tree
from trainers.advantages import mixed_credit


def solution_reward(solution: Solution, config: CotrainConfig) -> float:
    """1 for a correct guided solution, else 0; with `adherence`, only when it follows its abstraction."""
    if config.adherence and solution.adheres is False:
        return 0.0
    return float(solution.correct)


def bare_accuracy(tree: Tree) -> float | None:
    """b(x): the measured accuracy without an abstraction; None when none was sampled."""
    return sum(s.correct for s in tree.bare) / len(tree.bare) if tree.bare else None


def branch_success(tree: Tree, config: CotrainConfig) -> list[float | None]:
    """p_i: mean reward of the solutions under each abstraction; None where there is none (masked, not zero)."""
    return [
        sum(solution_reward(s, config) for s in branch.solutions) / len(branch.solutions) if branch.solutions else None
        for branch in tree.branches
    ]


def draw_rewards(tree: Tree, config: CotrainConfig) -> list[float | None]:
    """The abstraction player's reward of every draw, duplicates included; None = masked.

    A draw earns the success of solving with it, mixed with its contribution to the set (`set_credit`), less b(x) when
    `subtract_bare`. A leak, an empty or an unfinished abstraction earns the gate's fixed penalty instead.
    """
    success = branch_success(tree, config)
    rewards: list[float | None] = []
    scored: list[int] = []
    for position, draw in enumerate(tree.draws):
        if draw.branch is None or (config.gate.enabled and tree.branches[draw.branch].leak):
            rewards.append(config.gate.penalty)
        else:
            rewards.append(success[draw.branch])
            if success[draw.branch] is not None:
                scored.append(position)
    credit = mixed_credit([rewards[i] for i in scored], config.set_credit)
    baseline = (bare_accuracy(tree) or 0.0) if config.subtract_bare else 0.0
    for position, value in zip(scored, credit, strict=True):
        rewards[position] = value - baseline
    return rewards
