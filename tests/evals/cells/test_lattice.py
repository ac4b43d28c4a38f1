"""All cells of a pool at once are what each is by itself; splits are chosen by one half and measured by the other."""

import doctest

import numpy as np
import pytest
import simulated_jobs
from scipy import stats

from evals.cells import lattice, rows
from evals.cells.lattice import PoolCells
from evals.samples.judged import BreadthSamples, PlainSamples
from evals.samples.trees import Condition, Draws, Grown
from evals.spending import splits
from evals.statistics import estimators as est
from rlad.config.registry import rule

DEPTH = (3, 3, 2, 1)


def breadth(problems=6, depth=DEPTH, seed=0):
    rng = np.random.default_rng(seed)
    records = [simulated_jobs.grown(rng, depth) for _ in range(problems)]
    records.append(Grown(Draws(["?"], [3], [None], [-1.0])))  # nothing that is an abstraction
    records.append(Grown(records[0].draws, records[0].branches[:2]))  # fewer than were wanted
    records[-1].draws = Draws(["z0", "z1"], [3, 4], [0, 1], [-1.0, -2.0])
    return BreadthSamples.of(Condition("cotrained", "x", "distinct", 0.3, depth=depth), records)


def test_worked_examples_in_docstrings():
    for module in (lattice, splits):
        assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    "name", ["majority", "draws", "proposer", "marginal", "horvitz_thompson", "platt", "borda", "unguided"]
)
def test_all_cells_at_once_are_each_by_itself(name):
    samples = breadth()
    pool = PoolCells.of(samples, name)
    for n, m in lattice.shapes(DEPTH):
        at = (slice(None), n - 1, m - 1)
        keys = rule[name].keys() if rule[name].keys else None
        assert pool.accuracy[at] == pytest.approx(samples.accuracy(n, m, name, keys)), (n, m)
        assert pool.tokens[at] == pytest.approx(samples.spent(n, m))
        assert pool.latency[at] == pytest.approx(samples.latency(n, m))
        assert pool.covered[at] == pytest.approx(rows.breadth_covered(samples, n, m))
    assert np.isnan(pool.accuracy[:, 3, 1]).all()  # not grown


def test_a_rule_in_which_the_number_of_solutions_is_no_factor_is_asked_cell_by_cell():
    assert lattice.fits("proposer", rule["proposer"].keys()) and not lattice.fits("borda", None)
    for name in rule.names():  # whatever a rule reads
        assert lattice.fits(name, rule[name].keys() if rule[name].keys else None) in (True, False)


def test_the_mean_of_a_bootstrap_is_scipys():
    rng = np.random.default_rng(0)
    for column in (rng.random(60) < 0.2, rng.integers(0, 4, 90) / 4, [0, 0, 0, 1.0]):
        values = np.asarray(column, float)
        whole = stats.bootstrap((values,), np.mean, paired=True, n_resamples=300, method="BCa",
                                rng=np.random.default_rng(5)).confidence_interval  # fmt: skip
        found = est.bootstrap(values, resamples=300, seed=5)
        assert [found.low, found.high] == pytest.approx([whole.low, whole.high], abs=1e-12)


def test_holm_finds_no_cell_in_noise_and_the_one_that_is_real():
    """Of 40 families of 30 cells without a difference few may have one; a real one is found beside them."""
    rng = np.random.default_rng(0)
    false = sum(
        min(est.holm([est.paired_p(rng.random(100), rng.random(100)) for _ in range(30)])) <= 0.05 for _ in range(40)
    )
    assert false <= 6
    real = est.paired_p(rng.random(100) + 0.3, rng.random(100))
    assert est.holm([real, *(est.paired_p(rng.random(100), rng.random(100)) for _ in range(29))])[0] <= 0.05


def test_the_best_split_is_the_cheapest_of_the_best_and_names_those_level_with_it():
    accuracy = np.zeros((40, 2, 2))
    accuracy[:, 0, 0] = np.arange(40) % 5 == 0
    accuracy[:, 0, 1] = accuracy[:, 1, 0] = np.arange(40) % 2
    accuracy[:, 1, 1] = 1
    tokens = np.broadcast_to([[10.0, 20.0], [15.0, 40.0]], accuracy.shape)
    pool = PoolCells((2, 2), accuracy, accuracy, tokens, tokens)
    assert splits.best_split(pool, 20.0) == ((2, 1), [(1, 2)])
    assert splits.best_split(pool, 10.0) == ((1, 1), [])
    assert splits.best_split(pool, 50.0) == ((2, 2), [])


def test_cells_are_set_beside_plain_sampling_at_their_tokens():
    samples = breadth(problems=30)
    rng = np.random.default_rng(1)
    records = [simulated_jobs.solutions(rng, 12)[0] for _ in samples.problems]
    plain = PlainSamples.of(Condition("cotrained", "x", "plain", 1.0), records)
    cell = rows.breadth_cell(samples, 2, 2, resamples=50)
    rows.against_plain([cell], [plain], lambda _: None, resamples=50)
    k = est.samples_for_budget(plain.tokens, float(samples.spent(2, 2).mean()))
    gap = samples.accuracy(2, 2) - plain.accuracy(k)
    assert cell.row["difference"] == pytest.approx(gap.mean(), abs=1e-4)
    assert cell.row["p_holm"] == pytest.approx(est.paired_p(gap, 0 * gap), abs=1e-4)
    assert cell.row["latency"] == pytest.approx(samples.latency(2, 2).mean(), abs=0.01)
