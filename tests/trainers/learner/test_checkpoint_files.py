"""Checkpoint folders: their order, what is on the disk before the mark, and what counts as readable."""

import os
import pickle
import random
from types import SimpleNamespace

import pytest
import torch
import torch.distributed as dist

from rlad.cli import PlainError
from rlad.config import LoraConfig
from trainers.learner import checkpoint
from trainers.learner import checkpoint_files as files


def write(folder, step, rank=0):
    target = files.step_folder(folder, step)
    shards = target / "solution" / "zero"
    shards.mkdir(parents=True)
    torch.save({"python": random.getstate(), "torch": torch.get_rng_state()}, target / f"rng_rank{rank}.pt")
    torch.save({"weights": torch.arange(100.0)}, shards / f"bf16_zero_pp_rank_{rank}_mp_rank_00_optim_states.pt")
    files.complete(target, {"step": step})
    return target


@pytest.fixture
def alone(tmp_path):
    """A process group of one rank."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/rendezvous", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def test_order_is_the_steps_order_and_not_the_names(tmp_path):
    targets = [write(tmp_path, step) for step in (100_000, 99_999, 1_000_000, 50)]
    (tmp_path / "step_00007").mkdir()  # not complete
    copy = tmp_path / "step_00060-copy"  # somebody's own copy
    copy.mkdir()
    (copy / files.MARK).touch()
    order = [targets[i] for i in (3, 1, 0, 2)]
    assert files.complete_checkpoints(tmp_path) == order
    files.keep_newest(tmp_path, 2)
    assert files.complete_checkpoints(tmp_path) == order[2:]
    assert copy.exists() and not targets[1].exists()


def test_everything_is_on_the_disk_before_the_mark(tmp_path, monkeypatch):
    """Files and their folders are synced, the state too, and only then does the mark appear."""
    target = files.step_folder(tmp_path, 3)
    (target / "solution").mkdir(parents=True)
    (target / "solution" / "shard").write_text("numbers")
    synced = {}

    def note(descriptor):
        synced[os.readlink(f"/proc/self/fd/{descriptor}")] = (target / files.MARK).exists()

    monkeypatch.setattr(os, "fsync", note)
    files.sync_tree(target)
    wanted = {tmp_path, target, target / "solution", target / "solution" / "shard"}
    assert {str(path) for path in wanted} <= set(synced)
    files.complete(target, {"step": 3})
    assert not any(synced[str(path)] for path in (target / "state.json", target / "solution" / "shard"))
    assert synced[str(target)]  # the folder once more, with the mark's name in it


def test_half_removed_checkpoint_is_none(tmp_path, monkeypatch):
    target = write(tmp_path, 3)
    monkeypatch.setattr(files.shutil, "rmtree", lambda *_, **__: None)  # killed before it
    files.remove(target)
    assert target.exists() and files.complete_checkpoints(tmp_path) == []


def damage_missing(target):
    (target / "rng_rank0.pt").unlink()


def damage_short(target):
    shard = next(target.glob("solution/zero/*"))
    shard.write_bytes(shard.read_bytes()[:-9])


def damage_flipped(target):
    shard = next(target.glob("solution/zero/*"))
    data = bytearray(shard.read_bytes())
    data[data.index(torch.tensor([42.0]).numpy().tobytes())] ^= 1
    shard.write_bytes(data)


def damage_state(target):
    (target / "state.json").write_text("{" * (target / "state.json").stat().st_size)


@pytest.mark.parametrize("damage", [damage_missing, damage_short, damage_flipped, damage_state])
def test_damaged_newest_falls_back_to_the_one_before(tmp_path, capsys, alone, damage):
    before, newest = write(tmp_path, 99_999), write(tmp_path, 100_000)
    assert checkpoint.newest_readable(tmp_path) == newest
    damage(newest)
    assert checkpoint.newest_readable(tmp_path) == before
    assert "step_100000 cannot be read and is passed over: " in capsys.readouterr().out
    assert (tmp_path / "latest").resolve() == before
    assert files.complete_checkpoints(tmp_path) == [before]  # retention doesn't count the damaged one


def test_nothing_readable_is_refused_rather_than_begun_anew(tmp_path, alone):
    assert checkpoint.newest_readable(tmp_path) is None
    damage_short(write(tmp_path, 5))
    with pytest.raises(PlainError, match="No checkpoint in .* can be read"):
        checkpoint.newest_readable(tmp_path)


def test_only_own_archives_are_read(tmp_path):
    """Of another rank's files only the sizes are looked at, and another number of ranks is no damage."""
    target = write(tmp_path, 3, rank=1)
    damage_flipped(target)
    assert files.unreadable(target, rank=0) is None
    assert "is damaged" in files.unreadable(target, rank=1) or "CRC" in files.unreadable(target, rank=1)


def test_files_of_all_ranks_must_be_whole(tmp_path):
    """A weight file that no archive's checksum covers, cut short or grown."""
    for change in (lambda data: data[:-1], lambda data: data + b"\0"):
        target = files.step_folder(tmp_path, len(files.complete_checkpoints(tmp_path)))
        target.mkdir()
        (target / "lagged_solver.safetensors").write_bytes(b"weights")
        files.complete(target, {"step": 0})
        assert files.unreadable(target, rank=0) is None
        (target / "lagged_solver.safetensors").write_bytes(change(b"weights"))
        assert "lagged_solver.safetensors has" in files.unreadable(target, rank=0)


class Runs:
    """What unpickling it does is to make a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_random_states_are_data_and_no_program(tmp_path, alone):
    """A checkpoint's file of ours that holds code is refused and not run."""
    folder = tmp_path / "checkpoints"
    target = files.step_folder(folder, 3)
    target.mkdir(parents=True)
    torch.save({"python": Runs(tmp_path / "ran")}, target / "rng_rank0.pt")
    lora = LoraConfig()
    files.complete(target, {"step": 3, "ranks": 1, "roles": [], "lora": vars(lora), "parts": {}})
    nothing = SimpleNamespace(load=lambda folder: None)
    with pytest.raises(pickle.UnpicklingError):
        checkpoint.Checkpoints(folder, {}, {}, {"lora": lora}, 2, nothing, None).load_newest()
    assert not (tmp_path / "ran").exists()
