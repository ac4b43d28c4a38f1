"""Samples paid by what their set gains from them: the leave-one-out form of pass@k (2503.19595)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlad.config.errors import ConfigError
from rlad.config.registry import advantage, key
from rlad.players.roles import role_of

if TYPE_CHECKING:
    from rlad.config import RunConfig


@dataclass
class PassAtKKeys:
    """The size of the sets."""

    k: int = key(4, least=2)
    """Samples of a set: the best of k is what counts. At most a group's samples."""


def set_fits(advantage: str) -> Callable[[RunConfig, str], None]:
    """The check of an advantage over sets of k: a set is taken from a group."""

    def check(run: RunConfig, role: str) -> None:
        k = run.players[role].of(advantage).k
        size, name = role_of(role, run).group_size(run)
        if k > size:
            raise ConfigError(f"{role}.{advantage}.k={k} is larger than a group's {size} samples ({name}).")

    return check


@advantage("pass_at_k", keys=PassAtKKeys, check=set_fits("pass_at_k"), source="2503.19595")
def pass_at_k_advantages(rewards: Sequence[float], keys: PassAtKKeys) -> list[float]:
    """What a sample adds to the best of k - 1 others: the mean of max(r - best, 0) over all such sets of the group.

    The expectation of this times the score is the gradient of pass@k, divided by k: what the others reach without a
    sample does not depend on it and is its baseline, so no mean is subtracted and a sample that adds nothing is worth
    0. A right answer that is alone among its group's is worth 1, one that every set holds already 0.

    Two right ones of four, k = 2: the one other is wrong in 2 of 3 sets, so each adds 2/3.

    >>> [round(a, 4) for a in pass_at_k_advantages([1, 1, 0, 0], PassAtKKeys(k=2))]
    [0.6667, 0.6667, 0.0, 0.0]
    >>> pass_at_k_advantages([1, 0, 0, 0], PassAtKKeys(k=4)), pass_at_k_advantages([1, 1, 0, 0], PassAtKKeys(k=4))
    ([1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0])
    """
    others = min(keys.k, len(rewards)) - 1
    if others < 1:  # the gate or a filter left one sample: there is no set to add to
        return [0.0] * len(rewards)
    sets = math.comb(len(rewards) - 1, others)
    added = []
    for i, own in enumerate(rewards):
        rest = sorted([*rewards[:i], *rewards[i + 1 :]])
        # A reward is the best of those sets whose other members stand before it.
        gains = (max(own - best, 0.0) * math.comb(place, others - 1) for place, best in enumerate(rest))
        added.append(math.fsum(gains) / sets)
    return added
