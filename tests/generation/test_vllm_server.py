"""Starting, watching and ending a server process, with a program in vLLM's place that can misbehave."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from rlad.generation import SamplerFailed
from rlad.generation.vllm import server as vllm_server
from rlad.generation.vllm.server import VllmServer

pytestmark = pytest.mark.process
ROOT = Path(__file__).resolve().parents[2]
HELPERS = ROOT / "tests" / "helpers"


@pytest.fixture
def fake(monkeypatch, tmp_path):
    """Makes a server of the given behaviour; ends all at the end."""
    monkeypatch.setattr(vllm_server, "SERVE", "fake_serve")
    made = []

    def make(behaviour=""):
        env = os.environ | {"FAKE_SERVE": behaviour, "PYTHONPATH": str(HELPERS)}
        made.append(VllmServer("a/model", tmp_path / "serve.log", ["--max-model-len", "8"], env, "fake server"))
        return made[-1]

    yield make
    for server in made:
        server.close()


def gone(pid, seconds=120):
    """Whether a process ends within some time; a zombie has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


def child_of(log):
    return int(log.read_text().split("child ")[1].split()[0])


def test_a_server_comes_up_on_loopback_and_goes_with_all_its_processes(fake):
    server = fake()
    server.wait_until_healthy(60)
    assert server.alive and server.healthy() and server.url == f"http://127.0.0.1:{server.port}"
    command = psutil.Process(server.process.pid).cmdline()
    words = ["--model", "a/model", "--host", "127.0.0.1", "--port", str(server.port), "--max-model-len", "8"]
    assert command[-8:] == words
    child = child_of(server.log)
    server.close()
    assert not server.alive and not server.healthy() and gone(child)
    with pytest.raises(SamplerFailed, match="fake server ended"):
        server.check()
    server.close()  # harmless


def test_a_server_that_ends_is_told_with_the_end_of_its_log(fake):
    with pytest.raises(SamplerFailed, match=r"(?s)fake server ended \(exit code 7\).*serve.log.*CUDA out of memory"):
        fake("dies").wait_until_healthy(60)


def test_a_server_that_hangs_is_ended_at_the_limit(fake):
    server = fake("never")
    with pytest.raises(SamplerFailed, match="not ready within 1 seconds"):
        server.wait_until_healthy(1)
    assert not server.alive


def test_a_port_that_another_program_was_faster_to_take_is_replaced(fake, tmp_path):
    server = fake(f"port-taken:{tmp_path / 'mark'}")
    server.wait_until_healthy(60)
    assert server.healthy() and (tmp_path / "mark").exists()


PARENT = """
import os, sys
from pathlib import Path
from rlad.generation.vllm import server as vllm_server
vllm_server.SERVE = "fake_serve"
server = vllm_server.VllmServer("m", Path(sys.argv[1]))
server.wait_until_healthy(60)
print(server.process.pid, flush=True)
HOW
"""
HOW = {
    "killed": "import time; time.sleep(3600)",
    "an exception": "raise RuntimeError('no')",
    "exit without clean-up": "os._exit(3)",
}


@pytest.mark.parametrize("how", HOW)
def test_no_orphan_is_left_however_the_owner_ends(how, tmp_path):
    log = tmp_path / "serve.log"
    env = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{HELPERS}"}
    program = PARENT.replace("HOW", HOW[how])
    with subprocess.Popen(
        [sys.executable, "-c", program, str(log)], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as owner:
        pid = int(owner.stdout.readline())
        child = child_of(log)
        if how == "killed":
            owner.send_signal(signal.SIGKILL)
        owner.wait(120)
    assert gone(pid) and gone(child)
