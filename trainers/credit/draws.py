"""An abstraction's credit: what solving with it earned, its share in the set, and what the gate takes.

What it earned was measured before, by the run's reward (trainers/rewards); here that becomes the pay of every draw.
"""

from __future__ import annotations

from rlad.config import CotrainConfig, DiversityConfig
from rlad.reasoning.tree import Tree
from trainers.credit.advantages import mixed_credit
from trainers.credit.diversity import bonuses, novelty_by_form, novelty_by_wording
from trainers.rewards import bare_accuracy, branch_rewards, success

UNPAID = DiversityConfig()
"""To be unlike the others pays nothing."""


def draw_rewards(tree: Tree, config: CotrainConfig, diversity: DiversityConfig = UNPAID) -> list[float | None]:
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
    bonus = _diversity(tree, scored, config, diversity)
    baseline = (bare_accuracy(tree) or 0.0) if config.subtract_bare else 0.0
    for position, value, extra in zip(scored, credit, bonus, strict=True):
        rewards[position] = value - baseline + extra
    return rewards


def _diversity(tree: Tree, scored: list[int], config: CotrainConfig, diversity: DiversityConfig) -> list[float]:
    """The diversity bonus of the draws at the positions `scored`."""
    if not diversity.weight:
        return [0.0] * len(scored)
    branches = [tree.branches[tree.draws[i].branch] for i in scored]
    if diversity.measure == "form":
        novelty = novelty_by_form([branch.key for branch in branches])
    else:
        novelty = novelty_by_wording([branch.text for branch in branches])
    return bonuses(diversity.weight, novelty, [success(branch, config) or 0.0 for branch in branches])
