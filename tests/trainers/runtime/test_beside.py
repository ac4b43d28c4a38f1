"""Work beside the training thread: in which order, whose seconds, and how an error comes out."""

import threading
import time

import pytest
import torch

from rlad.entropy.rank import rank_dynamics
from trainers.runtime import beside as beside_module
from trainers.runtime.beside import Beside


def test_works_in_one_other_thread_in_the_order_in_which_it_was_asked():
    beside, done = Beside("readings"), []

    def work(number):
        time.sleep(0.02 / number)
        done.append(number)
        return threading.current_thread()

    results = [beside.begin(work, number) for number in (1, 2, 3)]
    threads = {result() for result in reversed(results)}
    assert done == [1, 2, 3] and len(threads) == 1 and threading.current_thread() not in threads


class Clock:
    """Seconds that pass where a test says so; tells when the training thread has begun to wait."""

    def __init__(self):
        self.now, self.waits, self.worked = 0.0, threading.Event(), threading.Event()

    def perf_counter(self):
        if threading.current_thread() is threading.main_thread():
            self.waits.set()
        return self.now

    def work(self, seconds):
        self.now += seconds
        self.worked.set()

    def waited_for(self, seconds):
        assert self.waits.wait(30)
        self.work(seconds)


def test_seconds_are_hidden_where_nobody_waited(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(beside_module, "time", clock)
    beside = Beside("readings")
    assert beside.lap() == {}
    beside.begin(clock.waited_for, 3)()
    assert beside.lap() == {"total": 3.0, "hidden": 0.0}
    clock.worked.clear()
    unwaited = beside.begin(clock.work, 2)
    assert clock.worked.wait(30)  # an update
    unwaited()
    assert beside.lap() == {"total": 2.0, "hidden": 2.0} and beside.lap() == {}


def test_an_error_is_raised_by_whoever_waits_and_later_work_goes_on():
    beside = Beside("readings")
    broken, whole = beside.begin(int, "seven"), beside.begin(int, "7")
    with pytest.raises(ValueError, match="seven"):
        broken()
    assert whole() == 7


def test_effective_ranks_are_the_same_to_the_last_digit():
    states = [torch.randn(60, 48, generator=torch.Generator().manual_seed(seed)) for seed in range(4)]
    beside = Beside("readings")
    results = [beside.begin(rank_dynamics, one, 8) for one in states]
    for one in states:  # the training thread multiplies all the while
        one @ one.T
    assert [result() for result in results] == [rank_dynamics(one, 8) for one in states]
