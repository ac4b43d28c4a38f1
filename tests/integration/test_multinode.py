"""Several nodes: two launchers on this machine that act as two nodes, and a hostfile whose ssh and pdsh stay here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rlad.generation.vllm.server import free_port

pytestmark = pytest.mark.ranks
ROOT = Path(__file__).parent.parent.parent
TINY = """
name: nodes
problems: {train: 64, validation: 8, test: 8}
base: {hidden_size: 32, layers: 1, heads: 2, kv_heads: 1, intermediate_size: 64, max_positions: 128}
warmstart: {steps: 2, warmup: 1, batch: 8, log_every: 1}
cotrain: {steps: 1, problems: 4, abstractions: 2, draws: 2, solutions: 2}
launch: {ranks: 1, device: cpu, timeout: 120}
"""


def launcher(folder, verb, *arguments, env=None):
    config = folder / "nodes.yaml"
    config.write_text(f"runs_dir: {folder}\n{TINY}")
    command = [sys.executable, "-m", "trainers.launching", verb, str(config), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(processes):
    outputs = [process.communicate(timeout=240) for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), outputs
    return outputs


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.slow
def test_two_launchers_train_as_two_nodes(tmp_path):
    """Warm start by hand-given nodes, then co-training as Slurm's variables place it: both really train together."""
    by_hand = ["--nodes", "2", "--master", f"127.0.0.1:{free_port()}", "--node-rank"]
    first, second = finish([launcher(tmp_path, "warmstart", *by_hand, str(node)) for node in (0, 1)])
    assert "warm start" in first[0]
    assert "warm start" not in second[0]  # rank 0 of the whole run speaks, once
    run = tmp_path / "nodes"
    assert lines(run / "warmstart.jsonl")[-1]["step"] == 2
    assert (run / "logs" / "rank_1.log").exists()

    slurm = {"SLURM_STEP_ID": "0", "SLURM_STEP_NUM_NODES": "2", "SLURM_STEP_NUM_TASKS": "2", "SLURM_JOB_ID": "7"}
    slurm |= {"SLURM_STEP_NODELIST": "127.0.0.[1-2]"}
    port = f"launch.port={free_port()}"
    finish([launcher(tmp_path, "train", port, env={**slurm, "SLURM_NODEID": str(node)}) for node in (0, 1)])
    (step,) = lines(run / "metrics.jsonl")
    assert step["step"] == 1
    assert step["tokens_generated"] > 0
    assert (run / "export" / "solution" / "config.json").exists()


FAKE_PDSH = """#!{python}
# Runs the command once for each host of -w, here, with %n replaced by the host's number: what pdsh does over ssh.
import subprocess, sys
arguments = sys.argv[1:]
hosts = arguments[arguments.index("-w") + 1].split(",")
command = " ".join(arguments[arguments.index("-w") + 2 :])
running = [subprocess.Popen(["bash", "-c", command.replace("%n", str(i))]) for i in range(len(hosts))]
sys.exit(max(process.wait() for process in running))
"""


@pytest.mark.slow
def test_hostfile_reaches_every_host(tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, text in (("pdsh", FAKE_PDSH.format(python=sys.executable)), ("ssh", "#!/bin/sh\necho 127.0.0.1\n")):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    hosts = tmp_path / "hosts"
    hosts.write_text("# two nodes with one rank each\nnode-a slots=1\nnode-b slots=1\n")
    env = {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    port = f"launch.port={free_port()}"
    ((out, _),) = finish([launcher(tmp_path, "warmstart", port, "--hostfile", str(hosts), env=env)])
    assert "warm start" in out
    assert lines(tmp_path / "nodes" / "warmstart.jsonl")[-1]["step"] == 2
