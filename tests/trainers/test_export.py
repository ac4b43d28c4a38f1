"""The command that exports a checkpoint, called from a program."""

import os

import pytest

from rlad.cli import PlainError
from rlad.config import load_config, save_config
from trainers import export
from trainers.learner import exporting


def test_a_program_that_exports_keeps_its_environment(tmp_path, monkeypatch):
    """DeepSpeed is told that shards are put together on the CPU; what the program does next may be on a GPU."""
    save_config(load_config(None), tmp_path / "config.yaml")
    monkeypatch.delenv("DS_ACCELERATOR", raising=False)
    before, seen = dict(os.environ), []
    with pytest.raises(PlainError, match="no complete checkpoint"):
        export.main([str(tmp_path)])
    assert dict(os.environ) == before
    monkeypatch.setattr(exporting, "export", lambda *given: seen.append(os.environ["DS_ACCELERATOR"]))
    assert export.main([str(tmp_path)]) == 0 and seen == ["cpu"] and dict(os.environ) == before
    monkeypatch.setenv("DS_ACCELERATOR", "cuda")  # whoever says so knows better
    assert export.main([str(tmp_path)]) == 0 and seen == ["cpu", "cuda"] == [*seen[:1], os.environ["DS_ACCELERATOR"]]
