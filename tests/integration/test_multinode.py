"""Several nodes: two launchers on this machine that act as two nodes, and a hostfile whose ssh and pdsh stay here.

That ranks train together is shown once; elsewhere they meet, add up their numbers, and end.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from two_ranks import LAUNCHER, LIMIT

from rlad.config import load_config
from rlad.generation.vllm.server import free_port
from rlad.players.policy import build_model, load_tokenizer

pytestmark = pytest.mark.ranks
ROOT = Path(__file__).parent.parent.parent
TINY = """
name: nodes
problems: {train: 64, validation: 8, test: 8}
base: {hidden_size: 32, layers: 1, heads: 2, kv_heads: 1, intermediate_size: 64, max_positions: 128}
cotrain: {steps: 1, problems: 4, abstractions: 2, draws: 2, solutions: 2}
instruments: {every: 0}
launch: {ranks: 1, device: cpu, timeout: 600}
"""


def launcher(folder, verb, *arguments, env=None):
    """A launcher of real training, or of ranks that meet."""
    config = folder / "nodes.yaml"
    config.write_text(f"runs_dir: {folder}\n{TINY}")
    program = ["-m", "trainers.launching", "train"] if verb == "train" else ["-c", LAUNCHER, "warmstart"]
    command = [sys.executable, *program, str(config), *arguments]
    path = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    environment = {**os.environ, "PYTHONPATH": path, "RANK_PROGRAM": "meet", **(env or {})}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(processes):
    outputs = [process.communicate(timeout=LIMIT) for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), outputs
    return outputs


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.slow
def test_two_launchers_train_as_two_nodes(tmp_path):
    """By hand-given nodes they meet; then they co-train, as Slurm's variables place them."""
    by_hand = ["--nodes", "2", "--master", f"127.0.0.1:{free_port()}", "--node-rank"]
    first, second = finish([launcher(tmp_path, "meet", *by_hand, str(node)) for node in (0, 1)])
    assert "rank 0 of 2 speaks\nsum 3\n" in first[0]
    assert "speaks" not in second[0]  # rank 0 of the whole run does, once
    run = tmp_path / "nodes"
    assert (run / "logs" / "rank_1.log").read_text() == "rank 1 of 2 speaks\nsum 3\n"

    config = load_config(tmp_path / "nodes.yaml")
    tokenizer = load_tokenizer(config.base, config.problems)
    for part in (build_model(config.base, tokenizer), tokenizer):  # a base that learned nothing
        part.save_pretrained(run / "base")
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
    ((out, _),) = finish([launcher(tmp_path, "meet", port, "--hostfile", str(hosts), env=env)])
    assert "rank 0 of 2 speaks" in out and "sum 3" in out
    assert "sum 3" in (tmp_path / "nodes" / "logs" / "rank_1.log").read_text()
