"""What every selection rule would have answered with a step's solutions: how the vote at test time fares, step by step.

A rule is left out where its keys have to be fitted before they mean anything, and of a problem where it reads what the
rollout has not got (a judge, the likelihood without the abstraction ...). Rules have their keys' defaults.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rlad.config.registry import rule
from rlad.reasoning.scores import candidates_of
from rlad.reasoning.tree import BARE, Tree
from rlad.selection import Candidate, credit, reads
from trainers.metrics.readings import Sums
from trainers.rewards.voters import Solved, answer_keys

VOTES = {method.name: f"vote_{method.name}" for method in rule if not isinstance(method.facts.get("fit"), str)}
"""Rule -> its name in metrics.jsonl."""


def add_votes(sums: Sums, tree: Tree, known: Sequence[Solved], plain: bool) -> None:
    """Adds to (sum, number of problems) of each rule how often its answer to this problem is right, ties at random.

    `known` are the tree's abstractions with their solutions. Without any its plain solutions vote where nobody proposes
    (`plain`), else nothing: a mean over both would tell of neither.
    """
    candidates, right = _candidates(tree, known) if known or plain else ([], [])
    for name, place in VOTES.items():
        if candidates and all(getattr(one, what) is not None for what in reads(name) for one in candidates):
            sums[place] += (credit(name, candidates, right), 1.0)


def _candidates(tree: Tree, known: Sequence[Solved]) -> tuple[list[Candidate], list[bool]]:
    """The solutions as rules see them, and which of them are right. An abstraction that nobody drew by itself (of a
    list, or a reference's) counts as drawn once; where no solution states a confidence, none was asked for."""
    if known:
        solutions = {(one.number, i): solution for one in known for i, solution in enumerate(one.solutions)}
        keys = [key for one in known for key in one.answers]
    else:
        judged = [solution for solution in tree.bare if solution.verdict is not None]
        solutions, keys = {(BARE, i): solution for i, solution in enumerate(judged)}, answer_keys(judged)
    candidates = candidates_of(tree, solutions, keys)
    asked = any(solution.confidence is not None for solution in solutions.values())
    counted = [
        replace(
            one,
            draws=max(1, one.draws),
            drawn=max(1, one.drawn),
            stated_confidence=one.stated_confidence if asked else None,
        )
        for one in candidates
    ]
    return counted, [solution.correct for solution in solutions.values()]
