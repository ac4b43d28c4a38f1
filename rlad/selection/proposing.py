"""Votes by what the players themselves said: π_abs(z|x) of an abstraction, π_sol(y|x,z) of a solution.

The answer to select is the mode of p(a|x) = sum over z of π_abs(z|x) p(a|x,z). Distinct abstractions are a sample
without replacement, so their weights are their probabilities, not one each. Dividing by the mass of the whole set, as
a normalised weight would be, changes no winner and is left to whoever shows shares.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from math import exp, expm1, inf, log, log1p

from rlad.config.registry import key, rule
from rlad.selection.candidate import Candidate
from rlad.selection.outstanding import Outstanding
from rlad.selection.rules import votes

POWERS = (0.25, 0.35, 0.5, 0.7, 1.0, 1.5)
"""Powers of π_abs that are tried where one is fitted on validation problems."""


@dataclass
class ProposerKeys:
    alpha: float = key(1.0, least=0, most=10)
    """Power of π_abs: below 1 a flatter vote, 0 = equal votes."""


def _proposed(candidate: Candidate, keys: ProposerKeys) -> float:
    return keys.alpha * candidate.proposal - log(candidate.solutions)


def _most_proposed(outstanding: Outstanding, keys: ProposerKeys) -> float:
    """Abstractions that were proposed bring what they have; those still to come share the mass that is left."""
    known = sum(exp(_proposed(one, keys)) for one in outstanding.known)
    return known + outstanding.share(keys.alpha)


@rule(
    "proposer", keys=ProposerKeys, reads="proposal", log_weight=_proposed, most=_most_proposed,
    fit={"alpha": POWERS},
)  # fmt: skip
def proposer(candidates: Sequence[Candidate], keys: ProposerKeys) -> dict[Hashable, float]:
    """An abstraction votes with π_abs(z|x)^alpha, shared evenly by its m solutions. Of plain samples, the majority.

    >>> half, quarter = log(0.5), log(0.25)
    >>> drawn = [Candidate("A", branch=0, proposal=half), Candidate("B", branch=1, proposal=quarter)]
    >>> proposer(drawn, ProposerKeys()), proposer(drawn, ProposerKeys(alpha=0))
    ({'A': 0.5, 'B': 0.25}, {'A': 1.0, 'B': 1.0})
    """
    return votes(candidates, partial(_proposed, keys=keys))


@dataclass
class MarginalKeys:
    alpha: float = key(1.0, least=0, most=10)
    """Power of π_abs."""
    beta: float = key(1.0, least=0, most=10)
    """Power of π_sol."""


def _joint(candidate: Candidate, keys: MarginalKeys) -> float:
    return keys.alpha * candidate.proposal + keys.beta * candidate.logprob


def _most_joint(outstanding: Outstanding, keys: MarginalKeys) -> float:
    """The solutions of one abstraction are different texts or one vote, so together they have at most its mass."""
    by_branch: dict[Hashable, list[Candidate]] = {}
    for one in outstanding.known:
        by_branch.setdefault(one.branch, []).append(one)
    known = sum(
        exp(keys.alpha * several[0].proposal) * len(several) ** max(0.0, 1 - keys.beta)
        for several in by_branch.values()
    )
    return known + outstanding.share(keys.alpha) * outstanding.solutions ** max(0.0, 1 - keys.beta)


@rule(
    "marginal", keys=MarginalKeys, reads=("proposal", "logprob"), log_weight=_joint, most=_most_joint, once=True,
    fit={"alpha": POWERS, "beta": (0.0, 0.25, 0.5, 1.0)},
)  # fmt: skip
def marginal(candidates: Sequence[Candidate], keys: MarginalKeys) -> dict[Hashable, float]:
    """Every distinct pair of abstraction and solution votes with π_abs(z|x)^alpha π_sol(y|x,z)^beta.

    With both powers 1 that is the part of p(a|x) that the samples have found, exactly. Of plain samples: distinct texts
    weighted by their own likelihood (summed likelihoods where answers are sparse, 2402.13212).

    >>> half = log(0.5)
    >>> drawn = [Candidate("A", half, text="a", branch=0, proposal=half), Candidate("B", 0.0, branch=1, proposal=half)]
    >>> marginal([*drawn, drawn[0]], MarginalKeys())  # the second "a" adds nothing
    {'A': 0.25, 'B': 0.5}
    """
    return votes(candidates, partial(_joint, keys=keys), once=True)


def _inclusion(proposal: float, drawn: int) -> float:
    """log of the probability that an abstraction of log-probability `proposal` is among `drawn` i.i.d. proposals.

    >>> round(exp(_inclusion(log(0.5), 2)), 4)  # 1 - .5^2
    0.75
    """
    if proposal >= 0:
        return 0.0
    never = drawn * log1p(-exp(proposal))
    return log(-expm1(never)) if never < 0 else log(drawn) + proposal


def _corrected(candidate: Candidate, keys: None = None) -> float:
    return candidate.proposal - _inclusion(candidate.proposal, candidate.drawn) - log(candidate.solutions)


def _most_corrected(outstanding: Outstanding, keys: None = None) -> float:
    """While proposals are still drawn the weights of all change; after that they are known."""
    return inf if outstanding.draws else sum(exp(_corrected(one)) for one in outstanding.known)


@rule("horvitz_thompson", reads="proposal", log_weight=_corrected, most=_most_corrected, source="1903.06059")
def horvitz_thompson(candidates: Sequence[Candidate]) -> dict[Hashable, float]:
    """An abstraction votes with π_abs(z|x) / P(it is among the proposals drawn), shared evenly by its m solutions.

    The unbiased estimate of p(a|x) from a sample without replacement (1903.06059): sure proposals weigh their
    probability, rare ones that were found weigh for all that were not, each about 1 / proposals. P is
    1 - (1 - π_abs)^proposals, exact where a fixed number of them is drawn at temperature 1; a tree that stops at the
    n-th distinct one draws a random number. Of plain samples it is the majority.

    >>> half, tenth = log(0.5), log(0.1)
    >>> drawn = [Candidate("A", proposal=half, drawn=2, branch=0), Candidate("B", proposal=tenth, drawn=2, branch=1)]
    >>> {answer: round(weight, 4) for answer, weight in horvitz_thompson(drawn).items()}  # .5 / .75, .1 / .19
    {'A': 0.6667, 'B': 0.5263}
    """
    return votes(candidates, _corrected)
