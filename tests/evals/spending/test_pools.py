"""A sweep's tree as a policy is handed it."""

from math import log

import pytest

from evals.samples.trees import Draws, Grown, Guided, Samples
from evals.spending.pools import Pool


def grown_tree():
    """Draws: z0, z0 again, z1 in two texts, one that is nothing; z0 solved twice, z1 once."""
    first = Samples(["a", "b"], [20, 30], [None] * 2, ["correct", "incorrect"], [0, 1], [-1.0, -2.0])
    second = Samples(["c"], [25], [None], ["incorrect"], [None], [-1.0])
    draws = Draws(["z0", "z0", "z1", "1z", ""], [3, 3, 4, 4, 9], [0, 0, 1, 1, None], [log(0.5)] * 2 + [log(0.1)] * 3)
    return Grown(draws, [Guided("z0", False, first), Guided("z1", False, second)])


def test_tokens_are_those_that_were_generated():
    pool = Pool(grown_tree(), "majority")
    assert pool.drawing == [3, 7] and pool.rest == 13  # what a third abstraction would have been looked for with
    assert pool.cost((1, 1)) == 3 + 20 + 7 + 25 and pool.cost((2, 1), asked=3) == 3 + 50 + 7 + 25 + 13
    assert pool.cost((0, 1)) == 3 + 7 + 25  # proposed and not solved with


def test_a_state_knows_the_proposals_that_were_paid_for():
    pool = Pool(grown_tree(), "proposer")
    assert pool.proposals == pytest.approx((log(0.5), log(0.1)))
    assert pool.standing((1, 0), asked=3).branches[1].proposal == pytest.approx(log(0.2))  # the second text came later
    old = grown_tree()
    old.draws.model_logprob = []
    assert Pool(old, "majority").proposals == [None, None]


def test_a_state_has_the_votes_and_the_verdict_of_the_rule():
    pool = Pool(grown_tree(), "proposer")
    standing = pool.standing((2, 0))
    assert [one.answers for one in standing.branches] == [(0, 1), ()] and standing.solved == 1
    assert standing.votes == pytest.approx({0: log(0.25), 1: log(0.25)})
    assert pool.accuracy((2, 0)) == 0.5 and pool.accuracy((1, 1)) == 1 and pool.accuracy((0, 0)) == 0
