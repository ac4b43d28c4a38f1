"""Rules that leave candidates or answers out before they choose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from math import ceil

from rlad.config.registry import key, rule
from rlad.selection.believing import best, weighted_majority
from rlad.selection.candidate import Candidate
from rlad.selection.counting import majority


@dataclass
class UniformFilteredKeys:
    agreement: float = key(1.0, above=0, most=1)
    """Share of an abstraction's solutions that must give the same answer."""


@rule("uniform_filtered", keys=UniformFilteredKeys, source="2509.17905")
def uniform_filtered(candidates: Sequence[Candidate], keys: UniformFilteredKeys) -> dict[Hashable, float]:
    """One vote for each abstraction whose solutions agree, for the answer on which they do (2509.17905).

    An abstraction that nobody follows in the same way twice is unstable and is left out; that takes m of at least 2
    solutions. Where none is stable all are kept, each vote shared by the abstraction's answers. Of plain samples it is
    the majority.

    >>> def under(branch, *answers): return [Candidate(a, branch=branch, solutions=len(answers)) for a in answers]
    >>> uniform_filtered([*under(0, "A", "A"), *under(1, "B", "C")], UniformFilteredKeys())
    {'A': 1.0}
    """
    together: dict[Hashable, list[Candidate]] = {}
    for place, candidate in enumerate(candidates):
        branch = ("sample", place) if candidate.branch is None else ("branch", candidate.branch)
        together.setdefault(branch, []).append(candidate)
    shares, stable = Counter(), Counter()
    for several in together.values():
        counted = Counter(candidate.key for candidate in several)
        answer, most = counted.most_common(1)[0]
        if most >= keys.agreement * several[0].solutions:
            stable[answer] += 1.0
        for one, count in counted.items():
            shares[one] += count / several[0].solutions
    return dict(stable or shares)


@dataclass
class BestOfMajorityKeys:
    frequency: float = key(0.5, least=0, most=1)
    """Votes that an answer needs to be looked at, as a share of the most frequent answer's."""


@rule("best_of_majority", keys=BestOfMajorityKeys, reads="likelihood", source="2510.03199")
def best_of_majority(candidates: Sequence[Candidate], keys: BestOfMajorityKeys) -> dict[Hashable, float]:
    """Among the frequent answers the one of the most confident candidate (Best-of-Majority, 2510.03199).

    >>> from math import log
    >>> drawn = [Candidate("A", log(0.5)), Candidate("A", log(0.25)), Candidate("B", 0.0)]
    >>> best_of_majority(drawn, BestOfMajorityKeys(frequency=0.6))  # B has half of A's votes
    {'A': 0.5}
    """
    counted = majority(candidates)
    least = keys.frequency * max(counted.values(), default=0.0)
    return best([candidate for candidate in candidates if counted[candidate.key] >= least], "likelihood")


@dataclass
class BordaKeys:
    power: float = key(0.5, least=0, most=10)
    """b of the vote (N - rank + 1)^b: 0 = majority, large = best-of-n."""


@rule("borda", keys=BordaKeys, reads="likelihood", source="2502.18581", fit={"power": (0.0, 0.3, 0.5, 0.7, 1.2, 2.0)})
def borda(candidates: Sequence[Candidate], keys: BordaKeys) -> dict[Hashable, float]:
    """Candidates are ranked by confidence and vote with (N - rank + 1)^b (2502.18581); ties share their mean rank.

    The rank here is by likelihood, which every sampler gives; the paper's own is the rule `self_certainty`.

    >>> from math import log
    >>> drawn = [Candidate("A", log(0.9)), Candidate("B", log(0.5)), Candidate("B", log(0.4))]
    >>> {answer: round(score, 4) for answer, score in borda(drawn, BordaKeys(power=0.5)).items()}
    {'A': 1.7321, 'B': 2.4142}
    >>> borda(drawn, BordaKeys(power=2))
    {'A': 9.0, 'B': 5.0}
    """
    return ranked_votes(candidates, [candidate.likelihood for candidate in candidates], keys.power)


def ranked_votes(candidates: Sequence[Candidate], values: Sequence[float], power: float) -> dict[Hashable, float]:
    """Votes (N - rank + 1)^power of candidates that are ranked by some values, the highest first.

    >>> ranked_votes([Candidate("A"), Candidate("B"), Candidate("B")], [3.0, 1.0, 1.0], 1.0)
    {'A': 3.0, 'B': 3.0}
    """
    found: dict[Hashable, float] = {}
    for candidate, value in zip(candidates, values, strict=True):
        below, equal = sum(other < value for other in values), values.count(value)
        found[candidate.key] = found.get(candidate.key, 0.0) + (below + (equal + 1) / 2) ** power
    return found


@dataclass
class DeepconfKeys:
    keep: float = key(0.5, above=0, most=1)
    """Share of the most confident candidates that vote."""


@rule("deepconf", keys=DeepconfKeys, reads="likelihood", source="2508.15260", fit={"keep": (0.1, 0.25, 0.5, 0.75, 0.9)})
def deepconf(candidates: Sequence[Candidate], keys: DeepconfKeys) -> dict[Hashable, float]:
    """The most confident candidates vote, each with its confidence (DeepConf offline, 2508.15260).

    Confidence is the likelihood here, which every sampler gives; by the paper's own it is the rule `trace_confidence`.
    At least one candidate is kept.

    >>> from math import log
    >>> drawn = [Candidate("A", log(0.5)), Candidate("B", log(0.25)), Candidate("B", log(0.25)), Candidate("B", -9.0)]
    >>> deepconf(drawn, DeepconfKeys(keep=0.25))
    {'A': 0.5}
    """
    return weighted_majority(surest(candidates, lambda candidate: candidate.likelihood, keys.keep))


def surest(candidates: Sequence[Candidate], value: Callable[[Candidate], float], keep: float) -> list[Candidate]:
    """The share `keep` of the candidates whose value is highest, at least one; equal ones in their order.

    >>> [one.key for one in surest([Candidate("A", -1.0), Candidate("B", -0.5)], lambda one: one.logprob, 0.1)]
    ['B']
    """
    ranked = sorted(candidates, key=lambda candidate: -value(candidate))
    return ranked[: max(1, ceil(keep * len(ranked)))]
