"""What a proposer's abstractions are worth: drawn, gated and solved with as everywhere, each text of a problem once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.concepts.proposers import Written
from evals.statistics import estimators as est
from evals.statistics.rounding import rounded
from rlad.config import RunConfig
from rlad.generation import Sampler, Sampling
from rlad.problems import Problem
from rlad.reasoning.reasoner import Reasoner
from rlad.reasoning.tree import Branch, Plan, Tree

Values = NDArray[np.float64]


def covered_within(right: Sequence[bool], tokens: Sequence[int], budget: float) -> bool:
    """Whether one of the solutions that fit into the budget, taken in their order, is right.

    >>> [covered_within([False, True, True], [20, 25, 25], budget) for budget in (44, 45, 70)]
    [False, True, True]
    """
    spent = np.cumsum(tokens)
    return any(flag for flag, so_far in zip(right, spent, strict=True) if so_far <= budget)


@dataclass
class Outcome:
    """What became of every problem's abstractions, in the order they were drawn."""

    right: list[list[bool]]
    """(P, up to n): whether the solution under each is right; False where the abstraction leaks."""
    tokens: list[list[int]]
    """Of these solutions; 0 where it leaks, for then nothing is solved."""
    draws: int
    valid: int
    """Draws that are finished and that the training documents know."""
    finished: int
    leaks: int

    @property
    def covered(self) -> Values:
        """(P,) whether any solution is right."""
        return np.array([any(own) for own in self.right], float)

    @property
    def first(self) -> Values:
        """(P,) whether the first is."""
        return np.array([any(own[:1]) for own in self.right], float)

    @property
    def distinct(self) -> Values:
        """(P,) abstractions."""
        return np.array([len(own) for own in self.right], float)

    @property
    def spent(self) -> Values:
        """(P,) tokens of solutions."""
        return np.array([sum(own) for own in self.tokens], float)

    def within(self, budgets: Values) -> Values:
        """(P,) whether each problem is covered by the solutions that fit into its budget."""
        parts = zip(self.right, self.tokens, budgets, strict=True)
        return np.array([covered_within(*part) for part in parts], float)

    def told(self, resamples: int) -> dict[str, Any]:
        """A row of the table."""
        cover, single = (est.bootstrap(own, resamples=resamples) for own in (self.covered, self.first))
        return {"coverage": rounded(cover.estimate), "ci95": rounded(cover.ci95),
                "first": rounded(single.estimate), "first_ci95": rounded(single.ci95),
                "distinct": rounded(self.distinct.mean()), "draws": rounded(self.draws / len(self.right)),
                "finished": rounded(self.finished / max(1, self.draws)),
                "valid": rounded(self.valid / max(1, self.draws)),
                "leaks": self.leaks, "solution_tokens": rounded(self.spent.mean(), 1)}  # fmt: skip


def compared(one: Outcome, other: Outcome, resamples: int) -> dict[str, Any]:
    """Coverage of one minus that of the other, paired by problem: at equal n, and within the solution tokens that the
    thriftier of both spends on the same problem."""
    budgets = np.minimum(one.spent, other.spent)
    pairs = {"equal_n": (one.covered, other.covered), "equal_tokens": (one.within(budgets), other.within(budgets))}
    found = {}
    for name, columns in pairs.items():
        gap = est.paired_difference(*columns, resamples=resamples)
        found[name] = {"difference": rounded(gap.estimate), "ci95": rounded(gap.ci95)}
    return found | {"tokens": rounded(budgets.mean(), 1)}


class Trials:
    """Tries proposers on problems with the run's own trained solver, greedily; the same text is solved with once."""

    def __init__(self, run: RunConfig, reasoner: Reasoner, known: set[str]):
        """known: canonical forms of the training documents' abstractions."""
        self.run, self.reasoner, self.known = run, reasoner, known
        self.solved: dict[tuple[str, str], tuple[bool, int]] = {}

    def canonical(self, text: str) -> str:
        """The identity of an abstraction."""
        world = self.reasoner.world
        return world.canonical_abstraction(text) if world else " ".join(text.split())

    def of(self, proposer: Sampler, problems: Sequence[Problem], temperature: float = 1.0) -> Outcome:
        """n distinct abstractions for each problem, as a sweep draws them, and what they are worth."""
        n, own = self.run.concepts.abstractions, self.reasoner.proposer
        propose = Sampling(temperature, self.run.abstraction.max_new_tokens, self.run.seed + 31)
        draws = math.ceil(n * self.run.sweep.draw_factor)
        plan = Plan(n, 1, propose, Sampling(0.0, self.run.solution.max_new_tokens), distinct=True, draws=draws)
        trees = [Tree(problem) for problem in problems]
        if isinstance(proposer, Written):
            proposer.know(self.reasoner, trees)
        self.reasoner.proposer = proposer
        try:
            self.reasoner.propose(trees, plan)
        finally:
            self.reasoner.proposer = own
        self.reasoner.gate(trees)
        self._solve(trees, plan)
        return self._outcome(trees)

    def _solve(self, trees: list[Tree], plan: Plan) -> None:
        todo = []
        for tree in trees:
            fresh = [Branch(branch.text, branch.key) for branch in tree.branches
                     if not branch.leak and (tree.problem.id, branch.text) not in self.solved]  # fmt: skip
            todo += [Tree(tree.problem, branches=fresh)] if fresh else []
        self.reasoner.solve(todo, replace(plan, solutions=1))
        self.reasoner.judge(todo)
        for tree in todo:
            for branch in tree.branches:
                (solution,) = branch.solutions
                self.solved[tree.problem.id, branch.text] = solution.correct, solution.tokens

    def _outcome(self, trees: list[Tree]) -> Outcome:
        results = [
            [(False, 0) if branch.leak else self.solved[tree.problem.id, branch.text] for branch in tree.branches]
            for tree in trees
        ]
        draws = [draw for tree in trees for draw in tree.draws]
        finished = [draw for draw in draws if draw.branch is not None]
        valid = sum(self.canonical(draw.text) in self.known for draw in finished)
        leaks = sum(branch.leak for tree in trees for branch in tree.branches)
        return Outcome([[right for right, _ in own] for own in results], [[used for _, used in own] for own in results],
                       len(draws), valid, len(finished), leaks)  # fmt: skip
