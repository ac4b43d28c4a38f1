"""The scores that selection rules read: how much a solution is to be believed. A rule declares which one it needs.

Two are known, by the names that `rlad.selection.reads` answers. Each may be missing: a sampler may give no log-probs,
and a solver states a confidence only where its prompt asks for one. Then the rules that read it are refused.
"""

from __future__ import annotations

from math import exp

from rlad.generation.base import Completion
from rlad.players.confidence import stated_confidence
from rlad.selection import reads

LIKELIHOOD, STATED = "likelihood", "stated_confidence"


def likelihood(logprob: float | None, tokens: int) -> float | None:
    """The geometric mean of a sample's token probabilities, in [0, 1]; None where the sampler gave no log-probs.

    `logprob` is the sum over the sample's `tokens`, in nats.

    >>> round(likelihood(-0.6, 2), 4), likelihood(None, 2)  # exp(-0.3)
    (0.7408, None)
    """
    return None if logprob is None or not tokens else min(1.0, exp(logprob / tokens))


def logprob_of(completion: Completion) -> float | None:
    """log p of a whole completion, nats; None where the sampler gave none.

    >>> logprob_of(Completion((5, 6), (-0.25, -0.5), "stop", 0)), logprob_of(Completion((5, 6), (), "stop", 0))
    (-0.75, None)
    """
    return sum(completion.logprobs) if completion.logprobs else None


def score(rule: str, text: str, logprob: float | None, tokens: int) -> float | None:
    """What the rule reads of one solution; None where nobody can say, and for rules that read nothing.

    A solution that states no confidence, although its prompt asks for one, counts as stating 0.

    >>> score("majority", "9", -0.6, 2), score("weighted", "9", 0.0, 2), score("stated_majority", "9", None, 2)
    (None, 1.0, 0.0)
    """
    needed = reads(rule)
    if needed == LIKELIHOOD:
        return likelihood(logprob, tokens)
    return (stated_confidence(text) or 0.0) if needed == STATED else None


class ScoreMissing(ValueError):
    """A selection rule reads a score that a solution has not got."""

    def __init__(self, rule: str):
        why = {
            LIKELIHOOD: "the sampler gave no log-probs",
            STATED: "this solver is not asked to state one",
        }.get(reads(rule), f"the scores that are known are {LIKELIHOOD} and {STATED}")
        super().__init__(f"The selection rule '{rule}' reads the {reads(rule)} of solutions, and {why}.")
