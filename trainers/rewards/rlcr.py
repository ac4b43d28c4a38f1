"""Reward for being right *and* knowing how likely that is (RLCR, 2507.16806)."""

from __future__ import annotations

from dataclasses import dataclass

from rlad.config.registry import key, reward
from rlad.reasoning.tree import Tree
from trainers.rewards.evidence import Counts, Evidence
from trainers.rewards.verdict import solved


@dataclass
class RlcrKeys:
    """What a solution without a confidence earns."""

    malformed: float = key(-2.0, least=-10, most=0)
    """Reward of a solution that states no confidence from 0 to 1."""


def rlcr_reward(correct: bool, confidence: float | None, malformed: float = -2.0) -> float:
    """R = c - (q - c)^2: correctness less the Brier score of the stated confidence; `malformed` without one.

    With true success probability p the expected reward p - (p (1 - q)^2 + (1 - p) q^2) is largest at q = p, where it is
    p^2: being right and being calibrated agree, and no answer is worth making wrong on purpose (a logarithmic score,
    which is unbounded, would pay for that).

    | c, q | 1, 1 | 1, .5 | 1, 0 | 0, 0 | 0, .5 | 0, 1 |
    |------|------|-------|------|------|-------|------|
    | R    | 1    | .75   | 0    | 0    | -.25  | -1   |

    Against the authors' code: theirs is (R + 1 + format) / 2 with 0 for malformed text, the same up to a factor 2 and
    a constant, which group-relative credit cancels; so malformed is -2 here. It asks for four tags, we for the last
    confidence tag behind the last boxed answer. As there, advantages should not be divided by their deviation
    (`advantage: mean`): that would amplify calibration noise in groups that are all right or all wrong.

    >>> [rlcr_reward(c, q) for c, q in [(1, 1), (1, .5), (1, 0), (0, 0), (0, .5), (0, 1), (1, None)]]
    [1.0, 0.75, 0.0, 0.0, -0.25, -1.0, -2.0]
    """
    if confidence is None:
        return malformed
    return float(correct) - (confidence - float(correct)) ** 2


@reward("rlcr", keys=RlcrKeys, roles=("solution",), confidence=True, source="2507.16806")
def rlcr(trees: list[Tree], evidence: Evidence, keys: RlcrKeys) -> Counts:
    """Rewards every solution, bare ones too, and counts confidence, Brier score and format."""
    config = evidence.run.cotrain
    stated: list[tuple[float, float]] = []
    solutions = [s for tree in trees for s in tree.sampled]
    for solution in solutions:
        correct = solved(solution, config)
        solution.reward = rlcr_reward(correct, solution.confidence, keys.malformed)
        if solution.confidence is not None:
            stated.append((solution.confidence, float(correct)))
    return {
        "confidence": (sum(q for q, _ in stated), float(len(stated))),
        "brier": (sum((q - c) ** 2 for q, c in stated), float(len(stated))),
        "stated": (float(len(stated)), float(len(solutions))),
    }
