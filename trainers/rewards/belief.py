"""Pays an abstraction so that π_abs becomes a calibrated belief about which abstraction of a set is right (ours)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, log
from typing import TYPE_CHECKING

from rlad.config.registry import key, reward
from rlad.reasoning.tree import Tree
from trainers.rewards.evidence import Counts, Evidence
from trainers.rewards.verdict import success
from trainers.rewards.voters import check_voters, normalised, voting

if TYPE_CHECKING:
    from rlad.config import RunConfig


@dataclass
class BeliefKeys:
    """The score that the belief is trained by, and what is paid beside it."""

    score: str = key("log", one_of=("log", "brier"))
    """The proper scoring rule of the set's normalised π_abs: log (unbounded) or brier."""
    mix: float = key(1.0, least=0, most=1)
    """lambda in (1-lambda) * p_i + lambda * g_i: success rate, and part of the score's gradient."""


def _check(run: RunConfig, role: str) -> None:
    """The probabilities of one set of abstractions."""
    check_voters(run, "belief")


def target(success: Sequence[float]) -> list[float] | None:
    """What a calibrated belief says of a set: success rates as shares of their sum; None where nothing succeeded.

    >>> target([1.0, 0.5, 0.5]), target([0.0, 0.0])
    ([0.5, 0.25, 0.25], None)
    """
    total = fsum(success)
    return [rate / total for rate in success] if total else None


def log_score(belief: Sequence[float], truth: Sequence[float]) -> float:
    """sum_i t_i log q_i, nats: highest (minus the entropy of t) for q = t.

    >>> round(log_score([0.75, 0.25], [1.0, 0.0]), 4)  # log .75
    -0.2877
    """
    return fsum(t * log(max(q, 1e-300)) for q, t in zip(belief, truth, strict=True) if t)


def brier_score(belief: Sequence[float], truth: Sequence[float]) -> float:
    """sum_i (q_i - t_i)^2: 0 for q = t, 2 for certainty about what is wrong.

    >>> brier_score([0.75, 0.25], [1.0, 0.0])
    0.125
    """
    return fsum((q - t) ** 2 for q, t in zip(belief, truth, strict=True))


def score_gradient(belief: Sequence[float], truth: Sequence[float], score: str = "log") -> list[float]:
    """g_i: the derivative of the set's score by log π_abs(z_i|x), q = π_abs over the sum of the set's.

    Of the log score it is t_i - q_i, of minus the Brier score 2 q_i ((t_i - q_i) - sum_j q_j (t_j - q_j)). Both sum to
    0 over the set, and are 0 exactly at q = t: what is believed too much pays, what is believed too little earns.

    >>> score_gradient([0.75, 0.25], [0.5, 0.5]), score_gradient([0.5, 0.5], [0.5, 0.5])
    ([-0.25, 0.25], [0.0, 0.0])
    >>> score_gradient([0.75, 0.25], [0.5, 0.5], "brier")  # 2 * .75 * (-.25 - (.75 * -.25 + .25 * .25)) = 1.5 * -.125
    [-0.1875, 0.1875]
    """
    gaps = [t - q for q, t in zip(belief, truth, strict=True)]
    if score == "log":
        return gaps
    mean = fsum(q * gap for q, gap in zip(belief, gaps, strict=True))
    return [2 * q * (gap - mean) for q, gap in zip(belief, gaps, strict=True)]


@reward("belief", keys=BeliefKeys, roles=("abstraction",), check=_check)
def belief(trees: list[Tree], evidence: Evidence, keys: BeliefKeys) -> Counts:
    """Rewards every abstraction that was solved with by its part of a proper score's gradient.

    With advantage=mean and one update per rollout the policy gradient of these rewards is that of the score itself on
    the drawn set: each abstraction's part is shared by its draws. Where nothing succeeded there is no truth to believe
    in, and the set earns nothing.
    """
    logs, briers = [], []
    for tree in trees:
        found = voting(tree, "belief")
        rates = [success(one.branch, evidence.run.cotrain) for one in found]
        said, truth = normalised([one.proposal for one in found]), target(rates)
        parts = score_gradient(said, truth, keys.score) if truth else [0.0] * len(found)
        for one, rate, part in zip(found, rates, parts, strict=True):
            one.branch.reward = (1 - keys.mix) * rate + keys.mix * part / one.drawn
        if truth:
            logs.append(log_score(said, truth))
            briers.append(brier_score(said, truth))
    return {
        "belief_log_score": (fsum(logs), float(len(logs))),
        "belief_brier": (fsum(briers), float(len(briers))),
    }
