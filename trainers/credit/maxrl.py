"""MaxRL (2602.02710): maximum likelihood of being right, by advantages relative to how often the group is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rlad.config.errors import ConfigError
from rlad.config.registry import advantage

if TYPE_CHECKING:
    from rlad.config import RunConfig


def _check(run: RunConfig, role: str) -> None:
    """The mean must be a success rate: rewards are 0 or 1."""
    player = run.players[role]
    if player.reward != "verdict" or player.overlong:
        raise ConfigError(
            f"{role}.advantage=maxrl divides by a success rate; use {role}.reward=verdict and {role}.overlong=0."
        )


@advantage("maxrl", roles=("solution",), check=_check, source="2602.02710")
def maxrl(rewards: Sequence[float]) -> list[float]:
    """(R - mean) / mean, and 0 where nothing is right: the rarer a success, the more it is worth.

    One right solution of four is worth 3 where GRPO's centred advantage is 0.75; three of four are worth a third each.

    >>> maxrl([1, 0, 0, 0]), [round(a, 4) for a in maxrl([1, 1, 1, 0])], maxrl([0, 0])
    ([3.0, -1.0, -1.0, -1.0], [0.3333, 0.3333, 0.3333, -1.0], [0.0, 0.0])
    """
    mean = math.fsum(rewards) / len(rewards)
    return [(reward - mean) / mean if mean else 0.0 for reward in rewards]
