"""What a selection rule sees of one sampled solution, and of the abstraction under which it was written."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from math import exp
from typing import Any


@dataclass(frozen=True)
class Candidate:
    """One sampled solution. Plain sampling is the case of an empty abstraction, which is certain: log π_abs = 0."""

    key: Hashable | None
    """Equal keys are equivalent answers (see `group`); None = no valid answer: it was paid for, it cannot be chosen."""
    logprob: float | None = None
    """log π_sol(y|x,z) of the whole solution with its end, at temperature 1, nats; None = nobody said."""
    tokens: int = 1
    """Generated tokens of the solution."""
    stated_confidence: float | None = None
    """The confidence that it states about itself, 0 to 1; None = it was not asked for one."""
    text: Hashable | None = None
    """Equal texts under one abstraction are one solution, drawn twice; None = unlike any other."""
    branch: Hashable | None = None
    """Which abstraction it was written under; None = without one."""
    proposal: float | None = 0.0
    """log π_abs(z|x) of the abstraction's whole text with its end, at temperature 1, nats; None = nobody said."""
    draws: int = 1
    """How often the abstraction was proposed."""
    drawn: int = 1
    """How many proposals were drawn in all, failed ones too."""
    solutions: int = 1
    """m: how many solutions were written under the abstraction, those without an answer too."""
    sampled: float | None = None
    """log-probability of the solution under the distribution it was sampled from, nats: its likelihood is taken from
    this where nobody said `logprob`."""

    unguided: float | None = None
    """log π_sol(y|x) of the whole solution without its abstraction, by the same solver, at temperature 1, nats; None =
    nobody asked. Of plain samples it is `logprob`."""
    judgement: float | None = None
    """A judge's probability that the solution is right, 0 to 1; None = nobody judged it."""
    certainty: Any = None
    """How sure the solver was along the solution, token by token: a `Certainty` (rlad/generation/base.py); None =
    nobody measured it."""

    @property
    def self_certainty(self) -> float | None:
        """Mean divergence of the solution's next-token distributions from the uniform one, nats (2502.18581)."""
        return None if self.certainty is None else self.certainty.divergence

    @property
    def likelihood(self) -> float | None:
        """The geometric mean of the solution's token probabilities, in [0, 1].

        >>> round(Candidate("A", logprob=-0.6, tokens=2).likelihood, 4)  # exp(-0.3)
        0.7408
        """
        whole = self.sampled if self.logprob is None else self.logprob
        return None if whole is None or not self.tokens else min(1.0, exp(whole / self.tokens))

    @property
    def joint(self) -> float | None:
        """log π_abs(z|x) π_sol(y|x,z), nats.

        >>> Candidate("A", logprob=-0.5, proposal=-1.0).joint
        -1.5
        """
        return None if self.logprob is None or self.proposal is None else self.proposal + self.logprob
