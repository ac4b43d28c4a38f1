"""Dynamic sampling and retired problems, on hand-made trees."""

import math

import pytest
import torch
from credit_rows import solution_rows
from trees import solution, tree

from rlad.config import CotrainConfig, PlayerConfig
from trainers.data.cursor import Cursor
from trainers.data.dynamic_sampling import PassRates, dynamic_sampling, has_signal

CPU = torch.device("cpu")
MIXED, SOLVED, FAILED = [[1, 0], [1, 1]], [[1, 1], [1, 1]], [[0, 0]]


@pytest.fixture(autouse=True)
def one_rank(monkeypatch):
    monkeypatch.setattr("trainers.runtime.zero3.total", lambda values, device: [float(value) for value in values])
    monkeypatch.setattr("trainers.runtime.zero3.concatenated", lambda values: (values, 0))


def test_signal_is_being_solved_sometimes():
    config = CotrainConfig()
    assert [has_signal(tree(rewards), config) for rewards in (MIXED, SOLVED, FAILED, [])] == [True, False, False, False]
    assert has_signal(tree(bare=[1, 0]), CotrainConfig(abstractions=0))
    assert not has_signal(tree(bare=[1, 0]), config)  # an anchor is never asked


def test_problems_are_added_until_as_many_have_a_signal_as_were_drawn():
    asked, supply = [], iter([[tree(SOLVED), tree(MIXED)], [tree(MIXED)], [tree(MIXED)]])

    def sample(number, missing):
        asked.append((number, missing))
        return next(supply)

    trees = [tree(MIXED), tree(FAILED), tree(SOLVED)]
    counts = dynamic_sampling(trees, CotrainConfig(dynamic_sampling=5), CPU, sample)
    assert asked == [(1, 2), (2, 1)]
    assert len(trees) == 6
    assert (counts["rounds"], counts["problems_generated"], counts["problems_used"]) == (2, 6, 3)
    assert counts["tokens_generated"] == sum(t.tokens for t in trees) > counts["tokens_used"]
    assert len(solution_rows(trees, CotrainConfig(dynamic_sampling=5), PlayerConfig())) == 6


def test_dynamic_sampling_stops_after_the_configured_rounds():
    trees = [tree(FAILED)]
    counts = dynamic_sampling(trees, CotrainConfig(dynamic_sampling=2), CPU, lambda number, missing: [tree(FAILED)])
    assert (counts["rounds"], counts["problems_generated"], counts["problems_used"]) == (2, 3, 0)


@pytest.mark.parametrize("p, kept", [(0.5, 0.9922), (0.9, 0.5695), (0.99, 0.0773)])
def test_how_often_a_problem_is_kept(p, kept):
    """Over all outcomes of eight solutions."""
    config, total = CotrainConfig(abstractions=0), 0.0
    for right in range(9):
        keeps = has_signal(tree(bare=[True] * right + [False] * (8 - right)), config)
        total += keeps * math.comb(8, right) * p**right * (1 - p) ** (8 - right)
    assert total == pytest.approx(kept, abs=1e-4)


def test_problems_that_are_nearly_always_solved_are_retired():
    trees = [tree(rewards) for rewards in (SOLVED, MIXED, FAILED, SOLVED)]
    trees[3].branches[0].solutions.append(solution(False))
    config = CotrainConfig(retire_above=0.9)
    rates = PassRates([t.problem for t in trees], 0.9, least_left=1)
    assert rates.retired() == frozenset()
    rates.add(trees, config, CPU)
    assert rates.retired() == {0}
    assert rates.state() == [[0, 4, 4], [1, 3, 4], [2, 0, 2], [3, 4, 5]]
    again = PassRates([t.problem for t in trees], 0.9, least_left=1)
    again.restore(rates.state())
    assert again.retired() == {0}
    assert 0 not in Cursor(4, 0).take(20, rates.retired())


def test_settled_problems_are_drawn_again_as_rarely_as_they_are_settled():
    """0 of 16 and 16 of 16 in 4 p (1 - p) = .114 of the steps, 8 of 16 in all; what was not drawn yet is."""
    trees = [tree([[1] * own + [0] * (16 - own)]) for own in (0, 8, 16, 4)]
    rates = PassRates([t.problem for t in trees], None, 1, settled_share=0.05, seed=7)
    for one in trees[0].solutions[8:]:
        one.further = True  # there because of how the others came out: no measure of the problem
    rates.add(trees[:3], CotrainConfig(), CPU)
    assert rates.state() == [[0, 0, 8], [1, 8, 16], [2, 16, 16]]
    rates.restore([[0, 0, 16], [1, 8, 16], [2, 16, 16]])
    left_out = [rates.skipped(step) for step in range(1, 1001)]
    shares = [sum(i in out for out in left_out) / 1000 for i in range(4)]
    assert shares == pytest.approx([0.886, 0, 0.886, 0], abs=0.03)
    again = PassRates([t.problem for t in trees], None, 1, settled_share=0.05, seed=7)
    again.restore(rates.state())
    assert [again.skipped(step) for step in range(1, 101)] == left_out[:100]  # a resumed run draws the same
    few = PassRates([t.problem for t in trees], None, 3, settled_share=0.01, seed=7)
    few.restore(rates.state())
    assert max(len(few.skipped(step)) for step in range(50)) == 1  # enough for a step always stay
    assert PassRates([t.problem for t in trees], None, 1).settled(1) == []


def test_enough_problems_for_a_step_always_stay():
    trees = [tree(SOLVED) for _ in range(4)]
    rates = PassRates([t.problem for t in trees], 0.5, least_left=3)
    rates.add(trees, CotrainConfig(), CPU)
    assert rates.retired() == {0}
    with pytest.raises(ValueError, match="no problem left"):
        Cursor(2, 0).take(1, frozenset({0, 1}))


def test_without_a_threshold_nothing_is_counted():
    rates = PassRates([], None, 1)
    rates.add([tree(SOLVED)], CotrainConfig(), CPU)
    assert rates.state() == [] and rates.retired() == frozenset()
