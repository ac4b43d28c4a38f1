"""The library of collectives: one process compiles it, the others wait for it and say so; nobody waits for the dead."""

import shutil
import subprocess
import sys
import threading
import time

import pytest

from trainers.runtime import collectives

HOLDER = """
import sys, time
from pathlib import Path
from trainers.runtime.collectives import _alone
with _alone(Path(sys.argv[1]), 5):
    print("held", flush=True)
    time.sleep(3600)
"""


@pytest.fixture
def made(monkeypatch):
    """Stands in for the compiler; the list of what it was asked for."""
    asked = []

    def touch(path):
        asked.append(path)
        time.sleep(0.3)
        path.parent.mkdir()
        path.touch()

    monkeypatch.setattr(collectives, "_compile", touch)
    return asked


def test_it_is_compiled_once_and_found_again_under_every_path(tmp_path, made):
    found = collectives.compiled(tmp_path / "first", 5)
    (tmp_path / "link").symlink_to(tmp_path / "first")
    shutil.copytree(tmp_path / "first", tmp_path / "moved")
    for name in ("first", "link", "moved"):
        assert collectives.compiled(tmp_path / name, 5) == tmp_path / name / found.parent.name / found.name
    assert made == [found]


def test_another_torch_gets_another_library(tmp_path, made, monkeypatch):
    first = collectives.compiled(tmp_path, 5)
    monkeypatch.setattr(collectives.torch, "__version__", "99.0")
    assert collectives.compiled(tmp_path, 5) != first
    assert len(made) == 2


def test_two_that_need_it_at_once_compile_it_once(tmp_path, made):
    other = threading.Thread(target=collectives.compiled, args=(tmp_path, 5))
    other.start()
    collectives.compiled(tmp_path, 5)
    other.join()
    assert len(made) == 1


@pytest.mark.process
def test_a_process_that_compiles_is_waited_for_by_name_until_it_ends_or_time_is_up(tmp_path, made, capsys):
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(TimeoutError, match=f"Waited 0.2 s for process {holder.pid} on .*; end it, or raise"):
            collectives.compiled(tmp_path, 0.2)
        said = capsys.readouterr().err
        assert said.startswith(f"Waiting for process {holder.pid} on ")
        assert said.endswith(f"which compiles DeepSpeed's collectives in {tmp_path} (at most 0.2 s).\n")
        assert made == []
    finally:
        holder.kill()
        holder.communicate()
    collectives.compiled(tmp_path, 0.2)  # the lock of the killed one has ended with it
    assert len(made) == 1
