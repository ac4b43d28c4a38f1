"""The entropy law, the sigmoid and the two-phase detector on points whose truth is known."""

import math

import numpy as np
import pytest
from scipy import stats

from rlad.entropy.law import fit_law
from rlad.entropy.phases import bootstrap_slope, fit_line, splits, two_phases
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


STEPS = list(range(40))
BENT = [2 - 0.05 * t if t < 20 else 0.9 for t in STEPS]


def test_knee_check_3_6():
    best, second, *_ = splits(STEPS, BENT)
    assert best.at == 20
    assert best.rss < 1e-20
    assert second.rss > 1e-3
    tie = [2 - 0.05 * t if t < 20 else 1.0 for t in STEPS]
    assert {knee.at for knee in splits(STEPS, tie)[:2]} == {20, 21}


def test_lines_are_numpys():
    rng = np.random.default_rng(5)
    x, y = rng.random(20), rng.random(20)
    (slope, _), (rss,), *_ = np.polyfit(x, y, 1, full=True)
    line = fit_line(x, y)
    assert (line.slope, line.rss) == pytest.approx((slope, rss))
    low, high = bootstrap_slope(x, 2 * x + 0.01 * y)
    assert low < 2 + 0.01 * slope < high
    assert high - low < 0.05


@pytest.mark.parametrize(
    ("execution", "planning", "step"),
    [
        (BENT, [1.0 if t < 20 else 1 + 0.02 * (t - 20) for t in STEPS], 20),
        (BENT, [1.0] * 40, None),
        (BENT, [1 - 0.01 * t for t in STEPS], None),
        ([2 - 0.05 * t if t < 20 else 1 - 0.02 * (t - 20) for t in STEPS], STEPS, None),
        ([2 - 0.03 * t for t in STEPS], STEPS, None),
        ([1.0] * 5, [1.0] * 5, None),
    ],
    ids=["two phases", "planning flat", "planning falls", "execution goes on falling", "no knee", "too short"],
)
def test_phases(execution, planning, step):
    rng = np.random.default_rng(6)
    found = two_phases(STEPS[: len(execution)], execution, planning)
    assert found.step == step
    noisy = [value + 0.01 * rng.normal() for value in execution]
    found = two_phases(STEPS[: len(execution)], noisy, planning)
    assert (found.step is None) == (step is None)
    assert found.step is None or abs(found.step - step) <= 2
