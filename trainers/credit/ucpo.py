"""UCPO (2605.00365): among the right ones of a group, the less likely earn more, and all of them together the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlad.config.errors import ConfigError
from rlad.config.registry import advantage, key
from trainers.credit.attempts import Attempts
from trainers.credit.group_baselines import BASELINES

if TYPE_CHECKING:
    from rlad.config import RunConfig

LEAST = 1e-6
"""A share of the likelihood is held above this, as in the authors' code."""


@dataclass
class UcpoKeys:
    """How far credit moves towards the less likely."""

    tau: float = key(0.2, least=0, most=1)
    """0 = every right one earns alike, 1 = in inverse proportion to its share of the right ones' likelihood."""
    baseline: str = key("std", one_of=tuple(BASELINES))
    """std (GRPO, as published) or mean: the advantage that is redistributed."""


def _check(run: RunConfig, role: str) -> None:
    """There must be right ones, with likelihoods under the prompt that they are learnt under."""
    player = run.players[role]
    if player.reward != "verdict" or player.overlong:
        raise ConfigError(
            f"{role}.advantage=ucpo redistributes what right answers earn; use {role}.reward=verdict and "
            f"{role}.overlong=0."
        )
    if run.cotrain.critique.source != "none":
        raise ConfigError(
            f"{role}.advantage=ucpo compares likelihoods, and cotrain.critique's second attempts were sampled under "
            "another prompt; switch one of them off."
        )


@advantage("ucpo", keys=UcpoKeys, roles=("solution",), reads="attempts", check=_check, source="2605.00365")
def ucpo(group: Attempts, keys: UcpoKeys) -> list[float]:
    """A * n * w for the n right ones, w = (1 - tau) / n + tau * (1 / q) / sum(1 / q); the others keep A.

    q = softmax of the mean log-prob per token over the right ones. Their advantages add up to what they did before.

    Two of three are right, one likely (q = .75) and one not (.25): 1 / q is in proportion 1 : 3, so at tau = .2
    w = .4 + .05 and .4 + .15. Centred on the mean both have 1/3, which becomes a third of .9 and 1.1:

    >>> group = Attempts([1, 1, 0], ["a", "b", "c"], [math.log(0.75), math.log(0.25), 0.0])
    >>> [round(a, 4) for a in ucpo(group, UcpoKeys(tau=0.2, baseline="mean"))]
    [0.3, 0.3667, -0.6667]

    The authors' code. Where we differ: the log-probs are those that the sampler reported, which are the trainer's of
    before the update up to the parity that every step checks.
    """
    base = BASELINES[keys.baseline](group.rewards)
    right = [i for i, reward in enumerate(group.rewards) if reward > 0]
    if not keys.tau or len(right) < 2:
        return base
    weights = inverse_shares([group.mean_logp[i] for i in right])
    for i, inverse in zip(right, weights, strict=True):
        base[i] *= (1 - keys.tau) + keys.tau * inverse * len(right)
    return base


def inverse_shares(logp: Sequence[float]) -> list[float]:
    """(1 / q) / sum(1 / q) for q = softmax(logp).

    >>> [round(w, 4) for w in inverse_shares([math.log(0.6), math.log(0.2), math.log(0.2)])]
    [0.1429, 0.4286, 0.4286]
    """
    highest = max(logp)
    likelihood = [math.exp(value - highest) for value in logp]
    inverse = [1 / max(own / math.fsum(likelihood), LEAST) for own in likelihood]
    return [value / math.fsum(inverse) for value in inverse]
