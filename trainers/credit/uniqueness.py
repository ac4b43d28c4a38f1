"""Uniqueness-aware credit (2601.08763): a good attempt earns the less, the more of its group attempt the same."""

from __future__ import annotations

from dataclasses import dataclass

from rlad.config.registry import advantage, key
from trainers.credit.attempts import Attempts
from trainers.credit.group_baselines import BASELINES


@dataclass
class UniquenessKeys:
    """How much a strategy is discounted for each attempt that shares it."""

    exponent: float = key(1.0, least=0, most=1)
    """alpha: a positive advantage is divided by f^alpha, f = attempts of the group with its strategy; 0 = by none."""
    baseline: str = key("std", one_of=tuple(BASELINES))
    """std (GRPO, as published) or mean: the advantage that is divided."""


@advantage("uniqueness", keys=UniquenessKeys, reads="attempts", source="2601.08763")
def uniqueness(group: Attempts, keys: UniquenessKeys) -> list[float]:
    """A / f^alpha where A > 0, else A; f = how many of the group share the attempt's strategy, itself included.

    Three right of four, two of them by one strategy; centred on the mean, .75:

    >>> group = Attempts([1, 1, 1, 0], ["a", "a", "b", "a"], [0.0] * 4)
    >>> [round(a, 4) for a in uniqueness(group, UniquenessKeys(baseline="mean"))]       # f = 3, 3, 1, 3
    [0.0833, 0.0833, 0.25, -0.75]

    Where we differ from the paper: there a language model clusters the attempts by their high-level strategy. Here the
    strategy is the abstraction's canonical form wherever abstractions are compared (the abstraction player, and the
    solver with `cotrain.solution_group=problem`), and elsewhere the text itself. f counts failed attempts too. The
    exponent's value is not in what we could read of the paper; 1 is its abstract's "inversely".
    """
    base = BASELINES[keys.baseline](group.rewards)
    return [a / f**keys.exponent if a > 0 else a for a, f in zip(base, group.alike, strict=True)]
