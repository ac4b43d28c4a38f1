"""The two-phase detector on made-up curves whose truth is known."""

import numpy as np
import pytest

from evals.benchmarks.analysis.phase_alarms import WORLDS, share_found
from rlad.entropy.phases import CHANCE, autoregression, bends, best_splits, fit_line, rise_chance, two_phases

STEPS = list(range(40))
BENT = [2 - 0.05 * t if t < 20 else 0.9 for t in STEPS]


def test_knee_check_3_6():
    best, second, *_ = best_splits(STEPS, BENT)
    assert best.at == 20
    assert best.rss < 1e-20
    assert second.rss > 1e-3
    tie = [2 - 0.05 * t if t < 20 else 1.0 for t in STEPS]
    assert {knee.at for knee in best_splits(STEPS, tie)[:2]} == {20, 21}


def test_lines_are_numpys():
    rng = np.random.default_rng(5)
    x, y = rng.random(20), rng.random(20)
    (slope, _), (rss,), *_ = np.polyfit(x, y, 1, full=True)
    line = fit_line(x, y)
    assert (line.slope, line.rss) == pytest.approx((slope, rss))


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


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9, 0.95])
@pytest.mark.parametrize("world", ["nothing", "flattens"])
def test_noise_with_memory_is_no_second_phase(world, memory):
    """A slow wave of the planning series is not its rise: at most 6 % false alarms in 200 runs."""
    assert share_found(WORLDS[world], 40, memory, 200) <= 0.06


@pytest.mark.parametrize(("memory", "least"), [(0.0, 0.9), (0.5, 0.9), (0.9, 0.9)])
def test_a_true_rise_is_still_found(memory, least):
    """The rise of Check 3.6 is forty times its noise; one of ten times is found without memory."""
    assert share_found(WORLDS["rises by 40"], 40, memory, 50) >= least
    assert share_found(WORLDS["rises by 10"], 40, 0.0, 50) >= least


def test_the_rise_alone_decides_behind_a_knee():
    """One execution curve, three planning curves: the interval of chance is what tells them apart."""
    rng = np.random.default_rng(0)
    noise = 0.05 * rng.normal(size=40)
    rising, drifting = noise + 0.02 * np.arange(40), np.cumsum(noise)
    assert two_phases(STEPS, BENT, rising).planning_chance <= CHANCE
    assert two_phases(STEPS, BENT, noise).planning_chance > CHANCE
    found = two_phases(STEPS, BENT, drifting + 0.2 * np.arange(40) / 40)
    assert found.step is None and found.planning_slope > 0


def test_memory_is_not_underestimated():
    """The fitted autocorrelation is an upper bound in six of seven series, of short ones too."""
    for steps in (15, 40):
        above = 0
        for seed in range(200):
            rng, series = np.random.default_rng(seed), [0.0]
            for _ in range(steps + 50):
                series.append(0.8 * series[-1] + rng.normal())
            x, y = np.arange(steps), np.array(series[-steps:])
            level = y - y.mean() - fit_line(x, y).slope * (x - x.mean())
            above += autoregression(level) >= 0.8
        assert above >= 172, (steps, above)


def test_chances_are_seeded():
    x, y = np.arange(12.0), np.array([0, 1, 0, 2, 1, 3, 2, 4, 2, 3, 4, 3.0])
    assert rise_chance(x, y) == rise_chance(x, y) != rise_chance(x, y, seed=1)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("slope", [-0.8, -0.37, 0.0, 0.11, 1 / 3])
def test_a_straight_line_has_no_knee_however_it_is_rounded(slope, scale):
    """Rounding is no noise: which way it falls is the processor's, and the fit of two lines is always a bit smaller."""
    steps = np.arange(1, 401)
    for least in (50, 80, 200, 400):
        values = scale * (1 + slope * steps[:least] / 400)
        assert not bends(steps[:least], values, best_splits(steps[:least], values)[0])


def test_a_bend_of_a_millionth_is_still_one():
    steps = np.arange(100.0)
    values = 1 + 1e-6 * np.abs(steps - 50)
    knee = best_splits(steps, values)[0]
    assert knee.at == pytest.approx(50, abs=1) and bends(steps, values, knee)
