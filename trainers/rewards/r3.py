"""R3, the reasoning reflection reward of DRO (2506.13351 v1): how likely an abstraction makes a known good solution.

Dense and without a verifier. The tokens of the reference that the abstractions disagree about count, the rest doesn't.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlad.config.registry import key, reward
from rlad.reasoning.tree import Tree
from trainers.rewards.evidence import Counts, Evidence, check_learning_solver

if TYPE_CHECKING:
    from rlad.config import RunConfig
    from rlad.problems import Problem

Values = NDArray[np.float64]


@dataclass
class R3Keys:
    """How tokens of the reference weigh, and which problems are left out."""

    weights: str = key("spread", one_of=("spread", "top"))
    """spread (a token weighs as much as the abstractions disagree about it) or top (only the `top` share, equally)."""
    top: float = key(0.2, above=0, most=1)
    """weights=top: the share of reference tokens with the largest spread that counts."""
    propagation: float = key(0.0, least=0)
    """gamma: how fast the doubt about an earlier reference token fades, per token; 0 = off."""
    filter: bool = False
    """Leave out problems that no abstraction brings within reach or that the abstractions make no difference to."""
    worst: float = key(0.2, above=0, most=1)
    """First stage: the share of worst-ranked reference tokens that is looked at."""
    rank: float = key(10.0, least=1)
    """First stage: the mean rank of those tokens that some abstraction must reach."""
    keep: float = key(0.8, above=0, most=1)
    """Second stage: the share of the remaining problems kept, those with the largest spread."""
    carry_over: float = key(0.1, least=0, most=1)
    """Share of the problems that were filtered out that are learnt from anyway."""


def _check(run: RunConfig, role: str) -> None:
    """The learning solver is asked for log-probabilities."""
    check_learning_solver(run, "r3")


def spread(logp: ArrayLike) -> Values:
    """sigma_j: standard deviation (ddof 0) over the G traces of each reference token's log-prob; (G, T) -> (T,).

    >>> spread([[-.1, -2, -.5], [-.1, -.4, -.5]]).round(4).tolist()
    [0.0, 0.8, 0.0]
    """
    return np.asarray(logp, float).std(axis=0)


def r3_weights(sigma: ArrayLike, kind: str = "spread", top: float = 0.2) -> Values:
    """Weights (T,) that sum to 1. The paper leaves w(sigma) open; ours are sigma_j / sum sigma (`spread`) or an equal
    share for the `top` tokens of largest sigma (at least one). Without any spread every token weighs the same.

    >>> r3_weights([0, .8, 0]).tolist(), r3_weights([0, 0]).tolist(), r3_weights([3, 1, 2], "top", .6).tolist()
    ([0.0, 1.0, 0.0], [0.5, 0.5], [0.5, 0.0, 0.5])
    """
    values = np.asarray(sigma, float)
    if values.max() < 1e-12:
        return np.full(len(values), 1 / len(values))
    if kind == "spread":
        return values / values.sum()
    count = math.ceil(top * len(values))
    chosen = np.argsort(-values, kind="stable")[:count]
    return np.bincount(chosen, minlength=len(values)) / count


def weighted(logp: ArrayLike, weights: ArrayLike) -> Values:
    """R3_i = sum_j w_j l_ij, nats; (G, T), (T,) -> (G,).

    >>> weighted([[-.1, -2, -.5], [-.1, -.4, -.5]], [0, 1, 0]).tolist()
    [-2.0, -0.4]
    """
    return np.asarray(logp, float) @ np.asarray(weights, float)


def propagation(p: ArrayLike, gamma: float, distance: ArrayLike) -> Values:
    """P_k(j) = p_k + (1 - p_k)(1 - exp(-gamma (j - k))): how far token k's doubt still reaches `distance` tokens on.

    >>> propagation(.5, .1, [0, 1, 10, 50]).round(4).tolist()
    [0.5, 0.5476, 0.8161, 0.9966]
    """
    p = np.asarray(p, float)
    return p + (1 - p) * -np.expm1(-gamma * np.asarray(distance, float))


def propagated(logp: ArrayLike, gamma: float) -> Values:
    """Log-probs (G, T) less the doubt about earlier reference tokens, which the model is shown as if it had written
    them: l_j + min over k < j of log P_k(j). The paper says what P is, not how several k combine; ours is the worst.

    >>> propagated([[math.log(.5), 0.0]], .1).round(4).tolist()   # log .5476
    [[-0.6931, -0.6022]]
    """
    values = np.asarray(logp, float)
    adjusted = values.copy()
    for j in range(1, values.shape[1]):
        adjusted[:, j] += np.log(propagation(np.exp(values[:, :j]), gamma, j - np.arange(j)).min(axis=1))
    return adjusted


def within_reach(ranks: ArrayLike, worst: float, threshold: float) -> bool:
    """First stage of the filter: whether some trace brings the mean rank of its `worst` share of reference tokens to
    `threshold` or better; ranks (G, T), 1 = likeliest.

    >>> within_reach([[1, 90], [1, 4]], .5, 5), within_reach([[1, 90], [1, 6]], .5, 5)
    (True, False)
    """
    ordered = np.sort(np.asarray(ranks, float), axis=1)
    count = math.ceil(worst * ordered.shape[1])
    return bool(ordered[:, -count:].mean(axis=1).min() <= threshold)


def spread_threshold(largest: list[float], keep: float) -> float:
    """Second stage: the value that max_j sigma_j must reach for a problem to be among the `keep` share with the most.

    >>> spread_threshold([.1, .4, .2, .3], .5), spread_threshold([], .5)
    (0.3, 0.0)
    """
    return sorted(largest, reverse=True)[max(1, round(keep * len(largest))) - 1] if largest else 0.0


def reference(problem: Problem, evidence: Evidence) -> str:
    """A right solution: the data's own, the first of a world's demonstrations that the judge accepts, or the answer."""
    if problem.solution:
        return problem.solution
    rng = random.Random(problem.id)
    for _ in range(256 if evidence.world else 0):
        text = evidence.world.solve(problem, None, rng)
        if evidence.judge([(problem, text)])[0].correct:
            return text
    return f"\\boxed{{{problem.answer}}}"


def _dropped(matrices: dict[int, Values], ranks: dict[int, Values], keys: R3Keys, evidence: Evidence) -> set[int]:
    """Indices of the problems that the two stages drop; all ranks' problems share the second stage's threshold."""
    reach = {i for i in matrices if within_reach(ranks[i], keys.worst, keys.rank)}
    largest = {i: float(spread(matrices[i]).max()) for i in reach}
    threshold = spread_threshold(evidence.gather(list(largest.values())), keys.keep)
    return set(matrices) - {i for i in reach if largest[i] >= threshold}


@reward("r3", keys=R3Keys, roles=("abstraction",), check=_check, source="2506.13351")
def r3(trees: list[Tree], evidence: Evidence, keys: R3Keys) -> Counts:
    """Rewards the abstractions of every problem by R3 under the learning solver.

    The masked-trace baseline of the paper cancels in group-relative credit and is left out. The filter looks at each
    step's own abstractions instead of sampling 16 to 32 further ones for the whole data set now and then; of what it
    drops a share is kept anyway (`carry_over`), chosen by the problem's name so that ranks and resumed runs agree.
    """
    prompts = evidence.scorer.prompts
    jobs = []  # (tree, branch, prompt, completion)
    for i, tree in enumerate(trees):
        target = prompts.completion_ids(reference(tree.problem, evidence), "guided") if tree.branches else []
        for branch in tree.branches:
            if not (branch.leak and evidence.run.cotrain.gate.enabled):
                jobs.append((i, branch, prompts.ids("guided", tree.problem.question, branch.text), target))
    scores = evidence.scorer.score([(prompt, target) for *_, prompt, target in jobs])
    rows = {i: [s for (owner, *_), s in zip(jobs, scores, strict=True) if owner == i] for i, *_ in jobs}
    matrices = {i: np.array([s.logp for s in found]) for i, found in rows.items()}
    if keys.propagation:
        matrices = {i: propagated(logp, keys.propagation) for i, logp in matrices.items()}
    worth = {i: iter(weighted(m, r3_weights(spread(m), keys.weights, keys.top))) for i, m in matrices.items()}
    for i, branch, *_ in jobs:
        branch.reward = float(next(worth[i]))
    dropped = set()
    if keys.filter:
        dropped = _dropped(
            matrices, {i: np.array([s.rank for s in found]) for i, found in rows.items()}, keys, evidence
        )
        dropped = {i for i in dropped if random.Random(trees[i].problem.id).random() >= keys.carry_over}
    for i in dropped:
        trees[i].filtered = True
    rewards = [branch.reward for _, branch, *_ in jobs]
    return {"r3": (sum(rewards), len(rewards)), "filtered": (float(len(dropped)), float(len(matrices)))}
