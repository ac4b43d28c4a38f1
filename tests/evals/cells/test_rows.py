"""Cells of the sweep: tokens counted in full, equal budgets, paired comparisons, the triple and its control."""

import doctest
import json

import numpy as np
import pytest

from evals.cells import rows, temperatures
from evals.samples import workers
from evals.samples.judged import BreadthProblem, BreadthSamples, PlainSamples


def plain(rng, rate=0.3, problems=60, samples=16, length=20, checkpoint="warmstart", temperature=1.0):
    correct = rng.random((problems, samples)) < rate
    tokens = rng.integers(length - 5, length + 6, (problems, samples))
    keys = [[0 if flag else int(rng.integers(1, 20)) for flag in row] for row in correct]
    return PlainSamples(checkpoint, "base", temperature, correct, tokens, keys)


def breadth(correct, solution_tokens=10, proposal_tokens=4, first_draw=None):
    flags = np.asarray(correct, bool)
    problem = BreadthProblem(
        proposal_tokens=[proposal_tokens] * 8,
        first_draw=list(first_draw or range(len(flags))),
        correct=flags,
        tokens=np.full(flags.shape, solution_tokens),
        keys=[[0 if flag else (i, j) for j, flag in enumerate(row)] for i, row in enumerate(flags)],
    )
    return BreadthSamples("cotrained", "pair", 0.3, [problem, problem])


def test_worked_examples_in_docstrings():
    for module in (rows, workers, temperatures):
        assert doctest.testmod(module).failed == 0


def test_plain_cell_reads_its_measures_off_the_samples():
    samples = plain(np.random.default_rng(0))
    one, all_ = rows.plain_cell(samples, 1), rows.plain_cell(samples, 16)
    assert one.row["accuracy"] == one.row["pass_at_k"] == round(samples.correct.mean(), 4)
    assert all_.row["pass_at_k"] == round(samples.correct.any(1).mean(), 4)
    assert all_.row["tokens_per_problem"] == pytest.approx(16 * samples.tokens.mean(), abs=0.01)
    assert one.row["ci95"][0] < one.row["accuracy"] < one.row["ci95"][1]
    json.dumps(all_.row)


def test_plain_at_a_budget_spends_it_exactly_on_average():
    samples = plain(np.random.default_rng(1))
    cell = rows.plain_at_budget(samples, 137.5)
    assert cell.tokens.mean() == pytest.approx(137.5)
    low, high = (rows.plain_cell(samples, k).covered.mean() for k in (6, 7))
    assert low < cell.covered.mean() < high


def test_breadth_counts_every_proposal_until_the_last_distinct_one():
    samples = breadth([[1, 0], [0, 0], [1, 1]], first_draw=[0, 1, 5])
    wide = rows.breadth_cell(samples, n=3, m=1)
    assert wide.row["tokens_per_problem"] == 6 * 4 + 3 * 10  # the third appeared at the sixth draw
    assert wide.covered.tolist() == [1.0, 1.0]
    narrow = rows.breadth_cell(samples, n=2, m=1)
    assert narrow.row["distinct"] == 2
    assert narrow.row["tokens_per_problem"] == 2 * 4 + 2 * 10
    assert narrow.covered.tolist() == [0.5, 0.5]  # pass@1 of the first of two flags
    assert narrow.accuracy.tolist() == [0.5, 0.5]  # two different answers, one right: a tie


def test_a_problem_with_too_few_abstractions_pays_for_all_its_draws():
    cell = rows.breadth_cell(breadth(np.zeros((1, 2)), first_draw=[7]), n=4, m=2)
    assert cell.row["tokens_per_problem"] == 8 * 4 + 2 * 10
    assert cell.covered.sum() == cell.accuracy.sum() == 0
    cell = rows.breadth_cell(breadth(np.zeros((0, 2)), first_draw=None), n=4, m=2)
    assert cell.row["tokens_per_problem"] == 8 * 4


def test_best_temperature_is_chosen_in_favour_of_plain_sampling():
    rng = np.random.default_rng(2)
    runs = [plain(rng, 0.1, temperature=0.7), plain(rng, 0.3, temperature=1.3)]
    assert rows.best_plain_at_budget(runs, 100.0).row["temperature"] == 1.3


def test_comparison_is_paired_and_names_both_sides():
    rng = np.random.default_rng(3)
    a, b = rows.plain_cell(plain(rng, 0.5), 4), rows.plain_cell(plain(rng, 0.2), 4)
    row = rows.comparison("wider is better", a, b)
    assert row["difference"] == pytest.approx(a.covered.mean() - b.covered.mean(), abs=1e-4)
    assert row["ci95"][0] > 0
    assert row["a"]["pass_at_k"] == a.row["pass_at_k"]
    assert rows.comparison("votes", a, b, "accuracy")["measure"] == "accuracy"


def test_curve_holds_every_k():
    samples = plain(np.random.default_rng(4))
    line = rows.curve(samples)
    assert len(line["pass_at_k"]) == len(line["accuracy"]) == 16
    assert line["pass_at_k"] == sorted(line["pass_at_k"])
    assert line["tokens_per_sample"] == pytest.approx(samples.tokens.mean(), abs=1e-3)


def test_triple_prints_the_control_of_its_oracle():
    rng = np.random.default_rng(5)
    result = rows.triple(rng.random((300, 16)) < 0.5, rng.random((300, 4, 4)) < 0.5)
    assert result["with_mean"] == pytest.approx(0.5, abs=0.03)
    assert result["with_best"] == pytest.approx(0.7486, abs=0.03)  # all abstractions equal: noise alone
    assert result["best_control"] == pytest.approx(0.7486, abs=0.03)
    assert rows.triple(np.zeros((3, 2)), np.zeros((3, 4, 4)))["best_control"] is None
    json.dumps(result)
