"""Rollouts ahead of updates: which weights sample what, whose verdicts count when, and how an error comes out."""

import threading
import time
from collections import Counter
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from rlad.generation import SamplerFailed
from rlad.players import matmul
from trainers import cotrain
from trainers.runtime import loggers, rollouts, zero3
from trainers.runtime.loggers import Stopwatch
from trainers.runtime.rollouts import Rollouts


@pytest.fixture(autouse=True)
def one_rank(monkeypatch):
    monkeypatch.setattr(zero3, "gather", list)


class Loop:
    """A training loop around made-up samplers: a tree is [step it is of, version before, version after sampling]."""

    def __init__(self, ahead, fails=()):
        self.version, self.ahead, self.fails = 0, ahead, fails
        self.drawn, self.threads, self.rows = [], [], []
        self.judge = SimpleNamespace(outcomes=Counter())
        self.rollouts, self.clock = Rollouts(self.draw, self.grow, self.judge), Stopwatch()

    def draw(self, step):
        self.drawn.append(step)
        return [[step]], []

    def grow(self, guided, bare, step, clock):
        if step in self.fails:
            raise self.fails[step]
        self.threads.append(threading.current_thread().name)
        with clock.phase("solve"):
            guided[0].append(self.version)
            self.grows()
            guided[0].append(self.version)
        self.judge.outcomes["correct"] += step

    def grows(self):
        time.sleep(0.02)

    def updates(self, begun):
        time.sleep(0.01)

    def run(self, steps):
        for step in range(1, steps + 1):
            guided, _ = self.rollouts.of(step, self.clock)
            begun = step < steps and self.ahead(step + 1)
            if begun:
                self.rollouts.begin(step + 1, self.clock)
            version = self.version  # of what learns
            with self.clock.phase("update"):
                self.updates(begun)
            beside = self.rollouts.finish(self.clock)
            self.version += 1  # published
            verdicts, self.judge.outcomes = dict(self.judge.outcomes), Counter()
            self.rows.append((guided[0], version, verdicts, beside, self.clock.lap()))
        return self


class Timed(Loop):
    """By a clock of its own: an update takes 10 s, and a rollout beside it goes on for 20 s when the update is over."""

    def __init__(self, monkeypatch):
        self.now, self.growing, self.updated = 0.0, threading.Event(), threading.Event()
        for module in (rollouts, loggers):
            monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: self.now))
        super().__init__(lambda step: True)

    def grows(self):
        if threading.current_thread() is not threading.main_thread():
            self.growing.set()
            assert self.updated.wait(60)
            self.updated.clear()
        self.now += 20

    def updates(self, begun):
        if begun:
            assert self.growing.wait(60)
            self.growing.clear()
        self.now += 10
        self.updated.set()


def lags(loop):
    for (step, before, after), _, *_ in loop.rows:
        assert before == after, f"weights were published while the trees of step {step} grew"
    return [version - tree[1] for tree, version, *_ in loop.rows]


def test_from_the_second_step_on_trees_are_exactly_one_version_behind():
    loop = Loop(lambda step: True).run(5)
    assert lags(loop) == [0, 1, 1, 1, 1]
    assert [tree[0] for tree, *_ in loop.rows] == loop.drawn == [1, 2, 3, 4, 5]
    assert loop.threads == ["MainThread", *(f"rollout of step {step}" for step in (2, 3, 4, 5))]


def test_without_overlap_and_over_a_step_that_nothing_grows_over_the_newest_weights_sample():
    exact = Loop(lambda step: False).run(3)
    assert lags(exact) == [0, 0, 0] and set(exact.threads) == {"MainThread"}
    assert all(beside == {} and "wait" not in seconds for *_, beside, seconds in exact.rows)
    assert lags(Loop(lambda step: step != 3).run(5)) == [0, 1, 0, 1, 1]


@pytest.mark.parametrize("overlap", [0, 1])
def test_a_run_with_rollouts_beside_updates_keeps_to_one_library(overlap, monkeypatch):
    """All of it: a resumed run, whose steps begin elsewhere, is rounded alike. The next run chooses anew."""
    told = []
    trainer = SimpleNamespace(checkpoints=SimpleNamespace(writer=nullcontext()), width=128)
    monkeypatch.setattr(cotrain, "Cotrainer", lambda run, folder: trainer)
    monkeypatch.setattr(cotrain, "train_steps", lambda *_: told.append(matmul._threads))
    cotrain.cotrain(SimpleNamespace(launch=SimpleNamespace(overlap=overlap)), None)
    assert told == [bool(overlap)] and not matmul._threads


def test_verdicts_are_counted_in_the_step_that_learns_from_them():
    loop = Loop(lambda step: step != 3).run(4)
    assert [verdicts for _, _, verdicts, *_ in loop.rows] == [{"correct": step} for step in (1, 2, 3, 4)]


def test_a_steps_phases_hold_its_own_time_and_what_was_hidden_stands_beside_them(monkeypatch):
    loop = Timed(monkeypatch).run(3)
    *_, beside, seconds = loop.rows[1]
    phases = {name: value for name, value in seconds.items() if name != "total"}
    assert set(phases) == {"draw", "update", "wait"} and sum(phases.values()) <= seconds["total"]
    assert set(beside) == {"solve", "total", "hidden"} and beside["solve"] == beside["total"] == 30
    # The wait begins with the update's end or somewhere in the 20 s that the rollout goes on for.
    assert 10 <= beside["hidden"] == 30 - seconds["wait"]
    assert loop.rows[2][3] == {}  # nothing grew beside the last update


def test_an_error_beside_an_update_comes_out_behind_it():
    error = SamplerFailed("The vLLM engine of the solution player ended.")
    loop = Loop(lambda step: True, fails={3: error})
    with pytest.raises(SamplerFailed) as caught:
        loop.run(5)
    assert caught.value is error and [tree[0] for tree, *_ in loop.rows] == [1]


@pytest.mark.parametrize(
    ("own", "other", "raised"),
    [
        (None, SamplerFailed("The engine of rank 0 ended."), (SamplerFailed, "The engine of rank 0 ended.")),
        (None, ValueError("no room"), (SamplerFailed, "A rollout beside an update ended with ValueError: no room")),
        (KeyError("mine"), SamplerFailed("theirs"), (KeyError, "'mine'")),
    ],
)
def test_every_rank_ends_with_a_sentence_when_one_ranks_rollout_fails(own, other, raised, monkeypatch):
    """The other rank's failure arrives by the gathering, in the words that it gives there."""
    told = []
    monkeypatch.setattr(zero3, "gather", lambda values: told.extend(values) or list(values))
    with pytest.raises(type(other)):
        Loop(lambda step: True, fails={2: other}).run(2)
    monkeypatch.setattr(zero3, "gather", lambda values: [*told, *values])
    kind, words = raised
    with pytest.raises(kind) as caught:
        Loop(lambda step: True, fails={2: own} if own else {}).run(2)
    assert str(caught.value) == words
