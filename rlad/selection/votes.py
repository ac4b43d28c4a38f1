"""Rules that let candidates vote for their answers."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from rlad.config.registry import rule
from rlad.selection.rules import Candidate


@rule("majority", additive=True)
def majority(candidates: Sequence[Candidate]) -> dict[Hashable, float]:
    """One candidate, one vote (self-consistency, 2203.11171).

    >>> majority([Candidate("A", 0.9), Candidate("B", 0.3), Candidate("B", 0.3)])
    {'A': 1.0, 'B': 2.0}
    """
    votes: dict[Hashable, float] = {}
    for candidate in candidates:
        votes[candidate.key] = votes.get(candidate.key, 0.0) + 1.0
    return votes


@rule("weighted_majority", reads="likelihood", additive=True)  # its name in the server's API
@rule("weighted", reads="likelihood", additive=True)
def weighted(candidates: Sequence[Candidate]) -> dict[Hashable, float]:
    """Each candidate votes with its score: argmax_a of the sum of q_i over candidates that answer a.

    Scores must be non-negative: a vote against would reward answers for being rare.

    >>> weighted([Candidate("A", 0.9), Candidate("B", 0.25), Candidate("B", 0.25)])
    {'A': 0.9, 'B': 0.5}
    """
    votes: dict[Hashable, float] = {}
    for candidate in candidates:
        if not candidate.score >= 0:  # also refuses nan
            raise ValueError(f"A weighted vote needs scores of at least 0; got {candidate.score}.")
        votes[candidate.key] = votes.get(candidate.key, 0.0) + candidate.score
    return votes


@rule("stated_majority", reads="stated_confidence", additive=True)
def stated_majority(candidates: Sequence[Candidate]) -> dict[Hashable, float]:
    """Each candidate votes with the confidence that it states about itself (RLCR, 2507.16806); silence weighs nothing.

    >>> stated_majority([Candidate("A", 0.9), Candidate("B", 0.0), Candidate("B", 0.0)])
    {'A': 0.9, 'B': 0.0}
    """
    return weighted(candidates)


@rule("max-confidence", reads="likelihood")
def max_confidence(candidates: Sequence[Candidate]) -> dict[Hashable, float]:
    """The answer of the single best-scored candidate (best-of-n).

    >>> max_confidence([Candidate("A", 0.9), Candidate("B", 0.5), Candidate("B", 0.5)])
    {'A': 0.9, 'B': 0.5}
    """
    best: dict[Hashable, float] = {}
    for candidate in candidates:
        best[candidate.key] = max(best.get(candidate.key, candidate.score), candidate.score)
    return best
