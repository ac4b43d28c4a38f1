"""The numbers of a budget policy are those of the simulation that they are counted on."""

from math import log

import numpy as np
import pytest
from simulated_pools import simulated

from evals.spending.statistics import _loss, alike, statistics

N = 6


@pytest.fixture(scope="module")
def counted():
    return statistics(simulated(60, seed=1, n=N))


def test_statistics_are_those_of_the_simulation(counted):
    assert counted.follow == pytest.approx(0.82, abs=0.05)  # .9^2 and a little
    assert counted.collision == pytest.approx(1 / 12, abs=0.03) and counted.silent == 0
    assert counted.abstraction_tokens == tuple(float(i) for i in range(5, 5 + N))
    assert counted.solution_tokens == pytest.approx(24.5, abs=0.5)
    assert np.mean(counted.success) == pytest.approx(0.33, abs=0.06) and counted.alike < 8  # levels from .05 to .8
    assert np.mean(counted.proposals) == pytest.approx(-3, abs=0.2)
    assert counted.proposal_spread == pytest.approx(1, abs=0.15)


def test_votes_are_sized_by_their_rule(counted):
    assert (counted.vote, counted.vote_slope, counted.echo) == pytest.approx((0, 0, 1))  # every solution has one
    believed = statistics(simulated(20, seed=1, n=N, select="proposer"))
    assert (believed.vote, believed.vote_slope, believed.echo) == pytest.approx((0, 1, 0), abs=1e-9)
    assert counted.vote_power > 1 and believed.vote_power > 0.3


def test_problems_that_are_alike_are_told_from_others():
    rng = np.random.default_rng(0)
    assert alike((rng.random((2000, 8)) < 0.4).tolist()) > 30
    apart = rng.beta(0.8, 1.2, (2000, 1))
    assert alike((rng.random((2000, 8)) < apart).tolist()) == pytest.approx(2, rel=0.15)


def test_the_likelihood_is_maximised_along_its_gradient():
    features = np.array([[[log(2), 0.0, 0.0]], [[0.0, 0.0, 1.0]], [[0.0, 0.0, log(3)]]])
    given, truth, at = np.ones((1, 3), bool), np.array([1]), np.array([0.5, -1.0, 0.3])
    loss, gradient = _loss(at, features, given, truth)
    rest = np.exp(-1 + 0.3 * log(3))
    assert loss == pytest.approx(log(2**0.5 + 1 + rest) + 1e-3 * (0.25 + 1 + 0.09))
    for i in range(3):
        step = np.eye(3)[i] * 1e-6
        slope = (_loss(at + step, features, given, truth)[0] - _loss(at - step, features, given, truth)[0]) / 2e-6
        assert gradient[i] == pytest.approx(slope, abs=1e-6)
