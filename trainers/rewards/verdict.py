"""Rewards by verdict: 1 for a right solution, the share of right solutions for an abstraction (RLAD, 2510.02263)."""

from __future__ import annotations

from rlad.config import CotrainConfig
from rlad.reasoning.tree import Branch, Solution, Tree
from trainers.credit.advantages import mixed_credit
from trainers.rewards.diversity import bonuses, novelty_by_form, novelty_by_wording


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
    """p_i: the share of successes under an abstraction, a lagged partner's where there is one.

    None without solutions (masked, not zero).
    """
    scored = branch.partner or branch.solutions
    return sum(solved(s, config) for s in scored) / len(scored) if scored else None


def branch_success(tree: Tree, config: CotrainConfig) -> list[float | None]:
    """p_i of every abstraction."""
    return [success(branch, config) for branch in tree.branches]


def branch_rewards(tree: Tree, config: CotrainConfig) -> list[float | None]:
    """What solving with each abstraction earned: the reward measured for it, or its success; None = masked."""
    return [success(b, config) if b.reward is None else b.reward for b in tree.branches]


def draw_rewards(tree: Tree, config: CotrainConfig) -> list[float | None]:
    """The abstraction player's reward of every draw, duplicates included; None = masked.

    A draw earns what solving with it earned, mixed with its contribution to the set (`set_credit`), less b(x) when
    `subtract_bare`, and a bonus when it works and is unlike the others (`diversity`). A leak, an empty or an unfinished
    abstraction earns the gate's fixed penalty instead, counted from the worst that solving earned where that is below 0
    (rewards that are log-probabilities), so that leaking never pays.
    """
    if tree.filtered:
        return [None] * len(tree.draws)
    earned = branch_rewards(tree, config)
    penalty = config.gate.penalty + min([0.0, *(value for value in earned if value is not None)])
    rewards: list[float | None] = []
    scored: list[int] = []
    for position, draw in enumerate(tree.draws):
        if draw.branch is None or (config.gate.enabled and tree.branches[draw.branch].leak):
            rewards.append(penalty)
        else:
            rewards.append(earned[draw.branch])
            if earned[draw.branch] is not None:
                scored.append(position)
    values = [rewards[i] for i in scored]
    credit = mixed_credit(values, config.set_credit) if config.set_credit else values
    bonus = _diversity(tree, scored, config)
    baseline = (bare_accuracy(tree) or 0.0) if config.subtract_bare else 0.0
    for position, value, extra in zip(scored, credit, bonus, strict=True):
        rewards[position] = value - baseline + extra
    return rewards


def _diversity(tree: Tree, scored: list[int], config: CotrainConfig) -> list[float]:
    """The diversity bonus of the draws at the positions `scored`."""
    if not config.diversity.weight:
        return [0.0] * len(scored)
    branches = [tree.branches[tree.draws[i].branch] for i in scored]
    if config.diversity.measure == "form":
        novelty = novelty_by_form([branch.key for branch in branches])
    else:
        novelty = novelty_by_wording([branch.text for branch in branches])
    return bonuses(config.diversity.weight, novelty, [success(branch, config) or 0.0 for branch in branches])
