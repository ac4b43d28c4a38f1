"""What a selection rule sees, and what follows from the scores that it gives.

A rule is one file with a function under `@rule`: candidates with an answer -> the score of each distinct answer, of
which the highest wins. It declares `reads=` when it means nothing without a score of the candidates, and
`additive=True` when a candidate adds at most its score, or 1 where scores are ignored, to one answer.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import isclose
from typing import Any

from rlad.config.registry import rule


@dataclass(frozen=True)
class Candidate:
    """One sampled solution, as a selection rule sees it."""

    key: Hashable | None
    """Equal keys are equivalent answers (see `group`); None = no valid answer: it was paid for, it cannot be chosen."""
    score: float | None = None
    """How much somebody believes in it: the score that the rule reads; None = nobody said, and rules that only count
    never ask."""


def reads(name: str) -> str | None:
    """The score that a rule reads, None for one that only counts.

    `likelihood` is the geometric mean of the sample's token probabilities, `stated_confidence` what the solution says
    about itself. Whoever makes the candidates asks here for what to score them by (rlad/reasoning/scores.py).
    """
    return rule[name].facts.get("reads")


def tally(name: str, candidates: Sequence[Candidate], keys: Any = None) -> dict[Hashable, float]:
    """The score of each distinct answer under a rule (a name or `module:attribute`), in the order of first appearance.

    Args:
        keys: the rule's own keys; None = their defaults.

    Raises ValueError for an unknown rule and for a candidate without the score that the rule reads: no rule runs on
    scores that nobody gave.

    >>> tally("weighted", [Candidate("A", 0.5), Candidate("B", 0.25), Candidate(None)])
    {'A': 0.5, 'B': 0.25}
    """
    answered = [candidate for candidate in candidates if candidate.key is not None]
    if reads(name) and any(candidate.score is None for candidate in answered):
        raise ValueError(f"The selection rule '{name}' reads the {reads(name)} of every candidate, and one has none.")
    return rule[name].bound(keys)(answered)


def winners(name: str, candidates: Sequence[Candidate], keys: Any = None) -> list[Hashable]:
    """All answers tied for the highest score, in the order in which they first appear; empty without any answer.

    >>> winners("majority", [Candidate("A"), Candidate("B"), Candidate(None)])
    ['A', 'B']
    """
    scores = tally(name, candidates, keys)
    best = max(scores.values(), default=0.0)
    # Sums of the same weights in another order differ in the last bit; that is still a tie.
    return [key for key, score in scores.items() if isclose(score, best, rel_tol=1e-12, abs_tol=1e-300)]


def select(name: str, candidates: Sequence[Candidate], keys: Any = None) -> int | None:
    """Index of the candidate to answer with, or None when none has an answer.

    Of the winning answer it is the best-scored candidate; ties fall to the earliest, so the choice is reproducible.

    >>> select("majority", [Candidate("A"), Candidate("B"), Candidate("B")])
    1
    """
    tied = winners(name, candidates, keys)
    if not tied:
        return None
    indices = [i for i, candidate in enumerate(candidates) if candidate.key == tied[0]]
    return max(indices, key=lambda i: candidates[i].score or 0.0)


def credit(name: str, candidates: Sequence[Candidate], correct: Sequence[bool], keys: Any = None) -> float:
    """Probability that the selected answer is right when ties are broken at random; `correct[i]` judges candidate i.

    >>> credit("majority", [Candidate("A"), Candidate("B")], [True, False])
    0.5
    """
    tied = winners(name, candidates, keys)
    if not tied:
        return 0.0
    right = [
        [bool(flag) for candidate, flag in zip(candidates, correct, strict=True) if candidate.key == key]
        for key in tied
    ]
    return sum(sum(flags) / len(flags) for flags in right) / len(tied)
