"""What may still come into a vote that has begun."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, fsum

from rlad.selection.candidate import Candidate


@dataclass(frozen=True)
class Outstanding:
    """What may still come into a vote."""

    known: Sequence[Candidate] = ()
    """Solutions of abstractions that were proposed: everything about them but the solution itself."""
    branches: int = 0
    """Most abstractions that are still to be proposed."""
    solutions: int = 1
    """Solutions that each of those will have."""
    draws: int = 0
    """Most proposals that are still to be drawn."""
    mass: float = 1.0
    """Probability that the proposer has left for what it has not proposed yet."""

    @property
    def count(self) -> int:
        """Most solutions that may still come in."""
        return len(self.known) + self.branches * self.solutions

    def share(self, power: float) -> float:
        """The most that the abstractions to come can weigh together when each weighs its probability to a power.

        >>> Outstanding(branches=2, mass=0.5).share(1), Outstanding(branches=4, mass=1.0).share(0.5)  # 4 * .25^.5
        (0.5, 2.0)
        """
        if not self.branches:
            return 0.0
        # Powers below 1 are concave, so that equal parts weigh most; above 1 one that has everything does.
        return self.branches * (self.mass / self.branches) ** power if power < 1 else self.mass**power


def left(proposals: Sequence[float]) -> float:
    """The probability that distinct abstractions of these log-probabilities leave for others.

    >>> from math import log
    >>> left([log(0.5), log(0.25)]), left([])
    (0.25, 1.0)
    """
    return max(0.0, 1.0 - fsum(exp(value) for value in proposals))
