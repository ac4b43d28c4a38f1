"""What a player that chooses is worth: as much in one state as in many, nothing where it is bad; then its evidence."""

import doctest
from dataclasses import replace

import numpy as np
import pytest

from rlad.reasoning import budget_policy, posterior, selecting
from rlad.reasoning.budget_policy import BudgetPolicy
from rlad.reasoning.posterior import COUNTING, Posterior, Seen, Standing
from rlad.reasoning.selecting import EXAMPLE, Choosing, Heard, worth, worths

BLIND = Choosing("selector", 0.0, 0.0, 0.0, (6.0,), 8)
TIE = Standing((Seen(("A",)), Seen(("B",))), {"A": 0.0, "B": 0.0})
"""A and B .4 each, and .2 that nobody gave."""


@pytest.mark.parametrize("module", [selecting, posterior, budget_policy])
def test_worked_examples_in_docstrings(module):
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("answers", range(2, 9))
def test_whatever_is_right_something_is_chosen(answers):
    found = EXAMPLE.likelihoods(answers)
    assert found.shape == (answers, answers + 1) and found.sum(0) == pytest.approx(np.ones(answers + 1))


def test_many_states_are_worth_what_each_is():
    rng = np.random.default_rng(0)
    shares, given = rng.dirichlet(np.ones(7), 200)[:, :6], rng.random((200, 6)) < 0.6
    given[:, 2] = True
    shares = np.where(given, shares, 0.0)
    leader = np.array([rng.choice(np.flatnonzero(row)) for row in given])
    for player in (EXAMPLE, BLIND, replace(EXAMPLE, keep=0.1, rescue=0.3, repeat=0.6)):
        one_by_one = [
            worth(player, [row[first], *(row[i] for i in np.flatnonzero(there) if i != first)])
            if there.sum() > 1
            else 0.0
            for row, there, first in zip(shares, given, leader, strict=True)
        ]
        assert worths(player, shares, given, leader) == pytest.approx(one_by_one, abs=1e-7)


def test_a_word_that_changes_nothing_is_worth_nothing():
    """However often it errs: what it says is not obeyed where the vote is the likelier all the same."""
    copier = replace(BLIND, repeat=0.5)
    assert worth(copier, [0.3] * 3) == worth(copier, [0.5, 0.3]) == worth(replace(BLIND, repeat=1.0), [0.4, 0.4]) == 0
    assert worth(BLIND, [0.3] * 3) == worth(BLIND, [0.5, 0.3]) == worth(replace(EXAMPLE, keep=0.1), [0.9, 0.05]) == 0
    assert worth(EXAMPLE, [0.98, 0.01]) == 0 < worth(EXAMPLE, [0.5, 0.01, 0.4])


def test_its_choice_is_evidence_that_more_votes_may_turn():
    said = replace(TIE, heard=Heard("B", ("A", "B")))
    after = Posterior(COUNTING, said, EXAMPLE)  # A .4 * .1, B .4 * .8, others .2 * .5
    assert after.choice == "B" and after.of == pytest.approx({"A": 0.04 / 0.46, "B": 0.32 / 0.46})
    assert Posterior(COUNTING, said).choice == "A"  # without such a player nothing is heard
    votes = Standing(tuple(Seen(("A",)) for _ in range(3)), {"A": np.log(3), "B": 0.0}, said.heard)
    assert Posterior(COUNTING, votes, EXAMPLE).choice == "A"  # 9 * .1 against .8
    more = Standing((*TIE.branches, Seen(("C",))), {"A": 0.0, "B": 0.0, "C": 0.0}, said.heard)
    known = Posterior(COUNTING, more, EXAMPLE).of  # of C it said as much as of what nobody had given
    assert known["C"] / known["B"] == pytest.approx(0.5 / 0.8)


def test_it_is_asked_anew_for_other_answers_alone():
    policy = BudgetPolicy(COUNTING, player=EXAMPLE)
    assert policy.best(TIE).kind == "selector" and BudgetPolicy(COUNTING, player=BLIND).best(TIE).kind != "selector"
    said = replace(TIE, heard=Heard("B", ("A", "B")))
    assert policy.best(said).kind == "abstraction" and policy.best(TIE, asks=False).kind == "abstraction"
    third = Standing((*TIE.branches, Seen(("C",))), {"A": 0.0, "B": 0.0, "C": 0.0}, said.heard)
    assert Posterior(COUNTING, third, EXAMPLE).asking() is not None
    assert policy.next(TIE, left=5.0, abstractions=0).kind == "stop"  # 6 tokens do not fit


def test_answers_that_a_rule_leaves_without_a_vote_are_shown_all_the_same():
    """B was given, and a rule that filters drops it: of three shown answers its chance by the votes is 0."""
    branches = (*TIE.branches, Seen(("C",)))
    gain, tokens = Posterior(COUNTING, Standing(branches, {"A": 0.0, "C": 0.0}), EXAMPLE).asking()
    assert (gain, tokens) == (pytest.approx(worth(EXAMPLE, [3 / 7, 0.0, 3 / 7])), 6.0)  # 1 / 7 that nobody gave
    said = BudgetPolicy(COUNTING, player=EXAMPLE).heard(Standing(branches, {"A": 0.0, "C": 0.0}), "B")
    after = Posterior(COUNTING, Standing(branches, {"A": 0.0, "C": 0.0}, said), EXAMPLE)
    assert set(said.shown) == {"A", "B", "C"} and after.choice in "AC" and after.asking() is None


def test_another_answer_is_worth_finding_for_a_player_that_can_tell():
    """One vote more can only tie; but there would be two answers to choose from."""
    one = Standing((Seen(("A",)),), {"A": 0.0})
    alone, asking = BudgetPolicy(COUNTING).best(one, 1), BudgetPolicy(COUNTING, player=EXAMPLE).best(one, 1)
    assert alone.rate == 0 < asking.rate and asking.kind == "abstraction"
    assert BudgetPolicy(COUNTING, player=BLIND).best(one, 1).rate == 0


def test_a_choice_among_more_answers_costs_more():
    player = replace(EXAMPLE, tokens=(6.0, 12.0))
    assert [player.cost(number) for number in (1, 2, 3, 8)] == [6, 6, 12, 12]
