"""What one step looked like: numbers for metrics.jsonl, and a readable tree for samples.jsonl."""

from __future__ import annotations

import torch

from rlad.config import CotrainConfig, RunConfig
from rlad.players.roles import Pay, Role, Sample, TreeReader
from rlad.reasoning.tree import Solution, Tree
from trainers.credit.advantages import is_constant
from trainers.credit.draws import draw_rewards
from trainers.credit.groups import compared
from trainers.rewards import solution_reward
from trainers.runtime import zero3


def _pair(values: list) -> tuple[float, float]:
    return float(sum(values)), float(len(values))


def rollout_statistics(trees: list[Tree], config: CotrainConfig, device: torch.device) -> dict:
    """Accuracy, coverage, diversity and leaks of a step's rollouts, over all ranks.

    `constant_groups` is the share of the solver's groups, as they are compared, that teach nothing: all rewards equal.
    """
    branches = [branch for tree in trees for branch in tree.branches]
    guided = [s for branch in branches for s in branch.solutions]
    bare = [s for tree in trees for s in tree.bare]
    proposed = [tree for tree in trees if tree.draws or tree.branches]
    groups = [
        [solution_reward(s, config) for s in (*group.attempts, *group.refined)]
        for tree in trees
        for group in compared(tree, config)
    ]
    everything = guided + bare
    numbers = zero3.means(
        {
            "accuracy": _pair([s.correct for s in guided]),
            "coverage": _pair([any(s.correct for s in tree.solutions) for tree in proposed]),
            "bare_accuracy": _pair([s.correct for s in bare]),
            "distinct": (float(len(branches)), float(sum(len(tree.draws) for tree in proposed))),
            "abstractions_per_problem": (float(len(branches)), float(len(proposed))),
            "leak_rate": _pair([branch.leak for branch in branches]),
            "invalid_rate": _pair([draw.branch is None for tree in proposed for draw in tree.draws]),
            "adherence": _pair([s.adheres for s in guided if s.adheres is not None]),
            "constant_groups": _pair([is_constant(group) for group in groups]),
            "bare_share": (float(sum(s.tokens for s in bare)), float(sum(s.tokens for s in everything))),
            "unfinished": _pair([s.completion.finish_reason == "length" for s in everything]),
        },
        device,
    )
    (tokens,) = zero3.total([sum(tree.tokens for tree in trees)], device)
    return {"rollout": numbers, "tokens_generated": int(tokens)}


def player_statistics(trees: list[Tree], role: Role, pay: Pay, device: torch.device, version: int) -> dict:
    """Mean reward and length (tokens) of what one player is paid for, over all ranks; second attempts do not count.

    `staleness` is by how many publishes the weights that sampled are older than those of `version`, which learn from
    it, in the mean over tokens, anchors among them: 0 in an on-policy run.
    Of a role that chooses among answers also how often its choice is right (`settled_right`), and the most frequent
    answer on the same trees (`majority_right`).
    """
    samples = [sample for tree in trees for group in role.groups(tree, pay) for sample in group.samples]
    samples = [sample for sample in samples if not sample.shaping]
    rewards = [sample.reward for sample in samples if sample.reward is not None]
    lengths = [sample.completion.generated for sample in samples]
    learnt = samples + [sample for tree in trees for sample in role.anchors(tree, pay)]
    counts = {"reward": _pair(rewards), "length": _pair(lengths), "staleness": staleness(learnt, version)}
    if isinstance(role, TreeReader):
        settled = [tree.settled[role.name] for tree in trees if role.name in tree.settled]
        counts |= {
            "settled_right": _pair([own for own, _ in settled]),
            "majority_right": _pair([m for _, m in settled]),
        }
    return zero3.means(counts, device)


def staleness(samples: list[Sample], version: int) -> tuple[float, float]:
    """(sum over tokens of the versions that lie between the weights that sampled them and `version`, tokens).

    >>> from rlad.generation import Completion
    >>> texts = (Completion((5, 6), (-1.0, -1.0), "stop", version=3), Completion((7,), (-1.0,), "stop", version=4))
    >>> sampled = [Sample([1], text, reward=1.0) for text in texts]
    >>> staleness(sampled, version=4)
    (2.0, 3.0)
    """
    ages = [(version - sample.completion.version, sample.completion.generated) for sample in samples]
    return float(sum(age * length for age, length in ages)), float(sum(length for _, length in ages))


def _earned(tree: Tree, run: RunConfig) -> list[float | None]:
    return draw_rewards(tree, run.cotrain, run.abstraction.diversity)


def _solution_record(solution: Solution) -> dict:
    beyond = {"confidence": solution.confidence, "reward": solution.reward}
    return {
        "text": solution.text.strip(),
        "verdict": solution.verdict.outcome.value if solution.verdict else None,
        "correct": solution.correct,
        "adheres": solution.adheres,
        "tokens": solution.tokens,
        **{name: value for name, value in beyond.items() if value is not None},
    }


def tree_record(tree: Tree, step: int, run: RunConfig) -> dict:
    """One readable tree."""
    rewards = dict(zip([draw.branch for draw in tree.draws], _earned(tree, run), strict=True))
    return {
        "step": step,
        "problem": tree.problem.question,
        "gold": tree.problem.answer,
        "bare": [_solution_record(s) for s in tree.bare],
        "abstractions": [
            {
                "text": branch.text,
                "reward": rewards.get(i),
                "leak": branch.leak,
                "tokens": sum(d.completion.generated for d in tree.draws if d.branch == i),
                "solutions": [_solution_record(s) for s in branch.solutions],
                **({"refined": [_solution_record(s) for s in branch.refined]} if branch.refined else {}),
            }
            for i, branch in enumerate(tree.branches)
        ],
        **{
            role: [{"text": one.text.strip(), "correct": one.correct} for one in texts]
            for role, texts in tree.written.items()
        },
    }


def step_summary(row: dict, roles: dict[str, Role], steps: int) -> str:
    """One step in one line for the terminal."""
    parts = [f"co-training  step {row['step']:4d}/{steps}"]
    for name, role in roles.items():
        player = row.get(name, {})
        numbers = [f"{key} {player[key]:.3f}" for key in ("reward", "entropy", "kl") if player.get(key) is not None]
        if numbers:
            parts.append(f"{role.symbol} " + " ".join(numbers))
    if row["rollout"]["coverage"] is not None:
        parts.append(f"coverage {row['rollout']['coverage']:.2f}")
    if row["rollout"]["constant_groups"] is not None:
        parts.append(f"constant groups {100 * row['rollout']['constant_groups']:.0f} %")
    if row["rollout"].get("teaching_tokens") is not None:
        parts.append(f"teaching tokens {100 * row['rollout']['teaching_tokens']:.1f} %")
    return "  |  ".join([*parts, f"{row['seconds']['total']:.1f} s"])
