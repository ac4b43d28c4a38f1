"""DAPO's soft overlong punishment (2503.14476): answers near the length limit earn less."""

from __future__ import annotations


def overlong_penalty(length: int, longest: int, zone: int) -> float:
    """0 up to longest - zone tokens, then falling linearly to -1 at `longest`, and -1 beyond; added to the reward.

    The paper's numbers, 20,480 with a zone of 4,096. verl's term has no floor and would give the last one -1.5.

    >>> [overlong_penalty(length, 20480, 4096) for length in (16384, 18432, 20480, 22528)]
    [0.0, -0.5, -1.0, -1.0]
    """
    return max(-1.0, min(0.0, (longest - zone - length) / zone))
