"""The posterior of a tree against enumeration, and what further samples are thought to be worth."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from rlad.reasoning.budget_policy import BudgetPolicy
from rlad.reasoning.posterior import Posterior, Seen, Statistics

STATISTICS = Statistics((0.2, 0.6), 0.8, 0.25, (4.0, 6.0), 20.0, slope=0.5, centre=-2.0)
BRANCHES = [Seen(("A", "A"), -1.0), Seen(("B",), -3.0), Seen(("A", None), None), Seen(("C", "A"), -2.0)]
ANSWERS = ("A", "B", "C", "D", "E")  # a collision of 1/4 means four wrong answers beside the right one


def enumerated(statistics, branches):
    """P(answer is right), by summing over the right answer, the level and what every abstraction leads to."""
    chances = dict.fromkeys(ANSWERS, 0.0)
    for right, rate in product(ANSWERS, statistics.levels):
        likelihood = 1.0
        for one in branches:
            shift = 0.0 if one.proposal is None else statistics.slope * (one.proposal - statistics.centre)
            odds = rate / (1 - rate) * np.exp(shift)
            q, total = odds / (1 + odds), 0.0
            for leads in ANSWERS:
                chance = q if leads == right else (1 - q) / 4
                for given in one.answers:
                    if given is not None:
                        chance *= statistics.follow if given == leads else (1 - statistics.follow) / 4
                total += chance
            likelihood *= total
        chances[right] += likelihood
    whole = sum(chances.values())
    return {answer: chance / whole for answer, chance in chances.items()}


def test_the_posterior_is_that_of_enumeration():
    expected = enumerated(STATISTICS, BRANCHES)
    posterior = Posterior(STATISTICS, BRANCHES)
    assert posterior.of == pytest.approx({a: expected[a] for a in ("A", "B", "C")})
    assert posterior.joint[-1].sum() == pytest.approx(expected["D"] + expected["E"])


def likelihood(statistics, branches, right):
    """P(all answers | the right one), up to a factor."""
    rows = Posterior(statistics, branches)
    place = rows.answers.index(right) if right in rows.answers else -1
    return float(np.exp(rows.logs[place]).sum())


@pytest.mark.parametrize("branch", range(3))
def test_one_more_solution_is_worth_what_enumeration_says(branch):
    statistics = replace(STATISTICS, follow=0.6)
    seen = [Seen(("A",), -2.0), Seen(("B",), -2.2), Seen(("C", "C"), -4.0)]
    before, value = enumerated(statistics, seen), 0.0
    for answer in ANSWERS:
        grown = [*seen]
        grown[branch] = Seen((*seen[branch].answers, answer), seen[branch].proposal)
        # P(right, this answer comes) = P(right) P(all answers | right) / P(those so far | right)
        came = [
            p * likelihood(statistics, grown, right) / likelihood(statistics, seen, right)
            for right, p in before.items()
        ]
        value += max(came)
    expected = value - max(before.values())
    assert expected > 0.02 or branch == 2
    assert Posterior(statistics, seen).gain_of_solution(branch) == pytest.approx(expected, abs=1e-9)


def test_further_abstractions_are_worth_less_where_the_answer_is_settled_or_hopeless():
    statistics = Statistics((0.05, 0.2, 0.4, 0.8), 0.9, 0.08, (6.0,), 25.0)
    doubted, settled = [Seen(("A",)), Seen(("B",))], [Seen(("A",))] * 6
    hopeless = [Seen((letter,)) for letter in "ABCDEFGHIJ"]
    gains = [Posterior(statistics, one).gains_of_abstractions() for one in (doubted, settled, hopeless)]
    assert all((gain >= 0).all() for gain in gains)
    assert gains[0][-1] > 5 * gains[1][-1] and gains[0][-1] > 2 * gains[2][-1]
    assert (np.diff(gains[0]) > 0).all()  # more of them gain more


def test_without_an_answer_the_next_abstraction_gains_what_it_is_right():
    statistics = Statistics((0.3,), 0.99, 1e-3, (6.0,), 25.0)
    assert Posterior(statistics, []).gains_of_abstractions()[0] == pytest.approx(0.3, abs=0.01)


def test_an_action_needs_its_price_and_its_tokens():
    policy = BudgetPolicy(Statistics((0.3,), 0.9, 0.1, (6.0,), 25.0), price=1.0)
    assert policy.next([], left=100).kind == "abstraction"  # the first one, whatever the price
    assert policy.next([], left=30).kind == "stop"
    assert policy.next([Seen(("A",))], left=100).kind == "stop"
    free = replace(policy, price=0.0)
    assert free.next([Seen(("A",)), Seen(("B",))], left=100).kind == "abstraction"
    action = free.next([Seen(("A",)), Seen(("B",))], left=100, abstractions=False, room=[1])
    assert (action.kind, action.branch, action.tokens) == ("solution", 1, 25.0)
