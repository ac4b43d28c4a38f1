"""`budget=auto` on problems whose success probabilities are known: statistics recovered, fixed splits not undercut."""

from math import log

import numpy as np
import pytest
from simulated_pools import simulated

from evals.budget import Pool, levels, mixture, prices, replay, statistics, stopped
from evals.trees import Draws, Grown, Guided, Samples
from rlad.reasoning.budget_policy import BudgetPolicy, price_of
from rlad.reasoning.posterior import Posterior

N = 8
"""Abstractions of a pool."""


@pytest.fixture(scope="module")
def fitted():
    return statistics(simulated(60, seed=1, n=N))


def test_statistics_are_those_of_the_simulation(fitted):
    assert fitted.follow == pytest.approx(0.9, abs=0.03)
    assert fitted.collision == pytest.approx(1 / 12, abs=0.03)
    assert 0.5 <= fitted.slope <= 1.5 and fitted.sharpness >= 0.5
    assert fitted.abstraction_tokens == tuple(float(i) for i in range(5, 5 + N))
    assert fitted.levels == tuple(sorted(fitted.levels)) and fitted.levels[-1] - fitted.levels[0] > 0.3


def test_levels_take_the_noise_of_counting_out():
    rng = np.random.default_rng(0)
    alike = rng.binomial(8, 0.4, 4000) / 8
    assert np.ptp(levels(alike, [8] * 4000)) < 0.15
    apart = rng.binomial(8, rng.choice([0.1, 0.7], 4000)) / 8
    assert np.ptp(levels(apart, [8] * 4000)) > 0.5


def selected(statistics, pool, depths):
    chances = Posterior(statistics, pool.seen(depths)).of
    return float(max(chances, key=chances.get) == 0)


def best_fixed(points, tokens):
    """The value of the best mixture of fixed splits, `points` of (mean tokens, value)."""
    means, values = zip(*points, strict=True)
    return sum(values[i] * share for i, share in mixture(means, values, tokens).items())


def test_auto_is_not_below_the_best_fixed_split_at_any_of_three_budgets_and_above_it(fitted):
    policy, validation, test = BudgetPolicy(fitted), simulated(50, seed=2, n=N), simulated(160, seed=3, n=N)
    table = prices([replay(policy, pool) for pool in validation])
    paths = [replay(policy, pool) for pool in test]
    splits = [(n, m) for n in range(1, N + 1) for m in (1, 2)]
    points = [
        tuple(np.mean([(pool.cost([m] * n), selected(fitted, pool, [m] * n)) for pool in test], axis=0))
        for n, m in splits
    ]
    gained = []
    for budget in (100, 140, 200):
        ends = [stopped(path, price_of(table, budget)) for path in paths]
        tokens = np.mean([end.tokens for end in ends])
        assert tokens == pytest.approx(budget, rel=0.15)  # priced on other problems
        auto = np.mean([selected(fitted, pool, end.depths) for pool, end in zip(test, ends, strict=True)])
        gained.append(auto - best_fixed(points, tokens))
        assert [end.tokens for end in ends] == [p.cost(end.depths) for p, end in zip(test, ends, strict=True)]
    assert min(gained) >= 0 and max(gained) > 0.03


def grown_tree():
    """Draws: z0, z0 again, z1 in two texts, one that is nothing; z0 solved twice, z1 once."""
    first = Samples(["a", "b"], [20, 30], [None] * 2, ["correct", "incorrect"], [0, 1])
    second = Samples(["c"], [25], [None], ["incorrect"], [None])
    draws = Draws(["z0", "z0", "z1", "1z", ""], [3, 3, 4, 4, 9], [0, 0, 1, 1, None], [log(0.5)] * 2 + [log(0.1)] * 3)
    return Grown(draws, [Guided("z0", False, first), Guided("z1", False, second)])


def test_a_sweeps_tree_as_a_pool():
    pool = Pool.of(grown_tree())
    assert pool.drawing == (3, 7) and pool.rest == 13  # what a third abstraction would have been looked for with
    assert pool.proposals == pytest.approx((log(0.5), log(0.2)))
    assert (pool.answers, pool.right) == (((0, 1), (None,)), ((True, False), (False,)))
    assert pool.cost((1, 1)) == 3 + 20 + 7 + 25 and pool.cost((2, 1), asked=3) == 3 + 50 + 7 + 25 + 13
    old = grown_tree()
    old.draws.model_logprob = []
    assert Pool.of(old).proposals == (None, None)


def test_looking_in_vain_is_paid_for(fitted):
    path = replay(BudgetPolicy(fitted), Pool.of(grown_tree()))
    assert path[0].depths == (1,) and path[0].tokens == 23
    vain = [step for step in path if step.tokens == Pool.of(grown_tree()).cost(step.depths, asked=3)]
    assert vain and path[-1] in vain
    nothing = Grown(Draws(["", ""], [5, 6], [None, None], [None, None]))
    assert [(step.depths, step.tokens) for step in replay(BudgetPolicy(fitted), Pool.of(nothing))] == [((), 11)]
