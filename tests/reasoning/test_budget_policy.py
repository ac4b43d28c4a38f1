"""What further samples are thought to be worth, and which action follows from it."""

from dataclasses import replace
from math import log

import numpy as np
import pytest

from rlad.reasoning.budget_policy import BudgetPolicy
from rlad.reasoning.posterior import COUNTING, Posterior, Seen, Standing

WEIGHED = replace(COUNTING, vote_power=1.0, vote_slope=1.0, echo=0.0, unseen=-1.0, unseen_power=0.0)
"""A rule whose votes are the abstractions' own probabilities."""


def standing(*branches):
    """Branches of (answer or None for unsolved, log π_abs), counted."""
    seen = tuple(Seen(() if answer is None else (answer,), proposal) for answer, proposal in branches)
    answers = [answer for answer, _ in branches if answer is not None]
    return Standing(seen, {answer: log(answers.count(answer)) for answer in dict.fromkeys(answers)})


def weighed(*branches):
    seen = standing(*branches)
    votes = {a: np.logaddexp.reduce([z for b, z in branches if a == b]) for a in seen.votes}
    return Standing(seen.branches, votes)


def test_an_answer_is_right_with_odds_that_are_a_power_of_its_votes():
    posterior = Posterior(COUNTING, standing(("A", -3.0), ("B", -3.0), ("A", -3.0), ("C", -3.0)))
    whole = 2**2 + 1 + 1 + 1 / 4  # and what nobody gave, after four abstractions
    assert posterior.of == pytest.approx({"A": 4 / whole, "B": 1 / whole, "C": 1 / whole})
    assert posterior.selected == pytest.approx(4 / whole)


def test_one_more_vote_is_worth_what_enumeration_says():
    """Leader .2, one unsolved abstraction of .3: it overtakes unless it says the same or cannot be read."""
    statistics = replace(WEIGHED, success=(0.4,), alike=1000.0, collision=1e-6, unseen=-40.0)
    gain = Posterior(statistics, weighed(("A", log(0.2)), (None, log(0.3)))).gains([[1]])[0, 0]
    # A is surely right: with .4 the vote is for it as well; else a new answer leads by .3 to .2, and is wrong.
    assert gain == pytest.approx(0.6 * (0.3 - 0.2) / 0.5, abs=0.02)
    assert Posterior(statistics, weighed(("A", log(0.4)), (None, log(0.3)))).gains([[1]])[0, 0] == 0  # cannot overtake


def test_an_abstraction_that_cannot_turn_the_vote_is_left_unsolved():
    likely, faint = weighed(("A", -3.0), (None, -1.0)), weighed(("A", -3.0), (None, -9.0))
    policy = BudgetPolicy(WEIGHED)
    assert (policy.best(likely, room=[1]).kind, policy.best(likely, room=[1]).branch) == ("solution", 1)
    assert policy.best(faint, room=[1]).kind == "abstraction"
    assert policy.best(faint, abstractions=0, room=[1]).rate == 0


def test_counted_votes_are_turned_by_several_together():
    """One more vote can only tie, so it is what comes after that makes an unsolved abstraction worth solving."""
    tree = standing(("A", -3.0), (None, -3.0))
    gains = Posterior(COUNTING, tree).gains([[1, 2, 3, 4]])[0]
    assert gains[0] == 0 < gains[1] <= gains[-1]
    assert BudgetPolicy(COUNTING).best(tree, room=[1]).branch == 1
    assert BudgetPolicy(COUNTING).best(tree, abstractions=0, room=[1]).rate == 0  # nothing comes after it


def test_another_solution_says_the_same_again_or_what_a_new_one_would():
    twice = replace(WEIGHED, follow=1.0)
    tree = weighed(("A", -1.0), ("B", -1.1))
    assert Posterior(twice, tree).gains([[1]])[0, 0] == 0
    assert Posterior(replace(twice, echo=1.0), tree).gains([[1]])[0, 0] > 0  # B would lead
    assert Posterior(replace(twice, follow=0.3), tree).gains([[1]])[0, 0] > 0


def test_further_abstractions_are_worth_less_where_the_vote_is_settled():
    doubted, settled = standing(("A", -3.0), ("B", -3.0)), standing(*[("A", -3.0)] * 6)
    gains = [
        Posterior(COUNTING, one).gains([range(len(one.branches), len(one.branches) + 4)])[0]
        for one in (doubted, settled)
    ]
    assert (np.diff(gains[0]) > -0.01).all() and gains[0][-1] > 0.05 and gains[1].tolist() == [0.0] * 4


def test_problems_differ():
    """After hits the next is a hit more often, the more so the less problems are alike."""
    tree = standing(("A", -3.0), ("A", -3.0), ("B", -3.0))
    lead = [
        Posterior(replace(COUNTING, alike=weight), tree)._success([3], np.full(64, 2.0), np.full(64, 3.0))[0]
        for weight in (1.0, 1000.0)
    ]
    assert lead == pytest.approx([(0.4 + 2) / 4, 0.4], abs=1e-3)


def test_an_action_needs_its_price_and_its_tokens():
    policy = BudgetPolicy(COUNTING, price=1.0)
    assert policy.next(Standing(), left=100).kind == "abstraction"  # the first one, whatever the price
    assert policy.next(Standing(), left=29).kind == "stop"
    assert policy.next(standing((None, -3.0)), left=100, room=[0]).kind == "solution"
    tree = standing(("A", -3.0), ("B", -3.0))
    assert policy.next(tree, left=100).kind == "stop"
    free = replace(policy, price=0.0)
    assert free.next(tree, left=100).kind == "abstraction"
    action = free.next(tree, left=100, abstractions=0, room=[1])
    assert (action.kind, action.branch, action.tokens) == ("solution", 1, 25.0)
