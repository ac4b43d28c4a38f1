"""What π_abs knows about its own proposals, measured in a step: whether the weights that a vote needs are worth having.

Set credit pays every useful abstraction alike, which pushes π_abs towards uniform over them; then a vote that weighs by
π_abs is no better than equal votes. These numbers show it happening.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rlad.entropy.auroc import auroc
from rlad.entropy.shares import shares_entropy
from rlad.reasoning.tree import Tree
from trainers.metrics.readings import Sums
from trainers.metrics.votes import VOTES, add_votes
from trainers.rewards.belief import brier_score, target
from trainers.rewards.vote import ballots, chance_right
from trainers.rewards.voters import normalised, solved, voters

NAMES = ("proposal_auroc", "proposal_brier", "proposal_evenness", "vote_equal")


def evenness(shares: Sequence[float]) -> float | None:
    """Entropy of shares over that of equal ones: 1 = uniform, near 0 = one has it all; None below two.

    >>> evenness([0.5, 0.5]), round(evenness([0.9, 0.1]), 4), evenness([1.0])
    (1.0, 0.469, None)
    """
    return shares_entropy(shares) / float(np.log(len(shares))) if len(shares) > 1 else None


def read_proposals(trees: list[Tree], plain: bool = False) -> Sums:
    """(sum, number of problems) of `NAMES` over the problems with abstractions that were solved with, and of what
    selection rules make of the solutions (votes.py), plain ones where nobody proposes (`plain`).

    Nothing is counted of problems whose sampler did not say π_abs at temperature 1, nor of leaks that were not solved
    with.
    """
    sums: Sums = {name: np.zeros(2) for name in (*NAMES, *VOTES.values())}
    for tree in trees:
        known = solved(tree)
        add_votes(sums, tree, known, plain)
        found = voters(tree, known)
        if not found:
            continue
        proposals, rates = [one.proposal for one in found], [one.accuracy for one in found]
        shares, truth = normalised(proposals), target(rates)
        votes, _, right = ballots(found)
        values = {
            "proposal_auroc": auroc(proposals, rates),
            "proposal_brier": brier_score(shares, truth) if truth else None,
            "proposal_evenness": evenness(shares),
            "vote_equal": chance_right(votes, proposals, right, power=0.0),
        }
        for name, value in values.items():
            sums[name] += (0.0, 0.0) if value is None else (value, 1.0)
    return sums
