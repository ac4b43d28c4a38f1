"""Second rounds: who gets them, and what stays unbiased when outcomes decide it, by counting out every outcome."""

import itertools
import random

import pytest

from trainers.credit.attempts import Attempts
from trainers.credit.group_baselines import rloo
from trainers.credit.staged import staged
from trainers.data.allocation import further_solutions, unbiased_rate, worth


def one_by_one(right, first, budget, most, prior):
    """The rule as it is said: each further solution to the group of the largest worth."""
    given = [0] * len(right)
    for _ in range(budget):
        able = [g for g in range(len(right)) if given[g] < most]
        if able:
            best = max(able, key=lambda g: (worth(right[g], first, given[g] + 1, prior), -g))
            given[best] += 1
    return given


def test_the_table_is_the_rule_for_every_outcome_that_might_have_been():
    rng = random.Random(3)
    for _ in range(60):
        first, most = rng.randint(1, 3), rng.randint(1, 5)
        right = [rng.randint(0, first) for _ in range(rng.randint(1, 6))]
        budget, prior = rng.randint(0, 14), rng.choice([0.1, 0.5, 1.0])
        table = further_solutions(right, first, budget, most, prior)
        for g, own in itertools.product(range(len(right)), range(first + 1)):
            instead = [*right[:g], own, *right[g + 1 :]]
            assert table[g][own] == one_by_one(instead, first, budget, most, prior)[g]


def test_settled_groups_get_none_and_what_nobody_can_take_is_not_spent():
    settled_but_one = [0, 0, 1, 2, 2]
    table = further_solutions(settled_but_one, first=2, budget=5, most=14, prior=0.1)
    assert [row[own] for row, own in zip(table, settled_but_one, strict=True)] == [0, 0, 5, 0, 0]
    assert further_solutions([1], first=2, budget=9, most=3, prior=0.5) == [[3, 3, 3]]
    assert further_solutions([], first=2, budget=0, most=3, prior=0.5) == []


def outcomes(rates, first, budget, most, prior):
    """(probability, rewards of each group, first ones leading; the table) of everything that can happen."""
    for heads in itertools.product(itertools.product((0, 1), repeat=first), repeat=len(rates)):
        right = [sum(head) for head in heads]
        table = further_solutions(right, first, budget, most, prior)
        tails = [itertools.product((0, 1), repeat=row[own]) for row, own in zip(table, right, strict=True)]
        for tail in itertools.product(*tails):
            found = [head + more for head, more in zip(heads, tail, strict=True)]
            chance = 1.0
            for rate, values in zip(rates, found, strict=True):
                for value in values:
                    chance *= rate if value else 1 - rate
            yield chance, found, table


def gradient(values, advantages, rate):
    """Sum of advantage times score, of a policy that is right with probability `rate`, the sigmoid of its parameter."""
    return sum(a * (value - rate) for a, value in zip(advantages, values, strict=True))


def as_group(values, first):
    return Attempts(list(values), ["z"] * len(values), [0.0] * len(values), [i >= first for i in range(len(values))])


@pytest.mark.parametrize(("first", "budget"), [(2, 2), (2, 3), (1, 3), (3, 2)])
def test_the_direction_of_every_group_is_unbiased_and_it_weighs_by_its_expected_samples(first, budget):
    """E[sum of A times score] = E[samples with a baseline] times d p / d theta = p (1 - p)."""
    rates = (0.3, 0.8, 0.55)
    for g, rate in enumerate(rates):
        expected = samples = naive = 0.0
        for chance, found, _ in outcomes(rates, first, budget, 3, 0.5):
            values = found[g]
            expected += chance * gradient(values, staged(as_group(values, first)), rate)
            samples += chance * (len(values) - (first == 1))  # alone in its round, the first has no baseline
            naive += chance * gradient(values, rloo(values) if len(values) > 1 else [0.0], rate)
        assert expected == pytest.approx(samples * rate * (1 - rate), abs=1e-12)
        if first == 2:
            assert abs(naive - samples * rate * (1 - rate)) > 1e-3, "leave-one-out over both rounds should be biased"


@pytest.mark.parametrize(("first", "budget"), [(2, 2), (3, 2), (1, 2)])
def test_what_an_abstraction_is_paid_is_unbiased(first, budget):
    rates = (0.3, 0.8, 0.55)
    for g, rate in enumerate(rates):
        paid = share = 0.0
        for chance, found, table in outcomes(rates, first, budget, 3, 0.5):
            right, further = sum(found[g]), len(found[g]) - first
            paid += chance * unbiased_rate(right, further, table[g])
            share += chance * right / len(found[g])
        assert paid == pytest.approx(rate, abs=1e-12)
        if first > 1:
            assert abs(share - rate) > 1e-3, "the share of right ones should be biased"


def test_with_one_round_it_is_leave_one_out():
    for values in itertools.product((0.0, 0.5, 1.0), repeat=4):
        assert staged(Attempts(list(values), ["z"] * 4, [0.0] * 4)) == pytest.approx(rloo(values))
    assert staged(as_group([1.0], 1)) == [0.0]
