"""HiLL's reward for the player that writes hints (2604.00698): hints that make a group worth learning from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlad.config.errors import ConfigError
from rlad.config.registry import key, reward
from rlad.reasoning.tree import Solution, Tree
from trainers.rewards.evidence import Counts, Evidence, check_learning_solver
from trainers.rewards.verdict import bare_accuracy, solved

if TYPE_CHECKING:
    from rlad.config import RunConfig


@dataclass
class HillKeys:
    """How hard a hint that carries the solution is discounted."""

    temperature: float = key(0.3, above=0)
    """T in exp(min(D, 0) / T), nats per token."""


def _check(run: RunConfig, role: str) -> None:
    """Hints are compared with bare solutions, and with each other inside groups."""
    check_learning_solver(run, "hill")
    if not run.cotrain.bare.baseline_samples:
        raise ConfigError(
            "abstraction.reward=hill compares with bare solutions of the same problems; set "
            "cotrain.bare.baseline_samples above 0."
        )
    if run.cotrain.solutions < 2:
        raise ConfigError("abstraction.reward=hill needs groups of at least 2; set cotrain.solutions=2 or more.")


def signal(p: float, size: int) -> float:
    """Chance that a group of `size` solutions, each right with probability p, is neither all right nor all wrong.

    >>> [round(signal(p, 8), 4) for p in (0.0, 0.125, 0.5, 0.875, 1.0)]
    [0.0, 0.6564, 0.9922, 0.6564, 0.0]
    """
    return 1.0 - p**size - (1.0 - p) ** size


def hill_reward(p: float, size: int, gap: float, temperature: float = 0.3) -> float:
    """R = (1 - p^G - (1-p)^G) * exp(min(D, 0) / T): signal, discounted when the hint carries the solution.

    D (nats per token, `transfer_gap`) is how much likelier the right solutions are without the hint than with it; what
    only the hint makes likely will not transfer to the bare prompt. Rewards p near 1/2, not high accuracy.

    >>> round(hill_reward(.5, 8, -.3), 4), round(hill_reward(.5, 8, .2), 4), hill_reward(1.0, 8, 0.0)
    (0.365, 0.9922, 0.0)
    """
    return signal(p, size) * math.exp(min(gap, 0.0) / temperature)


def transfer_gap(bare: list[list[float]], guided: list[list[float]]) -> float:
    """D: mean over right solutions of [mean-token log p(y|x) - mean-token log p(y|x,z)]; 0 without any.

    >>> transfer_gap([[-1.0, -2.0]], [[-0.5, -0.5]])
    -1.0
    """
    gaps = [math.fsum(b) / len(b) - math.fsum(g) / len(g) for b, g in zip(bare, guided, strict=True)]
    return math.fsum(gaps) / len(gaps) if gaps else 0.0


@reward("hill", keys=HillKeys, roles=("abstraction",), check=_check, source="2604.00698")
def hill(trees: list[Tree], evidence: Evidence, keys: HillKeys) -> Counts:
    """Rewards every abstraction that was solved with; log-probs are those of the learning solver.

    A hint that doesn't beat the signal of the bare samples earns 0. Where we differ from the authors' code: G is the
    number of solutions under the hint; every problem gets hints, not only those whose bare group failed; the solver
    is trained with the abstraction in front of it, as in RLAD, not on the bare prompt.
    """
    run = evidence.run
    solver = [b for tree in trees for b in tree.branches if b.solutions]
    right: list[tuple[Tree, Solution]] = [
        (tree, s) for tree in trees for b in tree.branches for s in b.solutions if solved(s, run.cotrain)
    ]
    prompts = evidence.scorer.prompts
    pairs = [(prompts.ids("plain", tree.problem.question), list(s.completion.token_ids)) for tree, s in right]
    bare = {id(s): scores.logp for (_, s), scores in zip(right, evidence.scorer.score(pairs), strict=True)}
    gaps = []
    for tree in trees:
        for branch in tree.branches:
            if not branch.solutions:
                continue
            good = [s for s in branch.solutions if id(s) in bare]
            p, size = len(good) / len(branch.solutions), len(branch.solutions)
            gap = transfer_gap([bare[id(s)] for s in good], [list(s.completion.logprobs) for s in good])
            better = signal(p, size) > signal(bare_accuracy(tree) or 0.0, size)
            branch.reward = hill_reward(p, size, gap, keys.temperature) if better else 0.0
            gaps += [gap] if good else []
    rewards = [b.reward for b in solver]
    return {"transfer_gap": (sum(gaps), len(gaps)), "hint_pays": (float(sum(r > 0 for r in rewards)), len(rewards))}
