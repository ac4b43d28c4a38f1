"""Votes by how much a solution is believed: its likelihood, or the confidence that it states."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import exp, inf, log

from rlad.config.registry import rule
from rlad.selection.candidate import Candidate
from rlad.selection.rules import shift_of, votes


def log_weight(score: float) -> float:
    """The logarithm of a weight; raises ValueError for a negative one: it would reward answers for being rare."""
    if not score >= 0:  # also refuses nan
        raise ValueError(f"A weighted vote needs scores of at least 0; got {score}.")
    return log(score) if score else -inf


def _likely(candidate: Candidate, keys: None = None) -> float:
    return log_weight(candidate.likelihood)


@rule("weighted_majority", reads="likelihood", log_weight=_likely, additive=True)
def weighted_majority(candidates: Sequence[Candidate]) -> dict[Hashable, float]:
    """Each candidate votes with its likelihood, the geometric mean of its tokens' probabilities.

    >>> sure, unsure = Candidate("A", log(0.9)), Candidate("B", log(0.25))
    >>> {answer: round(weight, 4) for answer, weight in weighted_majority([sure, unsure, unsure]).items()}
    {'A': 0.9, 'B': 0.5}
    """
    return votes(candidates, _likely)


def _stated(candidate: Candidate, keys: None = None) -> float:
    return log_weight(candidate.stated_confidence)


@rule("stated_majority", reads="stated_confidence", log_weight=_stated, additive=True, source="2507.16806")
def stated_majority(candidates: Sequence[Candidate]) -> dict[Hashable, float]:
    """Each candidate votes with the confidence that it states about itself (RLCR, 2507.16806); silence weighs nothing.

    >>> sure, silent = Candidate("A", stated_confidence=0.5), Candidate("B", stated_confidence=0.0)
    >>> stated_majority([sure, silent, silent])
    {'A': 0.5, 'B': 0.0}
    """
    return votes(candidates, _stated)


@rule("best_stated", reads="stated_confidence", best="stated_confidence", source="2507.16806")
def best_stated(candidates: Sequence[Candidate]) -> dict[Hashable, float]:
    """The answer of the solution that states the highest confidence (RLCR's max-confidence, 2507.16806).

    >>> sure, half = Candidate("A", stated_confidence=0.9), Candidate("B", stated_confidence=0.5)
    >>> best_stated([sure, half, half])
    {'A': 0.9, 'B': 0.5}
    """
    return best(candidates, "stated_confidence")


def best(candidates: Sequence[Candidate], score: str) -> dict[Hashable, float]:
    """The highest score among each answer's candidates; `score` names what they are scored by.

    >>> best([Candidate("A", proposal=-2.0), Candidate("A", proposal=-1.0), Candidate("B", proposal=-3.0)], "proposal")
    {'A': -1.0, 'B': -3.0}
    """
    found: dict[Hashable, float] = {}
    for candidate in candidates:
        value = getattr(candidate, score)
        found[candidate.key] = max(found.get(candidate.key, value), value)
    return found


@rule("max-confidence", reads="likelihood", best="likelihood")
def max_confidence(candidates: Sequence[Candidate]) -> dict[Hashable, float]:
    """The answer of the single most confident candidate (best-of-n by likelihood).

    >>> drawn = [Candidate("A", log(0.5)), Candidate("B", log(0.25)), Candidate("B", log(0.25))]
    >>> max_confidence(drawn)
    {'A': 0.5, 'B': 0.25}
    """
    return best(candidates, "likelihood")


@rule("most_probable", reads=("proposal", "logprob"), best="joint")
def most_probable(candidates: Sequence[Candidate]) -> dict[Hashable, float]:
    """The answer of the single most probable pair of abstraction and solution (best-of-n by π_abs π_sol).

    >>> half = log(0.5)
    >>> most_probable([Candidate("A", half, proposal=half), Candidate("B", 0.0, proposal=half)])
    {'A': 0.25, 'B': 0.5}
    """
    logs = best(candidates, "joint")
    shift = shift_of(list(logs.values()))
    return {key: exp(value - shift) for key, value in logs.items()}
