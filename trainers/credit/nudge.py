"""NudgeRL's credit (2605.15726): a solution is compared under its abstraction, and its abstraction with the others."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlad.config.errors import ConfigError
from rlad.config.registry import advantage, key
from trainers.credit.attempts import Attempts
from trainers.credit.group_baselines import mean

if TYPE_CHECKING:
    from rlad.config import RunConfig


@dataclass
class NudgeKeys:
    """What the success of an abstraction counts beside that of a solution under it."""

    inter: float = key(1.1, least=0)
    """lambda: weight of (mean under the abstraction - mean of the problem); 0 = G1's comparison, 1 = G2's."""
    whiten: bool = True
    """Whether a problem's advantages are divided by their deviation (ddof 0, + 1e-5), as published."""


def _check(run: RunConfig, role: str) -> None:
    """Abstractions can only be compared inside one group."""
    if run.cotrain.solution_group != "problem" or run.cotrain.abstractions < 2:
        raise ConfigError(
            f"{role}.advantage=nudge compares a problem's abstractions; set cotrain.solution_group=problem and "
            "cotrain.abstractions to at least 2."
        )


@advantage("nudge", keys=NudgeKeys, roles=("solution",), reads="attempts", check=_check, source="2605.15726")
def nudge(group: Attempts, keys: NudgeKeys) -> list[float]:
    """(R - mean under its abstraction) + lambda * (that mean - mean of the problem), then whitened over the problem.

    Written as (R - mean of the problem) + (lambda - 1) * (mean under the abstraction - mean of the problem).

    Two abstractions, right in 1 of 2 and in 2 of 2; the problem's mean is .75, theirs differ from it by -.25 and .25:

    >>> group = Attempts([1, 0, 1, 1], ["a", "a", "b", "b"], [0.0] * 4)
    >>> nudge(group, NudgeKeys(inter=2, whiten=False)), nudge(group, NudgeKeys(inter=0, whiten=False))
    ([0.0, -1.0, 0.5, 0.5], [0.5, -0.5, 0.0, 0.0])
    >>> [round(a, 3) for a in nudge(group, NudgeKeys(inter=2))]       # divided by the root of (0 + 1 + .25 + .25) / 4
    [0.0, -1.633, 0.816, 0.816]

    Where we differ from the authors' code: theirs drops the context of half the prompts, and those rollouts are paid
    too, against the problem's mean. RLAD pays nothing without an abstraction, so bare prompts stay anchors unless
    `cotrain.bare.paid`; `ROLE.distillation` is the published way to the bare prompt.
    """
    centred = mean(group.rewards)
    sums: dict[str, list[float]] = {}
    for strategy, value in zip(group.strategies, centred, strict=True):
        sums.setdefault(strategy, []).append(value)
    lead = {strategy: math.fsum(values) / len(values) for strategy, values in sums.items()}
    moved = [a + (keys.inter - 1) * lead[s] for a, s in zip(centred, group.strategies, strict=True)]
    if not keys.whiten:
        return moved
    deviation = math.sqrt(math.fsum(a * a for a in moved) / len(moved))
    return [a / (deviation + 1e-5) for a in moved]
