"""The entropy law and the sigmoid on points whose truth is known."""

import math

import numpy as np
import pytest
from scipy import stats

from rlad.entropy.law import fit_law
from rlad.entropy.scaling import Sigmoid, fit_sigmoid

H = np.array([1.2, 0.9, 0.6, 0.4, 0.3])
R = 0.75 - 0.15 * np.exp(H)


def test_law_check_3_2():
    assert pytest.approx((0.2520, 0.3811, 0.4767, 0.5262, 0.5475), abs=1e-4) == R
    for n in (3, 5):
        law = fit_law(H[:n], R[:n])
        assert (law.a, law.b) == pytest.approx((0.15, 0.75), abs=1e-9)
        assert law.ceiling == pytest.approx(0.60, abs=1e-9)
        assert law.slope(0.3) == pytest.approx(-0.2025, abs=1e-4)


@pytest.mark.parametrize(("end", "error"), [(1.1, 0.0384), (0.8, 0.0091), (0.4, 0.0043)])
def test_error_of_the_ceiling_check_3_3(end, error):
    entropy = np.linspace(1.2, end, 36)
    x = np.exp(entropy)
    assert 0.01 * math.sqrt(1 / 36 + (x.mean() - 1) ** 2 / ((x - x.mean()) ** 2).sum()) == pytest.approx(
        error, abs=1e-4
    )
    law = fit_law(entropy, 0.7 - 0.1 * x + 0.01 * np.random.default_rng(0).normal(size=36))
    assert law.error(1.0) / law.s * 0.01 == pytest.approx(error, abs=1e-4)


def test_law_is_scipys_regression():
    rng = np.random.default_rng(1)
    entropy = rng.uniform(0.2, 1.0, 30)
    reward = 0.8 - 0.2 * np.exp(entropy) + 0.02 * rng.normal(size=30)
    law, theirs = fit_law(entropy, reward), stats.linregress(np.exp(entropy), reward)
    assert (-law.a, law.b) == pytest.approx((theirs.slope, theirs.intercept))
    t = stats.t.ppf(0.975, 28)
    low, high = law.intervals()["a"]
    assert (high - low) / 2 == pytest.approx(t * theirs.stderr)
    low, high = law.intervals()["b"]
    assert (high - low) / 2 == pytest.approx(t * theirs.intercept_stderr)


def test_noisy_points_give_back_the_truth_within_their_intervals():
    """Over 400 noisy runs each 95 % interval must hold the truth in about 95 % of them."""
    rng = np.random.default_rng(2)
    truth, inside, foretold = {"a": 0.15, "b": 0.75, "ceiling": 0.6}, dict.fromkeys(("a", "b", "ceiling"), 0), []
    for _ in range(400):
        entropy = np.sort(rng.uniform(0.3, 1.2, 36))[::-1]
        reward = 0.75 - 0.15 * np.exp(entropy) + 0.01 * rng.normal(size=36)
        law = fit_law(entropy[:11], reward[:11])
        for name, (low, high) in law.intervals().items():
            inside[name] += low <= truth[name] <= high
        ranges = [law.prediction(h) for h in entropy[11:]]
        foretold += [low <= r <= high for (low, high), r in zip(ranges, reward[11:], strict=True)]
    assert all(0.92 <= count / 400 <= 0.98 for count in inside.values()), inside
    assert 0.92 <= np.mean(foretold) <= 0.98


def test_law_refuses_what_it_cannot_fit():
    with pytest.raises(ValueError, match="at least three points"):
        fit_law([1.0, 0.5], [0.1, 0.2])
    with pytest.raises(ValueError, match="did not change"):
        fit_law([0.5] * 5, [0.1, 0.2, 0.3, 0.2, 0.1])


def test_sigmoid_check_3_10():
    for steepness in (0.5, 1.92, 7.0):
        assert Sigmoid(0.2, 0.61, 2542, steepness).reward(2542) == pytest.approx(0.405)
    assert Sigmoid(0.2, 0.61, 2542, 1.92).reward(4 * 2542) == pytest.approx(0.5832, abs=1e-4)


@pytest.mark.parametrize(("asymptote", "middle", "steepness"), [(0.610, 2542, 1.92), (0.650, 4242, 1.65)])
def test_noisy_sigmoids_are_found_and_half_curves_are_admitted(asymptote, middle, steepness):
    true = Sigmoid(0.2, asymptote, middle, steepness)
    rng = np.random.default_rng(3)
    compute = np.geomspace(middle / 10, middle * 5, 40)
    found = fit_sigmoid(compute, [true.reward(c) + 0.005 * rng.normal() for c in compute], 0.2)
    assert abs(found.asymptote - asymptote) < 3 * found.error < 0.06
    early = compute[compute < middle / 3]
    blind = fit_sigmoid(early, [true.reward(c) + 0.005 * rng.normal() for c in early], 0.2)
    assert blind.error > 0.1  # before the bend nobody knows the asymptote


def test_sigmoid_refuses_what_it_cannot_fit():
    with pytest.raises(ValueError, match="at least five points"):
        fit_sigmoid([1, 2, 3, 4], [0.1] * 4, 0.1)
