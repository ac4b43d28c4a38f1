"""Votes by how sure the solver was along a solution, by its whole next-token distributions.

Only the transformers sampler sees those (rlad/generation/certainty.py); of other samplers' solutions nobody knows, and
the rules are refused. `borda` and `deepconf` are the same votes by likelihood.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from rlad.config.registry import key, rule
from rlad.selection.candidate import Candidate
from rlad.selection.filtering import BordaKeys, ranked_votes, surest


@rule(
    "self_certainty", keys=BordaKeys, reads="self_certainty", source="2502.18581",
    fit={"power": (0.0, 0.3, 0.5, 0.7, 1.2, 2.0)},
)  # fmt: skip
def self_certainty(candidates: Sequence[Candidate], keys: BordaKeys) -> dict[Hashable, float]:
    """Candidates are ranked by self-certainty and vote with (N - rank + 1)^b (2502.18581).

    >>> from rlad.generation.base import Certainty
    >>> drawn = [Candidate(a, certainty=Certainty(s, 0, 0, 0, 0)) for a, s in [("A", 0.9), ("B", 0.5), ("B", 0.1)]]
    >>> {answer: round(score, 4) for answer, score in self_certainty(drawn, BordaKeys(power=0.5)).items()}
    {'A': 1.7321, 'B': 2.4142}
    """
    return ranked_votes(candidates, [candidate.self_certainty for candidate in candidates], keys.power)


@dataclass
class TraceConfidenceKeys:
    by: str = key("tail", one_of=("mean", "lowest", "bottom", "tail"))
    """Confidence of a whole solution: the mean over its tokens, over the window where it is lowest, over the tenth of
    its windows in which it is lowest, or over its last window."""
    keep: float = key(0.5, above=0, most=1)
    """Share of the most confident candidates that vote; .1 and .9 in the paper."""


@rule(
    "trace_confidence", keys=TraceConfidenceKeys, reads="certainty", source="2508.15260",
    fit={"by": ("mean", "lowest", "bottom", "tail"), "keep": (0.1, 0.5, 0.9)},
)  # fmt: skip
def trace_confidence(candidates: Sequence[Candidate], keys: TraceConfidenceKeys) -> dict[Hashable, float]:
    """The most confident candidates vote, each with its confidence by the top 20 tokens (DeepConf offline, 2508.15260).

    >>> from rlad.generation.base import Certainty
    >>> drawn = [Candidate("A", certainty=Certainty(0, 6, 1, 2, 3)), Candidate("B", certainty=Certainty(0, 5, 4, 4, 4))]
    >>> trace_confidence(drawn, TraceConfidenceKeys()), trace_confidence(drawn, TraceConfidenceKeys("mean", 1.0))
    ({'B': 4}, {'A': 6, 'B': 5})
    """
    found: dict[Hashable, float] = {}
    for one in surest(candidates, lambda candidate: getattr(candidate.certainty, keys.by), keys.keep):
        found[one.key] = found.get(one.key, 0) + getattr(one.certainty, keys.by)
    return found
