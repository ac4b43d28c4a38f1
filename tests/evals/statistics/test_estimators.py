"""The estimators against brute force, published worked examples, and their own promises on synthetic data."""

import doctest
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.benchmarks.analysis import interval_coverage
from evals.statistics import estimators as est

DOCS = Path(__file__).resolve().parents[3] / "docs"


def test_worked_examples_in_docstrings():
    assert doctest.testmod(est).failed == 0


@given(st.lists(st.booleans(), min_size=1, max_size=8), st.data())
def test_pass_at_k_is_the_mean_over_all_subsets(flags, data):
    k = data.draw(st.integers(1, len(flags)))
    brute = np.mean([any(subset) for subset in itertools.combinations(flags, k)])
    assert est.pass_at_k(len(flags), sum(flags), k) == pytest.approx(brute)


def test_pass_at_k_stays_exact_for_many_samples():
    assert est.pass_at_k(10_000, 1, 5_000) == pytest.approx(0.5)
    assert est.pass_at_k([16, 16], [0, 16], 8).tolist() == [0.0, 1.0]


def test_fractional_k_is_the_mixture_of_its_neighbours():
    at = lambda k: float(est.pass_at_k(12, 3, k))  # noqa: E731
    assert at(4.25) == pytest.approx(0.75 * at(4) + 0.25 * at(5))
    assert at(0) == 0
    assert at(0.5) == pytest.approx(0.5 * 3 / 12)


@pytest.mark.parametrize(("total", "correct", "k"), [(4, 5, 1), (4, -1, 1), (4, 1, 4.5), (4, 1, -1)])
def test_pass_at_k_refuses_what_it_cannot_know(total, correct, k):
    with pytest.raises(ValueError, match=r"pass@"):
        est.pass_at_k([total], [correct], k)


def test_budget_beyond_the_samples_is_refused_not_extrapolated():
    assert est.pass_at_k([4], [1], est.samples_for_budget([10.0], 40.0)).tolist() == [1.0]
    with pytest.raises(ValueError, match=r"pass@4\.1"):
        est.pass_at_k([4], [1], est.samples_for_budget([10.0], 41.0))


def _vote(keys, flags, subset):
    """Majority of one subset by the definition, slowly."""
    counts: dict = {}
    for i in subset:
        if keys[i] is not None:
            counts[keys[i]] = counts.get(keys[i], 0) + 1
    tied = [key for key, count in counts.items() if count == max(counts.values())]
    return np.mean([flags[keys.index(key)] for key in tied]) if tied else 0.0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["A", "B", "C", "D", None]), min_size=1, max_size=8), st.sets(st.sampled_from("ABC")))
def test_majority_at_k_is_the_mean_over_all_subsets(keys, right):
    flags = [key in right for key in keys]
    exact = est.majority_at_k(keys, flags)
    for k in range(1, len(keys) + 1):
        brute = np.mean([_vote(keys, flags, subset) for subset in itertools.combinations(range(len(keys)), k)])
        assert exact[k] == pytest.approx(brute), k


def test_majority_of_many_samples_agrees_with_simulation():
    rng = np.random.default_rng(0)
    keys = [int(x) for x in rng.choice(12, size=64, p=[0.2, 0.25] + [0.055] * 10)]
    flags = [key == 0 for key in keys]
    exact = est.majority_at_k(keys, flags, [16])[16]
    votes = [_vote(keys, flags, rng.choice(64, 16, replace=False)) for _ in range(4000)]
    assert exact == pytest.approx(np.mean(votes), abs=4 * np.std(votes) / 4000**0.5)


def test_majority_refuses_bad_sizes():
    with pytest.raises(ValueError, match="1 answers and 2 verdicts"):
        est.majority_at_k(["A"], [True, False])
    with pytest.raises(ValueError, match="number of samples"):
        est.majority_at_k(["A"], [True], [2])


def test_set_coverage_pools_independent_abstractions():
    assert est.set_coverage([4, 4], [0, 2], m=2) == pytest.approx(float(est.pass_at_k(4, 2, 2)))
    assert est.set_coverage([], [], m=1) == 0.0
    assert est.set_coverage([1, 1], [0, 1], m=1, n=8) == 1.0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.booleans(), min_size=2, max_size=3), min_size=1, max_size=3), st.integers(1, 2))
def test_set_coverage_is_the_mean_over_all_choices_of_solutions(flags, m):
    choices = [list(itertools.combinations(row, m)) for row in flags]
    brute = np.mean([any(any(picked) for picked in together) for together in itertools.product(*choices)])
    found = est.set_coverage([len(row) for row in flags], [sum(row) for row in flags], m)
    assert found == pytest.approx(brute)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=7), st.data())
def test_the_longest_of_k_is_the_mean_over_all_subsets(tokens, data):
    k = data.draw(st.integers(1, len(tokens)))
    brute = np.mean([max(subset) for subset in itertools.combinations(tokens, k)])
    assert est.longest_of(tokens, k) == pytest.approx(brute)
    with pytest.raises(ValueError, match="longest of"):
        est.longest_of(tokens, len(tokens) + 0.5)


@pytest.mark.parametrize(("size", "expected"), [(4, 0.7486), (8, 0.6789), (16, 0.6276)])
def test_noise_alone_makes_the_best_of_four_look_good(size, expected):
    flags = np.random.default_rng(0).random((4000, 4 * size)) < 0.5
    assert est.best_of_blocks(flags, 4, size, shuffles=8).mean() == pytest.approx(expected, abs=0.006)


def test_best_of_blocks_refuses_too_few_samples():
    with pytest.raises(ValueError, match="need 16"):
        est.best_of_blocks(np.zeros((1, 8)), 4, 4)


def test_bootstrap_covers_the_truth_nineteen_times_in_twenty():
    rng = np.random.default_rng(0)
    truth, hits = 0.2, 0
    for trial in range(200):
        interval = est.bootstrap(rng.random(150) < truth, resamples=400, seed=trial)
        hits += interval.low <= truth <= interval.high
    assert 0.90 <= hits / 200 <= 0.985


def test_a_sweeps_intervals_hold_what_is_true_of_made_up_solvers():
    """All cells, accuracy and coverage; docs/evaluation.md has the share of 200 sweeps."""
    assert doctest.testmod(interval_coverage).failed == 0
    found = interval_coverage.bench(interval_coverage.Keys(repetitions=20, problems=60, resamples=300))
    assert found["held"] >= 0.88 and len(found["cells"]) == 2 * 9
    kept = json.loads((DOCS / "results" / "interval-coverage.json").read_text())
    assert found.keys() == kept.keys() and found["cells"].keys() == kept["cells"].keys()
    assert kept["repetitions"] == 200 and min(kept["cells"].values()) == kept["worst_held"] >= 0.93
    page = (DOCS / "evaluation.md").read_text()
    assert f"{100 * kept['held']:.1f} % of all intervals" in page and f"{100 * kept['worst_held']:.1f} % of the" in page


def test_pairing_makes_the_interval_narrow():
    rng = np.random.default_rng(0)
    hardness = rng.random(300)
    a, b = hardness + 0.02 + 0.05 * rng.standard_normal(300), hardness + 0.05 * rng.standard_normal(300)
    paired = est.paired_difference(a, b)
    assert 0 < paired.low < 0.02 < paired.high
    assert paired.high - paired.low < 0.3 * (est.bootstrap(a).high - est.bootstrap(a).low)


def test_bootstrap_is_seeded_and_takes_a_statistic_of_several_columns():
    rng = np.random.default_rng(0)
    won, spent = rng.random(80), 10 + rng.random(80)
    ratio = lambda a, b, axis: a.sum(axis) / b.sum(axis)  # noqa: E731
    first, again = (est.bootstrap(won, spent, statistic=ratio, seed=3) for _ in range(2))
    assert first == again
    assert first.estimate == pytest.approx(won.sum() / spent.sum())
    assert first.low < first.estimate < first.high


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=40))
def test_bootstrap_never_returns_a_hole(values):
    interval = est.bootstrap(values, resamples=200)
    assert interval.low <= interval.estimate <= interval.high


def test_bootstrap_and_pairing_refuse_unequal_problems():
    with pytest.raises(ValueError, match="non-empty"):
        est.bootstrap([])
    with pytest.raises(ValueError, match="same problems"):
        est.paired_difference([1.0, 0.0], [1.0])


def test_one_seed_has_no_interval():
    alone = est.mean_over_seeds([0.4])
    assert alone.estimate == 0.4
    assert np.isnan(alone.low)
    assert not (alone.low > 0 or alone.high < 0)


def test_too_many_samples_are_refused_with_the_number_there_is():
    with pytest.raises(ValueError, match=r"pass@5 cannot be estimated from 3 samples of a problem"):
        est.pass_at_k([3, 4], [1, 1], 5)
