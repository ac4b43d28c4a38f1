"""The real `deepspeed` launcher on two CPU ranks: what is printed and returned, and that nothing is left behind."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from two_ranks import LAUNCHER, LIMIT

from trainers.runtime.collectives import library, root

pytestmark = pytest.mark.ranks
HERE = Path(__file__).parent


def start(folder, behaviour, *arguments, **variables):
    """A launcher whose ranks run rank_program.py; its run folder is folder/run."""
    config = folder / "run.yaml"
    config.write_text(
        f"runs_dir: {folder}\nproblems: {{train: 8, validation: 2, test: 2}}\nlaunch: {{ranks: 2, device: cpu}}\n"
    )
    env = {**os.environ, "RANK_PROGRAM": behaviour, **variables}
    env["PYTHONPATH"] = os.pathsep.join([str(HERE.parent.parent), str(HERE)])
    command = [sys.executable, "-c", LAUNCHER, "warmstart", str(config), *arguments]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ranks_of(folder, count=2):
    """The process numbers of the ranks, once all of them have started."""
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        texts = [path.read_text() for path in sorted((folder / "run").glob("pid_*"))]
        if len(texts) == count and all(texts):
            return [int(text) for text in texts]
        time.sleep(0.1)
    raise AssertionError("the ranks did not start")


def lives(pid):
    with suppress(psutil.NoSuchProcess):  # it may end between any two questions
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def wait_until_gone(pids):
    deadline = time.monotonic() + 120
    while any(map(lives, pids)):
        assert time.monotonic() < deadline, "processes were left behind"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def reduced(tmp_path_factory):
    """A launch whose ranks add up their numbers, in an environment that has moved: its folder, exit code and output."""
    folder = tmp_path_factory.mktemp("reduced")
    tools, moved = folder / "bin", folder / "extensions"
    tools.mkdir()
    for name in ("ninja", "c++"):
        (tools / name).write_text("#!/bin/sh\nexit 1\n")
        (tools / name).chmod(0o755)
    built = library(root())
    shutil.copytree(built.parent, moved / built.parent.name)
    for extension in (moved / built.stem, moved / built.parent.name):
        extension.mkdir(exist_ok=True)
        (extension / "lock").touch()  # what a process leaves that was killed while DeepSpeed compiled
    env = {"TORCH_EXTENSIONS_DIR": str(moved), "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    process = start(folder, "reduce", **env, CXX=str(tools / "c++"))
    out, err = process.communicate(timeout=LIMIT)
    return folder, process.returncode, out, err


def test_ranks_work_together_and_only_rank_0_speaks(reduced):
    folder, code, out, err = reduced
    assert code == 0, err
    assert "rank 0 of 2 speaks" in out
    assert "sum 3" in out
    assert "buffers left 0" in out
    assert "rank 1" not in out + err
    assert err == ""
    log = (folder / "run" / "logs" / "rank_1.log").read_text()
    assert "rank 1 of 2 speaks" in log
    assert "sum 3" in log


def test_a_moved_environment_and_a_lock_of_the_dead_change_nothing(reduced):
    """The library that the set-up compiled is loaded as it is: a compiler or a ninja would fail here."""
    _, code, out, err = reduced
    assert (code, err) == (0, "") and "sum 3" in out


def test_error_in_a_rank_is_one_sentence_and_its_traceback_is_in_its_log(tmp_path):
    process = start(tmp_path, "fail")
    _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 1
    assert err.count("\n") == 1
    assert err.startswith("error: Rank 1 failed: RuntimeError: the second rank fell over (traceback: ")
    log = (tmp_path / "run" / "logs" / "rank_1.log").read_text()
    assert "Traceback" in log
    assert "fell over" in log
    wait_until_gone(ranks_of(tmp_path))


def test_bad_input_found_by_a_rank_keeps_its_sentence_and_exit_code(tmp_path):
    process = start(tmp_path, "refuse")
    _, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, err) == (2, "error: This cannot be run.\n")


def test_killed_rank_fails_the_launch(tmp_path):
    process = start(tmp_path, "killed")
    _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 137
    assert err == "error: A training process was killed; the machine may have run out of memory.\n"


def test_interrupt_ends_every_process(tmp_path):
    process = start(tmp_path, "sleep")
    pids = ranks_of(tmp_path)
    process.send_signal(signal.SIGINT)  # as Ctrl-C sends it
    _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 128 + signal.SIGINT
    assert err == "error: Stopped.\n"
    wait_until_gone(pids)


def test_ranks_end_with_a_killed_launcher(tmp_path):
    process = start(tmp_path, "sleep")
    pids = ranks_of(tmp_path)
    process.kill()
    process.communicate(timeout=LIMIT)
    wait_until_gone(pids)


def test_killed_node_launcher_is_no_success(tmp_path):
    process = start(tmp_path, "sleep")
    node_launcher = psutil.Process(ranks_of(tmp_path)[0]).parent()
    assert node_launcher.ppid() == process.pid
    assert "deepspeed.launcher.launch" in " ".join(node_launcher.cmdline())
    node_launcher.kill()
    _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 1
    assert "ended before they were done" in err
