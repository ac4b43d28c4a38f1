"""When a vote is over before everybody has voted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rlad.config.registry import rule
from rlad.selection.rules import Candidate, tally


def decided(name: str, candidates: Sequence[Candidate], outstanding: int, most: float = 1.0, keys: Any = None) -> bool:
    """Whether `outstanding` more candidates, each with a score of at most `most`, cannot change the winning answer.

    They could all vote for the runner-up, or for an answer that nobody has given yet. A tie counts as a change. Of a
    rule that is not a sum of votes nothing can be said early.

    >>> two_to_none = [Candidate("A"), Candidate("A")]
    >>> decided("majority", two_to_none, 1), decided("majority", two_to_none, 2), decided("majority", [], 1)
    (True, False, False)
    """
    if outstanding == 0:
        return True
    if not rule[name].facts.get("additive"):
        return False
    scores = sorted(tally(name, candidates, keys).values(), reverse=True)
    lead = sum(scores[:1]) - sum(scores[1:2])
    return lead > outstanding * most
