"""A trained pair from Python: open a run's folder, solve a problem, read the tree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rlad.cli import open_run
from rlad.config import RunConfig
from rlad.generation import Sampling
from rlad.problems.base import Problem
from rlad.reasoning.events import AnswerVotes
from rlad.reasoning.pair import newest_pair, open_pair
from rlad.reasoning.reasoner import Reasoner
from rlad.reasoning.tree import Plan, Tree
from rlad.reasoning.vote import Vote
from rlad.selection import certainty_window


@dataclass
class Pair:
    """Both players of a run, ready to solve."""

    run: RunConfig
    reasoner: Reasoner


@dataclass
class Answer:
    """What a pair makes of a problem."""

    text: str | None
    """The selected answer; None when no solution gives one."""
    votes: list[AnswerVotes]
    """Every answer with its weight, the selected one first."""
    tree: Tree
    """All abstractions and solutions, and the tokens that they cost."""


def load_pair(folder: str | Path, overrides: Sequence[str] = (), device: str = "auto") -> Pair:
    """The newest players of a run's folder (before co-training its base), or the pretrained ones that a configuration
    begins with; `overrides` are `key=value` changes.

    Raises ConfigError where there is no pair.
    """
    run, folder = open_run(folder, overrides)
    return Pair(run, open_pair(run, **newest_pair(run, folder), device=device))


def solve(
    pair: Pair, question: str, abstractions: int = 8, solutions: int = 1, select: str = "majority", seed: int = 0
) -> Answer:
    """Solves one problem breadth-first: `abstractions` different ones, `solutions` with each, one answer selected.

    Samples at the temperatures of the run's sweep. Raises ScoreMissing for a rule that reads what the players do not
    give.
    """
    sweep, roles = pair.run.sweep, pair.run.players
    sure = certainty_window([select], sweep.certainty_window)
    plan = Plan(
        abstractions,
        solutions,
        Sampling(sweep.propose_temperature, roles["abstraction"].max_new_tokens, seed),
        Sampling(sweep.solve_temperature, roles["solution"].max_new_tokens, seed + 1, certainty=sure),
        draws=math.ceil(abstractions * sweep.draw_factor),
    )
    tree = Tree(Problem("question", question, answer=""))
    pair.reasoner.propose([tree], plan)
    pair.reasoner.solve([tree], plan)
    pair.reasoner.score_for([tree], [select])
    vote = Vote(tree, select, pair.run.sweep.of(select))
    for number, branch in enumerate(tree.branches):
        for position, solution in enumerate(branch.solutions):
            vote.add((number, position), solution)
    votes, chosen = vote.votes(), vote.chosen()
    return Answer(vote.answers[chosen] if chosen else None, votes, tree)
