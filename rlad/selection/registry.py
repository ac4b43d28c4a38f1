"""What a selection rule is, and the table of all of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from math import isclose


@dataclass(frozen=True)
class Candidate:
    """One sampled solution, as a selection rule sees it."""

    key: Hashable | None
    """Equal keys are equivalent answers (see `group`); None = no valid answer: it was paid for, it cannot be chosen."""
    score: float | None = None
    """How much somebody believes in it: the score that the rule reads; None = nobody said, and rules that only count
    never ask."""


Rule = Callable[[Sequence[Candidate]], dict[Hashable, float]]
"""Candidates with an answer -> the score of each distinct answer. The highest wins."""

RULES: dict[str, Rule] = {}
READS: dict[str, str] = {}
"""Rule -> the score that it reads, for those that mean nothing without one: `likelihood` (the geometric mean of the
sample's token probabilities) or `stated_confidence` (what the solution says about itself). Whoever makes the candidates
looks here for what to score them by (rlad/reasoning/scores.py)."""
ADDITIVE: set[str] = set()
"""Names of the rules under which a candidate adds at most its score, or 1 where scores are ignored, to one answer."""


def rule(name: str, reads: str | None = None, additive: bool = False) -> Callable[[Rule], Rule]:
    """Registers a rule under the name by which configurations ask for it, with the score that it reads."""

    def register(function: Rule) -> Rule:
        if name in RULES:
            raise ValueError(f"There are two selection rules called '{name}'.")
        RULES[name] = function
        if reads:
            READS[name] = reads
        if additive:
            ADDITIVE.add(name)
        return function

    return register


def tally(name: str, candidates: Sequence[Candidate]) -> dict[Hashable, float]:
    """The score of each distinct answer under a rule.

    Raises ValueError for an unknown rule and for a candidate without the score that the rule reads: no rule runs on
    scores that nobody gave.

    >>> tally("weighted", [Candidate("A", 0.5), Candidate("B", 0.25), Candidate(None)])
    {'A': 0.5, 'B': 0.25}
    """
    if name not in RULES:
        raise ValueError(f"There is no selection rule '{name}'; there are: {', '.join(sorted(RULES))}.")
    answered = [candidate for candidate in candidates if candidate.key is not None]
    if name in READS and any(candidate.score is None for candidate in answered):
        raise ValueError(f"The selection rule '{name}' reads the {READS[name]} of every candidate, and one has none.")
    return RULES[name](answered)


def winners(name: str, candidates: Sequence[Candidate]) -> list[Hashable]:
    """All answers tied for the highest score, in the order in which they first appear; empty without any answer.

    >>> winners("majority", [Candidate("A"), Candidate("B"), Candidate(None)])
    ['A', 'B']
    """
    scores = tally(name, candidates)
    best = max(scores.values(), default=0.0)
    # Sums of the same weights in another order differ in the last bit; that is still a tie.
    return [key for key, score in scores.items() if isclose(score, best, rel_tol=1e-12, abs_tol=1e-300)]


def select(name: str, candidates: Sequence[Candidate]) -> int | None:
    """Index of the candidate to answer with, or None when none has an answer.

    Of the winning answer it is the best-scored candidate; ties fall to the earliest, so the choice is reproducible.

    >>> select("majority", [Candidate("A"), Candidate("B"), Candidate("B")])
    1
    """
    tied = winners(name, candidates)
    if not tied:
        return None
    indices = [i for i, candidate in enumerate(candidates) if candidate.key == tied[0]]
    return max(indices, key=lambda i: candidates[i].score or 0.0)


def credit(name: str, candidates: Sequence[Candidate], correct: Sequence[bool]) -> float:
    """Probability that the selected answer is right when ties are broken at random; `correct[i]` judges candidate i.

    >>> credit("majority", [Candidate("A"), Candidate("B")], [True, False])
    0.5
    """
    tied = winners(name, candidates)
    if not tied:
        return 0.0
    right = [
        [bool(flag) for candidate, flag in zip(candidates, correct, strict=True) if candidate.key == key]
        for key in tied
    ]
    return sum(sum(flags) / len(flags) for flags in right) / len(tied)
