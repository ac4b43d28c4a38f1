"""Problems without a signal: replaced within a step (DAPO's dynamic sampling), retired for good (ScaleRL).

Bare anchors take no part in either: their groups are constant by design and must stay.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import torch

from rlad.config import CotrainConfig
from rlad.problems import Problem
from rlad.reasoning.tree import Solution, Tree
from trainers.data.curriculum import Curriculum
from trainers.rewards import solved
from trainers.runtime import zero3


def trained(tree: Tree, config: CotrainConfig) -> list[Solution]:
    """The solutions that credit compares: guided ones, or plain ones when the solver learns alone."""
    return tree.solutions if config.abstractions else tree.bare


def has_signal(tree: Tree, config: CotrainConfig) -> bool:
    """0 < p < 1: some solutions of the problem are right, but not all (2503.14476)."""
    return len({bool(solved(solution, config)) for solution in trained(tree, config)}) == 2


def uncertainty(right: float, sampled: float) -> float:
    """4 p (1 - p) of a problem's pass rate, for which half a solution more was right and half a one wrong: 0 to 1.

    >>> uncertainty(1, 2), uncertainty(0, 0), round(uncertainty(0, 8), 3), round(uncertainty(0, 16), 3)
    (1.0, 1.0, 0.21, 0.114)
    """
    rate = (right + 0.5) / (sampled + 1)
    return 4 * rate * (1 - rate)


def dynamic_sampling(
    trees: list[Tree], config: CotrainConfig, device: torch.device, sample: Callable[[int, int], list[Tree]]
) -> dict[str, float]:
    """Adds trees of further problems until as many as were drawn have a signal, in `config.dynamic_sampling` rounds at
    most.

    Args:
        trees: this rank's trees, judged; further ones are appended.
        sample: (round from 1, problems over all ranks) -> this rank's share of them, judged.

    Returns what was generated against what is used, over all ranks. Collective.
    """
    (wanted,) = zero3.total([len(trees)], device)
    rounds = 0
    while True:
        useful = [tree for tree in trees if has_signal(tree, config)]
        counts = [len(trees), len(useful), sum(t.tokens for t in trees), sum(t.tokens for t in useful)]
        generated, used, tokens, used_tokens = zero3.total(counts, device)
        if used >= wanted or rounds == config.dynamic_sampling:
            break
        rounds += 1
        trees += sample(rounds, int(wanted - used))
    return {
        "rounds": rounds,
        "problems_generated": int(generated),
        "problems_used": int(used),
        "tokens_generated": int(tokens),
        "tokens_used": int(used_tokens),
    }


class PassRates:
    """How often each training problem was solved; those at or above a rate are not drawn again."""

    def __init__(
        self,
        problems: list[Problem],
        threshold: float | None,
        least_left: int,
        curriculum: Curriculum | None = None,
        settled_share: float = 1.0,
        seed: int = 0,
    ):
        """`curriculum`: is told what was solved, and says which problems a step leaves out. settled_share: with which
        probability a problem whose outcome is settled is drawn again, where it is less than 1."""
        self.threshold, self.curriculum = threshold, curriculum
        self.settled_share, self.seed = settled_share, seed
        self.left = least_left
        self.most = max(0, len(problems) - least_left)
        self.index = {id(problem): i for i, problem in enumerate(problems)}
        self.counts: dict[int, list[int]] = {}
        """Index -> [solved, sampled], the same on every rank; part of the checkpoint."""

    def add(self, trees: list[Tree], config: CotrainConfig, device: torch.device) -> None:
        """Counts a step's trees of all ranks. Collective; nothing to do where nothing depends on it."""
        if self.threshold is None and self.curriculum is None and self.settled_share == 1:
            return
        rows = []
        for tree in trees:
            # Further ones are where the first were mixed: together they are no measure of the problem.
            right = [bool(solved(solution, config)) for solution in trained(tree, config) if not solution.further]
            if right:
                rows.append([self.index[id(tree.problem)], sum(right), len(right)])
        table = torch.tensor(rows, dtype=torch.float64, device=device).reshape(-1, 3)
        for i, right, sampled in zero3.concatenated(table)[0].long().tolist():
            if self.curriculum is not None:
                self.curriculum.count(i, right, sampled)
            count = self.counts.setdefault(i, [0, 0])
            count[0] += right
            count[1] += sampled

    def skipped(self, step: int) -> frozenset[int]:
        """Indices not to be drawn in a step: outside its bands; retired, as long as its bands hold enough without; and
        settled ones, as many as leave enough."""
        out, retired = self.curriculum.outside(step) if self.curriculum else frozenset(), self.retired()
        if len(self.index) - len(out | retired) >= self.left:
            out |= retired
        settled = [i for i in self.settled(step) if i not in out]
        return out | frozenset(settled[: max(0, len(self.index) - len(out) - self.left)])

    def settled(self, step: int) -> list[int]:
        """Indices of problems that have been drawn and that chance leaves out of a step, the most settled ones first.

        Chance is that of the run's seed, the step and the problem: the same on every rank and when a run is resumed.
        """
        if self.settled_share == 1:
            return []
        counts = dict(enumerate(self.curriculum.counts)) if self.curriculum else self.counts
        chance = {i: max(self.settled_share, uncertainty(*count)) for i, count in counts.items() if count[1]}
        out = [i for i, share in chance.items() if random.Random(f"{self.seed}|{step}|{i}").random() >= share]
        return sorted(out, key=lambda i: (chance[i], i))

    def retired(self) -> frozenset[int]:
        """Indices not to be drawn again; enough for a step always stay, the least solved ones."""
        if self.threshold is None:
            return frozenset()
        rates = {i: right / sampled for i, (right, sampled) in self.counts.items() if sampled}
        solved_often = sorted((i for i in rates if rates[i] >= self.threshold), key=lambda i: (-rates[i], i))
        return frozenset(solved_often[: self.most])

    def state(self) -> list[list[int]]:
        return [[i, *count] for i, count in sorted(self.counts.items())]

    def restore(self, state: list[list[int]]) -> None:
        self.counts = {i: [right, sampled] for i, right, sampled in state}
