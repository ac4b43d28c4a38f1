"""The pair's step and its halves: same trees, turns in every order, both clocks, and a refusal of unlike trees."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from evals.benchmarks.steps.pair import KINDS, Keys, _result, kind_of, turn_of
from evals.benchmarks.steps.pair_program import share_seeds, take_turns, with_laps


def test_every_kind_has_its_place_first_second_and_third():
    steps = range(1, 10)
    assert [turn_of(step) for step in steps] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    for place in range(3):
        assert {kind_of(step) for step in steps if (step - 1) % 3 == place} == set(KINDS)


def test_the_steps_of_a_turn_draw_the_same_problems_and_seeds_and_only_their_players_learn():
    class Trainer:
        roles, config = ("abstraction", "solution"), SimpleNamespace(problems=5)

        def __init__(self):
            self.cursor = SimpleNamespace(restore=lambda position: setattr(self, "position", position))

        def draw(self, step):
            return step, self.position

    module = SimpleNamespace(sampling_seed=lambda run, step, rank, phase: (run, step, rank, phase))
    take_turns(Trainer, Trainer)
    share_seeds(module)
    trainer = Trainer()
    assert [trainer.draw(step) for step in range(1, 7)] == [(1, 0), (2, 0), (3, 0), (4, 5), (5, 5), (6, 5)]
    assert [module.sampling_seed(7, step, 1, 2) for step in (3, 4)] == [(7, 1, 1, 2), (7, 2, 1, 2)]
    learning = [["abstraction", "solution"], ["abstraction"], ["solution"]]
    assert [trainer.learning(step) for step in (1, 2, 3)] == learning


def test_laps_keep_steps_and_not_what_lies_between_them():
    class Stopwatch:
        def __init__(self):
            self.seconds = {}

        @contextmanager
        def phase(self, name):
            yield
            self.seconds[name] = 1.0

        def lap(self):
            seconds, self.seconds = {**self.seconds, "total": 3.0}, {}
            return seconds

    laps = []
    clock = with_laps(Stopwatch, laps)()
    clock.lap()
    with clock.phase("update"):
        sum(range(200_000))
    assert clock.lap() == {"update": 1.0, "total": 3.0}
    clock.lap()
    (lap,) = laps
    assert lap["seconds"] == {"update": 1.0, "total": 3.0}
    assert lap["cpu"]["total"] >= lap["cpu"]["update"] > 0


def test_a_turn_counts_only_where_its_steps_grew_the_same_trees():
    """Two ranks: their processor seconds are added up, the clock is the first one's."""
    keys = Keys(turns=1, warm=1)
    lap = {"solve": 2, "update": 4, "record": 1, "total": 7}
    laps = [[{"seconds": lap, "cpu": {name: value / 2 for name, value in lap.items()}}] * 7] * 2
    found = _result(laps, [1, 2, 3, 9, 9, 9, 5], keys)
    assert found["tokens"] == [9] and found["steps"]["solution"] == [
        {"rollout": 2, "learn": 4, "update": 4, "rest": 1, "total": 7}
    ]
    assert found["cpu"]["steps"]["pair"][0]["total"] == 7 and found["ratio"] == 0.636
    with pytest.raises(RuntimeError, match=r"did not grow the same trees: they have \[\[9, 8, 9\]\] tokens"):
        _result(laps, [1, 2, 3, 9, 8, 9, 5], keys)
