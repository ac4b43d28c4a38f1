"""From judged trees to rows with the advantages of their groups, for both roles."""

from __future__ import annotations

from rlad.config import CotrainConfig, PlayerConfig
from rlad.generation import Completion
from rlad.reasoning.tree import Tree
from trainers.credit.advantages import is_constant
from trainers.credit.draws import draw_rewards
from trainers.credit.groups import compared
from trainers.data.rows import Row
from trainers.losses.mismatch import needs_sampler
from trainers.losses.overlong import overlong_penalty
from trainers.rewards import solution_reward


def _row(prompt: list[int], completion: Completion, advantage: float, player: PlayerConfig, **kwargs) -> Row:
    sampled = completion.logprobs if needs_sampler(player) else None
    return Row(tuple(prompt), completion.token_ids, advantage, sampler_logprobs=sampled, **kwargs)


def _advantages(rewards: list[float], completions: list[Completion], player: PlayerConfig) -> list[float]:
    """Advantages of one group, after the punishment of overlong answers."""
    return player.bound("advantage")(_punished(rewards, completions, player))


def _punished(rewards: list[float], completions: list[Completion], player: PlayerConfig) -> list[float]:
    """The rewards less the punishment of overlong answers, where that is on."""
    if not player.overlong:
        return rewards
    lengths = [len(completion.token_ids) for completion in completions]
    penalties = [overlong_penalty(length, player.max_new_tokens, player.overlong) for length in lengths]
    return [reward + penalty for reward, penalty in zip(rewards, penalties, strict=True)]


def abstraction_rows(trees: list[Tree], config: CotrainConfig, player: PlayerConfig) -> list[Row]:
    """Rows of π_abs: all draws of a problem are one group, compared with each other.

    Duplicate draws stay as samples of the gradient (only their solving was shared), so the kept set's bias towards rare
    proposals does not enter. With one abstraction per problem there is no group: A = R - b(x), which is its reward (the
    configuration then demands `subtract_bare`).
    """
    rows, alone = [], config.abstractions == 1
    for tree in trees:
        scored = [
            (d, r)
            for d, r in zip(tree.draws, draw_rewards(tree, config, player.diversity), strict=True)
            if r is not None
        ]
        rewards = [reward for _, reward in scored]
        if not rewards or (config.drop_constant_groups and is_constant([0.0, *rewards] if alone else rewards)):
            continue
        completions = [draw.completion for draw, _ in scored]
        advantages = (_punished if alone else _advantages)(rewards, completions, player)
        for (draw, _), advantage in zip(scored, advantages, strict=True):
            rows.append(_row(draw.prompt, draw.completion, advantage, player))
    return rows


def solution_rows(trees: list[Tree], config: CotrainConfig, player: PlayerConfig) -> list[Row]:
    """Rows of π_sol: guided solutions in their groups, bare ones as anchors.

    With `abstractions = 0` the bare solutions are what is trained, one group per problem. Refinements share the
    baseline of their group (the union of both), but are learnt through the shaped objective and carry no KL: they were
    not sampled from this prompt, and no estimator of the KL holds for them.
    """
    rows = []
    for tree in trees:
        for group in compared(tree, config):
            solutions = [*group.attempts, *group.refined]
            rewards = [solution_reward(solution, config) for solution in solutions]
            if config.drop_constant_groups and is_constant(rewards):
                continue
            advantages = _advantages(rewards, [solution.completion for solution in solutions], player)
            kinds = [{}] * len(group.attempts)
            kinds += [{"shaping": config.critique.gamma, "kl_weight": 0.0}] * len(group.refined)
            for solution, advantage, kind in zip(solutions, advantages, kinds, strict=True):
                rows.append(_row(solution.prompt, solution.completion, advantage, player, **kind))
        if config.abstractions > 0 and not tree.draws:  # a bare problem; baseline samples of others are only measured
            rows += [_row(s.prompt, s.completion, 0.0, player, pg_weight=0.0, bare=True) for s in tree.bare]
    return rows
