"""Votes by the number of samples: one each, or one for every time that their abstraction was proposed."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import log

from rlad.config.registry import rule
from rlad.selection.candidate import Candidate
from rlad.selection.outstanding import Outstanding
from rlad.selection.rules import votes


def _one(candidate: Candidate, keys: None = None) -> float:
    return 0.0


@rule("majority", log_weight=_one, additive=True, source="2203.11171")
def majority(candidates: Sequence[Candidate]) -> dict[Hashable, float]:
    """One candidate, one vote (self-consistency, 2203.11171).

    >>> majority([Candidate("A"), Candidate("B"), Candidate("B")])
    {'A': 1.0, 'B': 2.0}
    """
    return votes(candidates, _one)


def _drawn(candidate: Candidate, keys: None = None) -> float:
    return log(candidate.draws / candidate.solutions)


def _most_draws(outstanding: Outstanding, keys: None = None) -> float:
    """Solutions under way bring what their abstractions have; every further draw may add one to the same answer."""
    return sum(one.draws / one.solutions for one in outstanding.known) + outstanding.draws


@rule("draws", log_weight=_drawn, most=_most_draws)
def draws(candidates: Sequence[Candidate]) -> dict[Hashable, float]:
    """An abstraction has as many votes as times that it was proposed, shared evenly by its m solutions.

    Duplicates were paid for, and how often a player repeats itself is a free estimate of its belief: drawing until n
    abstractions differ, and then counting each once, throws it away. Of plain samples it is the majority.

    >>> draws([Candidate("A", branch=0, draws=2), Candidate("B", branch=1)])
    {'A': 2.0, 'B': 1.0}
    """
    return votes(candidates, _drawn)
