"""When a vote is over before everybody has voted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rlad.config.registry import rule
from rlad.selection.candidate import Candidate
from rlad.selection.outstanding import Outstanding
from rlad.selection.rules import FAINT, tally


def decided(name: str, candidates: Sequence[Candidate], outstanding: Outstanding, keys: Any = None) -> bool:
    """Whether what is outstanding cannot change the winning answer, wherever it goes.

    It could all go to the runner-up, or to an answer that nobody has given yet. A tie counts as a change. Of a rule
    that is not a sum of votes nothing can be said early.

    >>> two_to_none = [Candidate("A"), Candidate("A")]
    >>> [decided("majority", two_to_none, Outstanding([Candidate(None)] * more)) for more in (1, 2)]
    [True, False]
    >>> from math import log
    >>> drawn = [Candidate("A", branch=0, proposal=log(0.6)), Candidate("B", branch=1, proposal=log(0.1))]
    >>> decided("proposer", drawn, Outstanding(branches=9, mass=0.3)), decided("majority", drawn, Outstanding())
    (True, True)
    """
    if not outstanding.count and not outstanding.draws:
        return True
    method = rule[name]
    facts, keys = method.facts, keys or (method.keys() if method.keys else None)
    if "most" not in facts and not facts.get("additive"):
        return False
    answered = [one for one in candidates if one.key is not None]
    if "log_weight" in facts and all(facts["log_weight"](one, keys) < FAINT for one in answered):
        return False  # these weights are relative to each other, so what is outstanding cannot be held against them
    most = facts["most"](outstanding, keys) if "most" in facts else outstanding.count
    scores = sorted(tally(name, candidates, keys).values(), reverse=True)
    # Sums of the same weights in another order differ in the last bits: what is ahead by them alone may be caught up.
    return sum(scores[:1]) - sum(scores[1:2]) > most + 1e-9 * sum(scores)
