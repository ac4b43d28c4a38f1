"""Hand-made judged trees."""

from rlad.generation import Completion
from rlad.problems.base import Problem
from rlad.reasoning.tree import Branch, Draw, Solution, Tree
from rlad.verifier import Outcome, Verdict


def solution(correct, adheres=None, tokens=3):
    outcome = Outcome.correct if correct else Outcome.incorrect
    completion = Completion(tuple(range(tokens)), (0.0,) * tokens, "stop", 0)
    return Solution([1, 2], completion, "text", Verdict(outcome, "", None, None, 0.0), adheres)


def tree(rewards=(), bare=(), repeats=(), leaks=(), adheres=None):
    """`rewards[i][j]`: whether solution j under abstraction i is right; `repeats`: branches drawn once more."""
    made = Tree(Problem("p", "question", "1"))
    for i, row in enumerate(rewards):
        made.branches.append(Branch(f"z{i}", f"z{i}", i in leaks, [solution(c, adheres) for c in row]))
    for i in [*range(len(rewards)), *repeats]:
        made.draws.append(Draw([1], Completion((i,), (0.0,), "stop", 0), f"z{i}", i))
    made.bare = [solution(c) for c in bare]
    return made
