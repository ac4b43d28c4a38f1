"""The run folder belongs to one launcher at a time."""

import os
import signal
import subprocess
import sys

import pytest

from evals.sweep import sweep_run
from rlad.cli import PlainError
from rlad.config import load_config, save_config
from trainers.launching import command, folder, pipeline

HOLD = """
import sys, time
from pathlib import Path
from trainers.launching.folder import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(3600)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that works in the run folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def words(tmp_path):
    return [str(tmp_path / "run.yaml"), f"runs_dir={tmp_path}", "problems.train=8", "problems.validation=2"]


@pytest.mark.process
def test_second_launcher_is_refused_before_it_writes(tmp_path, holder, words, monkeypatch):
    (tmp_path / "run.yaml").write_text("name: run\nlaunch: {device: cpu, ranks: 1}\nproblems: {test: 2}\n")
    monkeypatch.setattr(command, "run", lambda *_: pytest.fail("started"))
    with pytest.raises(PlainError, match=f"process {holder.pid} on .* works in .*run already"):
        command.main(["warmstart", *words])
    assert not (tmp_path / "run" / "config.yaml").exists()
    with pytest.raises(PlainError, match=f"process {holder.pid} "):
        pipeline.main([*words, "--fresh"])  # which asks before it removes the folder
    save_config(load_config(None, words[1:]), tmp_path / "run" / "config.yaml")
    with pytest.raises(PlainError, match=f"process {holder.pid} "):
        sweep_run(str(tmp_path / "run"))


@pytest.mark.process
def test_lock_ends_with_its_holder_however_it_dies(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with folder.locked(tmp_path / "run"):
        assert (tmp_path / "run" / "logs" / "lock_0").read_text().startswith(f"process {os.getpid()} on ")
    with folder.locked(tmp_path / "run"):  # and with the block
        pass


@pytest.mark.process
def test_every_node_of_a_run_has_a_lock_of_its_own(tmp_path, holder):
    with folder.locked(tmp_path / "run", node=1):
        pass
