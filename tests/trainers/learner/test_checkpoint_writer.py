"""Checkpoints written beside training: who is waited for, what a full disk and a kill leave, what is in a copy."""

import multiprocessing
import os
import signal
import threading
import time
from functools import partial
from types import SimpleNamespace

import pytest
import torch
import torch.distributed as dist

from trainers.learner import checkpoint
from trainers.learner import checkpoint_files as files
from trainers.learner.checkpoint_writer import CheckpointError, Job, Writer
from trainers.runtime.snapshots import Snapshots, snapshots


def job(folder, step, rank=0, ranks=1, write=None):
    """A rank's part of a checkpoint: one file, which `write` writes."""
    target = files.step_folder(folder, step)
    target.mkdir(parents=True, exist_ok=True)
    one = {str(target / f"shard_{rank}"): write or partial(torch.save, torch.ones(3))}
    return Job(target, one, {"torch": torch.zeros(1)}, rank, ranks, lambda: files.complete(target, {"step": step}))


def complete(folder):
    return [int(path.name[-5:]) for path in files.complete_checkpoints(folder)]


def test_a_checkpoint_is_one_when_the_last_rank_has_written_and_nobody_waits_meanwhile(tmp_path):
    held, ranks = threading.Event(), [Writer(True, 60), Writer(True, 60)]

    def slow(path):
        held.wait()
        torch.save(torch.ones(3), path)

    first, second = job(tmp_path, 2, 0, 2), job(tmp_path, 2, 1, 2, slow)
    ranks[0].start(first)
    ranks[1].start(second)
    deadline = time.monotonic() + 30
    while not (first.target / "rng_rank0.pt").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    threads = [one for one in threading.enumerate() if one.name == "checkpoint step_00002"]
    assert complete(tmp_path) == [] and len(threads) == 2
    held.set()
    for writer in ranks:
        writer.wait()
    assert complete(tmp_path) == [2] and not first.files and not second.files  # the copies are let go
    assert torch.load(first.target / "shard_1").tolist() == [1, 1, 1]


def test_the_next_one_waits_for_the_one_before(tmp_path):
    order, writer = [], Writer(True, 60)

    def put(number, path):
        time.sleep(0.2 / number)
        order.append(number)
        torch.save(number, path)

    writer.start(job(tmp_path, 1, write=partial(put, 1)))
    writer.start(job(tmp_path, 2, write=partial(put, 2)))
    assert order[0] == 1 and complete(tmp_path)[:1] == [1]
    writer.wait()
    assert order == [1, 2] and complete(tmp_path) == [1, 2]


def test_a_loop_that_fails_keeps_the_checkpoint_that_is_being_written(tmp_path):
    def slow(path):
        time.sleep(0.2)
        torch.save(1, path)

    def failing():
        with Writer(True, 60) as writer:
            writer.start(job(tmp_path, 4, write=slow))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert complete(tmp_path) == [4]


def test_in_the_callers_time_it_is_complete_at_once(tmp_path):
    Writer(False, 60).start(job(tmp_path, 3))
    assert complete(tmp_path) == [3]


def full(path):
    raise OSError(28, "No space left on device", path)


@pytest.mark.parametrize("write", [full, partial(torch.save, torch.ones(3), "/nowhere/x")])
def test_what_cannot_be_written_ends_the_run_with_a_sentence_and_the_one_before_stays(tmp_path, write):
    write = write if write is full else lambda path, save=write: save()
    writer = Writer(True, 60)
    writer.start(job(tmp_path, 1))
    writer.start(job(tmp_path, 2, write=write))
    writer._thread.join()
    for told in (writer.check, writer.wait, lambda: writer.start(job(tmp_path, 3))):
        with pytest.raises(CheckpointError, match="The checkpoint of step 2 could not be written"):
            told()
    assert complete(tmp_path) == [1]
    with pytest.raises(CheckpointError, match="step 5 could not be written"):
        Writer(False, 60).start(job(tmp_path, 5, write=full))


def test_a_rank_that_never_ends_is_named(tmp_path):
    writer = Writer(True, 0.1)
    writer.start(job(tmp_path, 2, 0, 3))
    with pytest.raises(CheckpointError, match="rank 1 did not write its part in time"):
        writer.wait()


def test_a_kill_in_the_middle_of_a_write_leaves_the_one_before(tmp_path):
    Writer(False, 60).start(job(tmp_path, 1))
    reading, writing = multiprocessing.Pipe(duplex=False)

    def half(path):
        with open(path, "wb") as file:
            file.write(b"half of it")
        writing.send("in the middle")
        time.sleep(60)

    def write():
        writer = Writer(True, 60)
        writer.start(job(tmp_path, 2, 0, 1, half))
        writer.wait()  # a process ends without its daemon threads

    process = multiprocessing.get_context("fork").Process(target=write)
    process.start()
    assert reading.poll(30)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert (files.step_folder(tmp_path, 2) / "shard_0").read_bytes() == b"half of it"
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/rendezvous", rank=0, world_size=1)
    try:
        assert checkpoint.newest_readable(tmp_path) == files.step_folder(tmp_path, 1)
    finally:
        dist.destroy_process_group()


class Engine:
    """A model engine whose weights and moments move while somebody writes."""

    def __init__(self):
        self.checkpoint_engine = self.own = SimpleNamespace(name="torch", zipfile_serialization=True)
        self.weights, self.rates = torch.arange(4.0), [0.1]

    def save_checkpoint(self, path):
        states = {
            "module": {"w": torch.nn.Parameter(self.weights)},
            "optimizer": [{"m": self.weights[1:], "lr": self.rates}],
        }
        self.checkpoint_engine.save(states, path)


def test_what_a_step_changes_later_is_not_in_the_file(tmp_path):
    engine, path = Engine(), str(tmp_path / "states.pt")
    with snapshots(engine) as taken:
        assert isinstance(engine.checkpoint_engine, Snapshots)
        engine.save_checkpoint(path)
    assert engine.checkpoint_engine is engine.own and not os.path.exists(path)
    engine.weights.zero_()
    engine.rates[0] = 0.0
    taken[path](path)
    found = torch.load(path)
    assert found["module"]["w"].tolist() == [0, 1, 2, 3] and found["optimizer"][0]["m"].tolist() == [1, 2, 3]
    assert found["optimizer"][0]["lr"] == [0.1]
