"""From judged trees to training rows: the nested groups of both roles.

Groups are objects of the tree (a problem's draws, a branch's solutions), never stretches of a flat list, so a missing
sample cannot shift credit to a neighbour.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from rlad.config import CotrainConfig, PlayerConfig
from rlad.generation import Completion
from rlad.reasoning.tree import Solution, Tree
from trainers.credit.advantages import group_advantages, is_constant
from trainers.losses.mismatch import needs_sampler
from trainers.losses.overlong import overlong_penalty
from trainers.rewards import draw_rewards, solution_reward


@dataclass(frozen=True)
class Row:
    """One sampled sequence to learn from."""

    prompt: tuple[int, ...]
    completion: tuple[int, ...]
    advantage: float = 0.0
    pg_weight: float = 1.0
    """0 on bare prompts: no policy gradient."""
    kl_weight: float = 1.0
    bare: bool = False
    copies: int = 1
    """How many samples this row stands for; it weighs as much as they would."""
    token_advantages: tuple[float, ...] | None = None
    """One advantage per token, instead of the shared one."""
    shaping: float = 0.0
    """gamma of the shaped ratio p / (p + gamma), for a text that was not written under this prompt; 0 = an ordinary
    sample."""
    sampler_logprobs: tuple[float, ...] | None = None
    """The sampler's log-prob of each token, nats; only carried for methods that need it, as alike rows merge."""
    planning: tuple[bool, ...] | None = None
    """Which tokens plan (they lie inside a strategic gram); only carried for HICRA."""


def _row(prompt: list[int], completion: Completion, advantage: float, player: PlayerConfig, **kwargs) -> Row:
    sampled = completion.logprobs if needs_sampler(player) else None
    return Row(tuple(prompt), completion.token_ids, advantage, sampler_logprobs=sampled, **kwargs)


def _advantages(rewards: list[float], completions: list[Completion], player: PlayerConfig) -> list[float]:
    """Advantages of one group, after the punishment of overlong answers."""
    return group_advantages(_punished(rewards, completions, player), player.advantage)


def _punished(rewards: list[float], completions: list[Completion], player: PlayerConfig) -> list[float]:
    """The rewards less the punishment of overlong answers, where that is on."""
    if not player.overlong:
        return rewards
    lengths = [len(completion.token_ids) for completion in completions]
    penalties = [overlong_penalty(length, player.max_new_tokens, player.overlong) for length in lengths]
    return [reward + penalty for reward, penalty in zip(rewards, penalties, strict=True)]


def merged(rows: list[Row]) -> list[Row]:
    """Samples that are alike in everything become one row with their number: the same loss for less work.

    >>> [row.copies for row in merged([Row((1,), (2,), 0.5), Row((1,), (3,), 0.5), Row((1,), (2,), 0.5)])]
    [2, 1]
    """
    return [replace(row, copies=copies) for row, copies in Counter(rows).items()]


def abstraction_rows(trees: list[Tree], config: CotrainConfig, player: PlayerConfig) -> list[Row]:
    """Rows of π_abs: all draws of a problem are one group, compared with each other.

    Duplicate draws stay as samples of the gradient (only their solving was shared), so the kept set's bias towards rare
    proposals does not enter. With one abstraction per problem there is no group: A = R - b(x), which is its reward (the
    configuration then demands `subtract_bare`).
    """
    rows, alone = [], config.abstractions == 1
    for tree in trees:
        scored = [(d, r) for d, r in zip(tree.draws, draw_rewards(tree, config), strict=True) if r is not None]
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
        for group, refined in _groups(tree, config):
            rewards = [solution_reward(solution, config) for solution in [*group, *refined]]
            if config.drop_constant_groups and is_constant(rewards):
                continue
            advantages = _advantages(rewards, [solution.completion for solution in [*group, *refined]], player)
            own, second = advantages[: len(group)], advantages[len(group) :]
            rows += [_row(s.prompt, s.completion, a, player) for s, a in zip(group, own, strict=True)]
            shaping = {"shaping": config.critique.gamma, "kl_weight": 0.0}
            rows += [_row(s.prompt, s.completion, a, player, **shaping) for s, a in zip(refined, second, strict=True)]
        if config.abstractions > 0 and not tree.draws:  # a bare problem; baseline samples of others are only measured
            rows += [_row(s.prompt, s.completion, 0.0, player, pg_weight=0.0, bare=True) for s in tree.bare]
    return rows


def _groups(tree: Tree, config: CotrainConfig) -> list[tuple[list[Solution], list[Solution]]]:
    """(attempts, refinements) of every group whose rewards are compared."""
    if config.abstractions == 0:
        return [(tree.bare, tree.refined)]
    if config.solution_group == "problem":
        refined = [solution for branch in tree.branches for solution in branch.refined]
        return [(tree.solutions, refined)] if tree.solutions else []
    return [(branch.solutions, branch.refined) for branch in tree.branches if branch.solutions]
