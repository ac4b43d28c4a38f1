"""Which number a request has in its seed's stream (`Sampling.numbers`): no other tree's texts decide about it.

Each has the number that it has when all trees before its own draw and solve all that they may. So a tree's requests can
be sent before it is known how others come out, and it samples the same then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

from rlad.generation.base import Sampling
from rlad.reasoning.tree import Plan, Tree


def reseeded(sampling: Sampling, offset: int) -> Sampling:
    """Of a later round of draws."""
    return Sampling(sampling.temperature, sampling.max_new_tokens, sampling.seed * 1009 + offset)


def list_sampling(plan: Plan, number: int) -> Sampling:
    """Of a list of so many abstractions."""
    return replace(plan.propose, max_new_tokens=number * plan.propose.max_new_tokens)


def draw_numbers(trees: Sequence[Tree], plan: Plan) -> list[int]:
    """Of every tree's first draw of a round, one more than there are trees."""
    return list(accumulate((plan.of(tree).abstractions for tree in trees), initial=0))


def solution_numbers(trees: Sequence[Tree], plan: Plan, lagged: bool = False) -> list[list[range]]:
    """By tree and by branch: those of the solutions that are sampled at once, by a lagged solver all of them.

    >>> from rlad.problems.base import Problem
    >>> plan = Plan(2, (2, 1), Sampling(), Sampling())
    >>> solution_numbers([Tree(Problem("", "", "")), Tree(Problem("", "", ""))], plan)
    [[range(0, 2), range(2, 3)], [range(3, 5), range(5, 6)]]
    """
    found, start = [], 0
    for tree in trees:
        own, ends = plan.of(tree), [start]
        for index in range(max(own.abstractions, len(tree.branches))):
            ends.append(ends[-1] + (own.solutions_of(index) if lagged else own.first_of(index)))
        found.append([range(*pair) for pair in pairwise(ends)])
        start = ends[-1]
    return found
