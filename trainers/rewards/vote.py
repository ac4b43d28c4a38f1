"""Pays an abstraction for what it does to the vote that is taken at test time (compute-aligned, 2604.24957)."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from math import exp, isclose
from typing import TYPE_CHECKING

from rlad.config.registry import key, reward
from rlad.reasoning.tree import Tree
from trainers.rewards.evidence import Counts, Evidence
from trainers.rewards.verdict import success
from trainers.rewards.voters import Voter, check_voters, voting

if TYPE_CHECKING:
    from rlad.config import RunConfig

Share = tuple[Hashable | None, float]
"""(an answer, the part of an abstraction's solutions that give it); None = no answer, which has no vote."""


@dataclass
class VoteKeys:
    """How abstractions vote, and what is paid beside the vote."""

    power: float = key(1.0, least=0, most=10)
    """Power of π_abs in an abstraction's weight; 0 = equal votes."""
    mix: float = key(1.0, least=0, most=1)
    """lambda in (1-lambda) * p_i + lambda * c_i: success rate of the abstraction, and its effect on the vote."""


def _check(run: RunConfig, role: str) -> None:
    """The weights of one set of abstractions."""
    check_voters(run, "vote")


def chance_right(
    votes: Sequence[Sequence[Share]], proposals: Sequence[float], right: Collection, power: float
) -> float:
    """Probability that a weighted vote is right, ties broken at random; 0 where nobody votes.

    Args:
        votes: of each abstraction the answers under it with their parts.
        proposals: log π_abs of each abstraction, nats; its weight is π_abs^power over the sum of the set's.
        right: the answers that are right.

    >>> from math import log
    >>> chance_right([[("A", 1.0)], [("B", 1.0)]], [log(0.5), log(0.5)], {"A"}, power=1)
    0.5
    """
    top = max(proposals, default=0.0)  # the sum that the weights are divided by changes no winner
    totals: dict[Hashable, float] = {}
    for shares, proposal in zip(votes, proposals, strict=True):
        for answer, part in shares:
            if answer is not None:
                totals[answer] = totals.get(answer, 0.0) + part * exp(power * (proposal - top))
    best = max(totals.values(), default=0.0)
    # Sums of the same weights in another order differ in the last bit; that is still a tie.
    tied = [answer for answer, total in totals.items() if isclose(total, best, rel_tol=1e-12)]
    return sum(answer in right for answer in tied) / len(tied) if tied else 0.0


def vote_effects(
    votes: Sequence[Sequence[Share]], proposals: Sequence[float], right: Collection, power: float = 1.0
) -> list[float]:
    """c_i = P(the vote of the set is right) - P(the vote without abstraction i is right), exactly.

    Three abstractions of probabilities .5, .3, .2 answer A, B, A, and A is right: A wins with .7. Without the first B
    wins (.3 to .2), so it is worth 1; without the second or the third A still wins, so they are worth 0. Where B is
    right the vote is wrong; without the first B would win, so it costs 1, and nobody else changes anything.

    >>> from math import log
    >>> votes, proposals = [[("A", 1.0)], [("B", 1.0)], [("A", 1.0)]], [log(0.5), log(0.3), log(0.2)]
    >>> vote_effects(votes, proposals, {"A"}), vote_effects(votes, proposals, {"B"})
    ([1.0, 0.0, 0.0], [-1.0, 0.0, 0.0])

    With equal votes (power 0) A has two to one: without either of its abstractions the rest is a tie, worth a half.

    >>> vote_effects(votes, proposals, {"A"}, power=0)
    [0.5, 0.0, 0.5]
    """
    whole = chance_right(votes, proposals, right, power)
    rest = ([*range(i), *range(i + 1, len(votes))] for i in range(len(votes)))
    return [whole - chance_right([votes[j] for j in kept], [proposals[j] for j in kept], right, power) for kept in rest]


def ballots(found: Sequence[Voter]) -> tuple[list[list[Share]], list[float], set]:
    """What `vote_effects` takes of a tree's abstractions: their answers, log π_abs, and the answers that are right."""
    votes = [[(answer, 1 / len(one.answers)) for answer in one.answers] for one in found]
    right = {answer for one in found for answer, fine in zip(one.answers, one.right, strict=True) if fine}
    return votes, [one.proposal for one in found], right


@reward("vote", keys=VoteKeys, roles=("abstraction",), check=_check, source="2604.24957")
def vote(trees: list[Tree], evidence: Evidence, keys: VoteKeys) -> Counts:
    """Rewards every abstraction that was solved with by its effect on the set's vote, mixed with its success rate.

    The objective is the operator of test time, P(the vote weighted by π_abs is right), and the leave-one-out effect its
    gradient's estimate with the set as its own baseline. An abstraction earns for all of its draws alike: a decisive
    proposal may be repeated, as its probability is its weight. The source trains one policy for votes of samples; sets
    of abstractions with weights of their own are ours.
    """
    effects, chances = [], []
    for tree in trees:
        found = voting(tree, "vote")
        votes, proposals, right = ballots(found)
        own = vote_effects(votes, proposals, right, keys.power)
        for one, effect in zip(found, own, strict=True):
            one.branch.reward = (1 - keys.mix) * success(one.branch, evidence.run.cotrain) + keys.mix * effect
        effects += own
        chances += [chance_right(votes, proposals, right, keys.power)] if found else []
    return {
        "vote_right": (sum(chances), float(len(chances))),
        "vote_decisive": (float(sum(effect != 0 for effect in effects)), float(len(effects))),
    }
