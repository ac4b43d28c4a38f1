"""Groups: the attempts whose rewards are compared.

Groups are objects of the tree (a problem's draws, a branch's solutions), never stretches of a flat list, so a missing
sample cannot shift credit to a neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass

from rlad.config import CotrainConfig
from rlad.reasoning.tree import Solution, Tree


@dataclass(frozen=True)
class AttemptGroup:
    """A solver's attempts and their second attempts; the lists are the tree's own."""

    abstraction: str | None
    """What they were written with, where that is one abstraction."""
    attempts: list[Solution]
    refined: list[Solution]


def groups(tree: Tree, config: CotrainConfig) -> list[AttemptGroup]:
    """The attempts that the solver learns from, one group per prompt; groups without an attempt are left out."""
    bare = [AttemptGroup(None, tree.bare, tree.refined)] if tree.bare else []
    if config.abstractions == 0:
        return bare
    guided = [AttemptGroup(b.text, b.solutions, b.refined) for b in tree.branches if b.solutions]
    return guided + bare if config.bare.paid else guided


def compared(tree: Tree, config: CotrainConfig) -> list[AttemptGroup]:
    """The groups whose rewards share a baseline: one per prompt, or all of a problem's (`solution_group=problem`)."""
    found = groups(tree, config)
    if config.solution_group != "problem" or not found:
        return found
    attempts = [solution for group in found for solution in group.attempts]
    return [AttemptGroup(None, attempts, [solution for group in found for solution in group.refined])]
