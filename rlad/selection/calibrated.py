"""Votes by a fitted probability of being right: Platt's logistic map, or an isotonic one, of the players' own scores.

The maps are fitted on validation problems by the sweep (evals/cells/fitting.py), never on those that are reported;
their numbers are the rules' keys, so whoever votes later votes with what was fitted.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from math import exp, inf, log, log1p

from rlad.config.registry import key, rule
from rlad.selection.candidate import Candidate
from rlad.selection.rules import votes


def log_sigmoid(x: float) -> float:
    """log 1 / (1 + e^-x), without overflow.

    >>> round(log_sigmoid(0.0), 4), log_sigmoid(-1000.0)
    (-0.6931, -1000.0)
    """
    return -log1p(exp(-x)) if x > 0 else x - log1p(exp(x))


@dataclass
class PlattKeys:
    intercept: float = key(0.0, least=-1e6, most=1e6)
    """Log-odds of being right where all scores are 0."""
    proposal: float = key(1.0, least=-1e6, most=1e6)
    """Weight of log π_abs."""
    solution: float = key(1.0, least=-1e6, most=1e6)
    """Weight of log π_sol."""
    draws: float = key(0.0, least=-1e6, most=1e6)
    """Weight of the logarithm of the number of times that the abstraction was proposed."""


FEATURES = {
    "proposal": lambda candidate: candidate.proposal,
    "solution": lambda candidate: candidate.logprob,
    "draws": lambda candidate: log(candidate.draws),
}
"""What the log-odds are linear in, by key."""


def _platt(candidate: Candidate, keys: PlattKeys) -> float:
    odds = keys.intercept + sum(getattr(keys, name) * value(candidate) for name, value in FEATURES.items())
    return log_sigmoid(odds) - log(candidate.solutions)


@rule("platt", keys=PlattKeys, reads=("proposal", "logprob"), log_weight=_platt, additive=True, fit="logistic")
def platt(candidates: Sequence[Candidate], keys: PlattKeys) -> dict[Hashable, float]:
    """Each candidate votes with a logistic probability of being right, given log π_abs, log π_sol and draws.

    >>> platt([Candidate("A", 0.0), Candidate("A", 0.0), Candidate("B", log(3), proposal=0.0)], PlattKeys())
    {'A': 1.0, 'B': 0.75}
    """
    return votes(candidates, partial(_platt, keys=keys))


@dataclass
class IsotonicKeys:
    steps: list[float] = key(factory=list)
    """Ascending values of log π_abs π_sol from which the next probability holds; empty = not fitted, equal votes."""
    probabilities: list[float] = key(least=0, most=1, factory=list)
    """Probability of being right from each step on; below the first step that of the first."""


def _isotonic(candidate: Candidate, keys: IsotonicKeys) -> float:
    if not keys.steps:
        return -log(candidate.solutions)
    place = max(0, bisect_right(keys.steps, candidate.joint) - 1)
    probability = keys.probabilities[place]
    return (log(probability) if probability else -inf) - log(candidate.solutions)


@rule("isotonic", keys=IsotonicKeys, reads=("proposal", "logprob"), log_weight=_isotonic, additive=True, fit="isotonic")
def isotonic(candidates: Sequence[Candidate], keys: IsotonicKeys) -> dict[Hashable, float]:
    """Each candidate votes with a probability of being right that only rises with log π_abs π_sol.

    >>> keys = IsotonicKeys(steps=[-9.0, -2.0], probabilities=[0.25, 0.5])
    >>> isotonic([Candidate("A", -1.0), Candidate("B", -3.0), Candidate("B", -99.0)], keys)
    {'A': 0.5, 'B': 0.5}
    """
    return votes(candidates, partial(_isotonic, keys=keys))
