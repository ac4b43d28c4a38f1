"""The two players of a run that decode together, and what becomes of their texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evals.sweeping.pairs import pairs_of
from rlad.cli import PlainError
from rlad.config import RunConfig
from rlad.generation import Completion, Sampling
from rlad.generation.decoding.base import GrowingSequence
from rlad.players.roles import role_of
from rlad.problems import Problem, require_one_piece
from rlad.reasoning.pair import open_pair
from rlad.reasoning.reasoner import Reasoner
from rlad.reasoning.tree import Branch, Plan, Tree

Values = NDArray[np.float64]


class Players:
    """A run's trained pair, and the base of the player that is routed."""

    def __init__(self, run: RunConfig, folder: Path):
        """Raises PlainError for a run without a trained pair, a base, or one tokenizer of both.
        ProblemError where solutions call a tool."""
        require_one_piece(run.problems, "routing")
        pairs = {pair.checkpoint: pair for pair in pairs_of(run, folder)}
        if not {"warmstart", "cotrained"} <= set(pairs) or not pairs["cotrained"].abstraction:
            raise PlainError(f"Routing is between a base and a trained pair, and '{folder}' does not hold both.")
        before, after = pairs["warmstart"], pairs["cotrained"]
        self.run, self.proposes = run, role_of(run.routing.role).proposes
        base = before.abstraction if self.proposes else before.solution
        if base is None:
            raise PlainError(f"The base in '{folder}' writes no abstractions, so there is nothing to recover.")
        self.reasoner: Reasoner = open_pair(run, after.abstraction, after.solution)
        alone = open_pair(run, None, base)
        alone.judge_of.close()
        self.base, own = alone.solver, alone.solve_prompts
        self.trained = self.reasoner.proposer if self.proposes else self.reasoner.solver
        prompts = self.reasoner.propose_prompts if self.proposes else self.reasoner.solve_prompts
        require_one_vocabulary(own.tokenizer.get_vocab(), prompts.tokenizer.get_vocab())
        self.most = (run.abstraction if self.proposes else run.solution).max_new_tokens
        self._solved: dict[tuple[str, str], bool] = {}

    def trees(self, problems: Sequence[Problem]) -> list[Tree]:
        """A tree per problem; where solutions are routed, with the trained player's likeliest abstraction."""
        found = [Tree(problem) for problem in problems]
        if not self.proposes:
            one = Sampling(0.0, self.run.abstraction.max_new_tokens)
            self.reasoner.propose(found, Plan(1, 1, one, one))
        return [tree for tree in found if self.proposes or tree.branches]

    def prompt(self, tree: Tree) -> list[int]:
        """What the routed player is asked."""
        return self.reasoner.propose_ids(tree) if self.proposes else self.reasoner.guided_ids(tree, tree.branches[0])

    def right(self, trees: Sequence[Tree], rows: Sequence[GrowingSequence], samples: int) -> Values:
        """(P,) share of each problem's texts that lead to the right answer; rows: `samples` of every tree in turn.

        An abstraction is solved with greedily by the trained solver; one that is empty or unfinished solves nothing.
        """
        judged = self._abstractions if self.proposes else self._solutions
        flags = judged([trees[i // samples] for i in range(len(rows))], rows)
        return np.array(flags, float).reshape(len(trees), samples).mean(1)

    def _completion(self, row: GrowingSequence) -> Completion:
        ended = bool(row.ids) and row.ids[-1] in self.base.eos.tolist()
        return Completion(tuple(row.ids), (), "stop" if ended else "length", 0)

    def _solutions(self, owners: Sequence[Tree], rows: Sequence[GrowingSequence]) -> list[bool]:
        fresh = [Tree(tree.problem) for tree in owners]
        for tree, row in zip(fresh, rows, strict=True):
            tree.bare.append(self.reasoner.solution([], self._completion(row)))
        self.reasoner.judge(fresh)
        return [tree.bare[0].correct for tree in fresh]

    def _abstractions(self, owners: Sequence[Tree], rows: Sequence[GrowingSequence]) -> list[bool]:
        keys, todo = [], {}
        for owner, row in zip(owners, rows, strict=True):
            drawn = Tree(owner.problem)
            self.reasoner.add_draw(drawn, [], self._completion(row), distinct=True)
            text = drawn.branches[0].text if drawn.branches else ""
            keys.append((owner.problem.id, text))
            if text and keys[-1] not in self._solved:
                todo[keys[-1]] = Tree(owner.problem, branches=[Branch(text, text)])
        solve = Sampling(0.0, self.run.solution.max_new_tokens)
        self.reasoner.solve(list(todo.values()), Plan(1, 1, solve, solve))
        self.reasoner.judge(list(todo.values()))
        self._solved |= {key: tree.solutions[0].correct for key, tree in todo.items()}
        return [bool(text) and self._solved[problem, text] for problem, text in keys]


def require_one_vocabulary(base: dict[str, int], trained: dict[str, int]) -> None:
    """Raises PlainError where the same token is not the same number in both.

    >>> require_one_vocabulary({"a": 0}, {"a": 0})
    """
    if base != trained:
        raise PlainError(
            "Base and trained player have different tokenizers, so neither can go on with the other's text."
        )
