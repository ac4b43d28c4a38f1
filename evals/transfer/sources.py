"""Whose abstractions a solver is given, and the controls that keep all of them but what they say."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from evals.samples.trees import Grown
from rlad.cli import PlainError
from rlad.config import RunConfig, is_url
from rlad.config.transfer import SOURCES
from rlad.problems import Problem, World, world_of

LABELS = {
    "own": "the run's abstractions",
    "irrelevant": "another problem's",
    "shuffled": "their words shuffled",
    "oracle": "a right one",
    "pair": "the solver's own proposer's",
}
"""The sources of `transfer.sources` in words."""


def right_abstraction(problem: Problem, world: World | None) -> str | None:
    """The abstraction that the data or the world knows to be right; None where neither does."""
    return problem.abstraction or (world.right_abstraction(problem) if world else None)


def sources_for(
    run: RunConfig, problems: Mapping[str, Sequence[Problem]], alone: str | None, proposer: str = ""
) -> tuple[list[str], list[str]]:
    """The sources that there are, and a sentence for each that had to be left out; `alone`: the solver in words where
    it has no proposer of its own, `proposer`: the place of the run's.

    Raises PlainError for one that `transfer.sources` names and that is not there.
    """
    lacking = {}
    if alone:
        lacking["pair"] = f"The {alone} has no proposer of its own, so there are no abstractions of its pair."
    if min(map(len, problems.values())) < 2:
        lacking["irrelevant"] = "An irrelevant abstraction is another problem's, and there is only one problem."
    world = world_of(run.problems)
    if any(right_abstraction(problem, world) is None for several in problems.values() for problem in several):
        lacking["oracle"] = (
            f"Neither the data nor the world of problems.source={run.problems.source} states a right abstraction of "
            "every problem, so there is no oracle."
        )
    if is_url(proposer):
        lacking["oracle"] = f"Nobody counts the tokens of a given text behind {proposer}, so there is no oracle."
    for source in run.transfer.sources:
        if source in lacking:
            raise PlainError(lacking[source])
    return [one for one in run.transfer.sources or SOURCES if one not in lacking], list(lacking.values())


def irrelevant(proposed: Sequence[Grown], seed: int | str) -> list[Grown]:
    """Every problem's proposals, drafted for another problem: a random cycle, so that each set is used exactly once
    and the tokens are the same.

    Raises ValueError for a single problem.

    >>> from evals.samples.trees import Draws
    >>> known = [Grown(Draws([text], [1], [None])) for text in "abc"]
    >>> sorted(one.draws.text[0] for one in irrelevant(known, 0))
    ['a', 'b', 'c']
    >>> any(one is own for one, own in zip(irrelevant(known, 0), known))
    False
    """
    if len(proposed) < 2:
        raise ValueError("An irrelevant abstraction is another problem's, and there is only one problem.")
    order = list(range(len(proposed)))
    random.Random(f"{seed}|irrelevant").shuffle(order)
    found = list(proposed)
    for place, after in zip(order, [*order[1:], order[0]], strict=True):
        found[place] = proposed[after]
    return found


def shuffled(proposed: Sequence[Grown], seed: int | str) -> list[Grown]:
    """The same proposals with the words of every abstraction in another order."""
    rng = random.Random(f"{seed}|shuffled")
    return [
        replace(one, branches=[replace(b, abstraction=permuted(b.abstraction, rng)) for b in one.branches])
        for one in proposed
    ]


def permuted(text: str, rng: random.Random) -> str:
    """The words of a text in a random order that is not its own; a text of equal words stays.

    >>> permuted("2 a", random.Random(0)), permuted("a a", random.Random(0))
    ('a 2', 'a a')
    """
    given = text.split()
    if len(set(given)) < 2:
        return text
    mixed = list(given)
    while mixed == given:
        rng.shuffle(mixed)
    return " ".join(mixed)
