"""A warm start's checkpoints: newest complete one of the same configuration, or none; what the run reads decides."""

import json

import pytest
import torch
from gpt2_here import describe_gpt2

from rlad.config import load_config
from trainers.learner import warm_checkpoint
from trainers.learner.warm_checkpoint import WarmCheckpoints, WarmProgress


class Engine:
    """Keeps a number where a model engine keeps its shards."""

    weight = 0.0

    def __init__(self):
        self.module = torch.nn.Linear(1, 1)

    def save_checkpoint(self, folder, tag, exclude_frozen_parameters):
        assert exclude_frozen_parameters
        (warm_checkpoint.Path(folder) / tag).mkdir()
        (warm_checkpoint.Path(folder) / tag / "shards").write_text(str(self.weight))

    def load_checkpoint(self, folder, tag, load_module_strict):
        assert load_module_strict  # nothing of this model is frozen
        self.weight = float((warm_checkpoint.Path(folder) / tag / "shards").read_text())


@pytest.fixture(autouse=True)
def one_rank(monkeypatch):
    monkeypatch.setattr(warm_checkpoint.dist, "barrier", lambda: None)
    for name, value in (("rank", 0), ("local_rank", 0), ("world_size", 1)):
        monkeypatch.setattr(warm_checkpoint.zero3, name, lambda value=value: value)
    monkeypatch.setattr(warm_checkpoint.zero3, "from_first", lambda value: value)


def kept(folder, *words):
    return WarmCheckpoints(load_config(None, ["warmstart.checkpoint_every=2", *words]), folder, "base")


def trained(folder, steps):
    """What a warm start that was killed after so many steps leaves."""
    engine = Engine()
    for step in range(1, steps + 1):
        engine.weight = step / 10
        kept(folder).save(engine, WarmProgress(step, 7 * step, 0.5))


def test_a_killed_warm_start_goes_on_from_its_newest_complete_checkpoint(tmp_path):
    trained(tmp_path, 5)
    own = tmp_path / "warmstart" / "base"
    (own / "step_00006").mkdir()  # killed while it was being written
    assert [path.name for path in sorted(own.glob("*/COMPLETE"))] == ["COMPLETE"]
    engine = Engine()
    assert kept(tmp_path).resume(engine) == WarmProgress(4, 28, 0.5)
    assert engine.weight == 0.4


def test_what_a_warm_start_reads_must_be_the_same(tmp_path):
    trained(tmp_path, 2)
    for word in ("warmstart.lr=0.1", "seed=3", "problems.useless_share=0.5", "base.layers=2", "wording=short"):
        assert kept(tmp_path, word).resume(Engine()) == WarmProgress()
    for word in ("warmstart.log_every=3", "cotrain.steps=9", "sweep.problems=3", "lora.rank=4"):
        assert kept(tmp_path, word).resume(Engine()).step == 2
    base = f"base.path={describe_gpt2(tmp_path / 'gpt2', 256)}"
    kept(tmp_path, base).save(Engine(), WarmProgress(2, 14, 0.5))
    assert kept(tmp_path, base, "solution.thinking=auto").resume(Engine()).step == 2
    assert kept(tmp_path, base, "solution.thinking=false").resume(Engine()).step == 0


def test_a_warm_start_of_an_adapter_reads_the_adapters_section(tmp_path):
    words = ["warmstart.lora=true", "lora.rank=4", "base.path=Qwen/Qwen3-0.6B"]
    kept(tmp_path, *words).save(Engine(), WarmProgress(2, 14, 0.5))
    assert kept(tmp_path, *words).resume(Engine()).step == 2
    for word in ("lora.rank=8", "lora.alpha=16", "warmstart.lora=false"):
        assert kept(tmp_path, *words, word).resume(Engine()) == WarmProgress()


def test_without_the_key_nothing_is_written_or_read(tmp_path):
    trained(tmp_path, 2)
    off = kept(tmp_path, "warmstart.checkpoint_every=0")
    assert off.resume(Engine()) == WarmProgress()
    off.finish()
    assert not kept(tmp_path).finished


def test_a_finished_model_is_not_trained_again_and_its_checkpoint_is_gone(tmp_path):
    trained(tmp_path, 2)
    kept(tmp_path).finish()
    assert kept(tmp_path).finished and not kept(tmp_path, "seed=3").finished
    assert [path.name for path in (tmp_path / "warmstart" / "base").iterdir()] == ["DONE"]
    assert json.loads((tmp_path / "warmstart" / "base" / "DONE").read_text())["seed"] == 0
