"""`budget=auto` on problems whose success probabilities are known: fixed splits not undercut, vain looking paid for."""

import numpy as np
import pytest
from simulated_pools import simulated

from evals.samples.trees import Draws, Grown
from evals.spending.pools import Pool
from evals.spending.replay import mixture, prices, replay, stopped
from evals.spending.statistics import statistics
from rlad.reasoning.budget_policy import BudgetPolicy, prices_of

N = 6
"""Abstractions of a pool."""


def best_fixed(points, tokens):
    """The value of the best mixture of fixed splits, `points` of (mean tokens, value)."""
    means, values = zip(*points, strict=True)
    return sum(values[i] * share for i, share in mixture(means, values, tokens).items())


def test_auto_is_not_below_the_best_fixed_split_at_any_of_three_budgets_and_above_it():
    policy = BudgetPolicy(statistics(simulated(40, seed=1, n=N, select="proposer")))
    table = prices([replay(policy, pool) for pool in simulated(20, seed=2, n=N, select="proposer")])
    test = simulated(60, seed=3, n=N, select="proposer")
    paths = [replay(policy, pool) for pool in test]
    shapes = [(m,) * n for n in range(1, N + 1) for m in (1, 2)]
    points = [tuple(np.mean([(pool.cost(shape), pool.accuracy(shape)) for pool in test], axis=0)) for shape in shapes]
    gained = []
    for budget in (60, 90, 120):
        tokens = right = 0.0
        for price, share in prices_of(table, budget):
            ends = [stopped(path, price) for path in paths]
            assert [end.tokens for end in ends] == [p.cost(end.depths) for p, end in zip(test, ends, strict=True)]
            accuracy = [pool.accuracy(end.depths, end.asked) for pool, end in zip(test, ends, strict=True)]
            tokens, right = tokens + share * np.mean([end.tokens for end in ends]), right + share * np.mean(accuracy)
        assert tokens == pytest.approx(budget, rel=0.25)  # priced on other problems
        gained.append(right - best_fixed(points, tokens))
    assert min(gained) >= 0 and max(gained) > 0.03
    assert any(0 in step.depths for path in paths for step in path)  # abstractions that nobody solved with


def test_looking_in_vain_is_paid_for():
    policy = BudgetPolicy(statistics(simulated(20, seed=1, n=3)))
    pool = simulated(1, seed=5, n=2, levels=(0.05,))[0]
    pool.grown.draws = Draws(
        ["z0", "z0", "z1", ""], [3, 3, 4, 9], [0, 0, 1, None], [-1.0, -1.0, -2.0, -3.0]
    )  # fmt: skip
    path = replay(policy, pool)
    vain = [step for step in path if step.tokens == pool.cost(step.depths, asked=3)]
    assert path[0].depths[0] == 1 and vain and path[-1] in vain
    nothing = Grown(Draws(["", ""], [5, 6], [None, None], [None, None]))
    assert [(step.depths, step.tokens) for step in replay(policy, Pool(nothing, "majority"))] == [((), 11)]
