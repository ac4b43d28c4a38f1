"""Verifier best-of-n: what a judge thinks of each solution, where one was asked.

The judge is the solver itself as a critic: P(right) is what it gives the word "right" at the end of its critique, next
to "wrong" (a generative verifier, 2408.15240, at once with its verdict). Probabilities of any other judge do as well:
they stand in the trees' column `judgement`.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from rlad.config.registry import rule
from rlad.selection.believing import best, log_weight
from rlad.selection.candidate import Candidate
from rlad.selection.rules import votes


@rule("best_judged", reads="judgement", best="judgement", source="2110.14168")
def best_judged(candidates: Sequence[Candidate]) -> dict[Hashable, float]:
    """The answer of the solution that the judge likes best (best-of-n by a verifier, 2110.14168).

    >>> drawn = [Candidate("A", judgement=0.9), Candidate("B", judgement=0.5), Candidate("B", judgement=0.6)]
    >>> best_judged(drawn)
    {'A': 0.9, 'B': 0.6}
    """
    return best(candidates, "judgement")


def _judged(candidate: Candidate, keys: None = None) -> float:
    return log_weight(candidate.judgement)


@rule("judged_majority", reads="judgement", log_weight=_judged, additive=True, source="2206.02336")
def judged_majority(candidates: Sequence[Candidate]) -> dict[Hashable, float]:
    """Each candidate votes with the judge's probability that it is right (verifier-weighted vote, 2206.02336).

    >>> drawn = [Candidate("A", judgement=0.75), Candidate("B", judgement=0.5), Candidate("B", judgement=0.5)]
    >>> judged_majority(drawn)
    {'A': 0.75, 'B': 1.0}
    """
    return votes(candidates, _judged)
