"""A vote by what the solver thinks of a solution without the abstraction under which it was written."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from math import exp

from rlad.config.registry import key, rule
from rlad.selection.candidate import Candidate
from rlad.selection.outstanding import Outstanding
from rlad.selection.proposing import POWERS
from rlad.selection.rules import votes


@dataclass
class UnguidedKeys:
    alpha: float = key(0.0, least=0, most=10)
    """Power of π_abs: how much the proposer's own belief counts beside."""
    beta: float = key(1.0, least=0, most=10)
    """Power of the solution's likelihood without the abstraction."""


def _unguided(candidate: Candidate, keys: UnguidedKeys) -> float:
    return keys.alpha * candidate.proposal + keys.beta * candidate.unguided


def _most_unguided(outstanding: Outstanding, keys: UnguidedKeys) -> float:
    """Nobody knows how likely solutions are that are not written yet: at most certain, each."""
    known = sum(exp(keys.alpha * one.proposal) for one in outstanding.known)
    return known + outstanding.share(keys.alpha) * outstanding.solutions


@rule(
    "unguided", keys=UnguidedKeys, reads=("proposal", "unguided"), log_weight=_unguided, most=_most_unguided, once=True,
    fit={"alpha": (0.0, *POWERS), "beta": (0.5, 1.0)},
)  # fmt: skip
def unguided(candidates: Sequence[Candidate], keys: UnguidedKeys) -> dict[Hashable, float]:
    """Every distinct solution votes with π_abs(z|x)^alpha π_sol(y|x)^beta, its likelihood *without* its abstraction.

    Under its abstraction a solution is nearly certain whether the abstraction is right or not, so π_sol(y|x,z) cannot
    tell them apart; what the same solver gives the same text without it can. Abstractions widen what is looked at, the
    unguided solver weighs it (ours). It costs a prefill of each solution and no generated token. Of plain samples it is
    `marginal`.

    >>> from math import log
    >>> half, tenth = log(0.5), log(0.1)
    >>> found = [Candidate("A", 0.0, branch=0, proposal=half, unguided=tenth)]
    >>> found.append(Candidate("B", 0.0, branch=1, proposal=tenth, unguided=half))
    >>> weigh = lambda **keys: {answer: round(w, 4) for answer, w in unguided(found, UnguidedKeys(**keys)).items()}
    >>> weigh(), weigh(alpha=1.0)
    ({'A': 0.1, 'B': 0.5}, {'A': 0.05, 'B': 0.05})
    """
    return votes(candidates, partial(_unguided, keys=keys), once=True)
