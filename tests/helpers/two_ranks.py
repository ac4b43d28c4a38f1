"""Starting programs on two real ranks through the `deepspeed` launcher."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import torch.distributed as dist

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "tests" / "integration"
PYTHONPATH = f"{ROOT}{os.pathsep}{ROOT / 'tests' / 'helpers'}"

SMALL = [
    "problems.train=200",
    "problems.validation=20",
    "problems.test=20",
    "base.hidden_size=32",
    "base.layers=2",
    "base.heads=2",
    "base.kv_heads=1",
    "base.intermediate_size=64",
    "warmstart.steps=6",
    "warmstart.warmup=2",
    "warmstart.batch=16",
    "warmstart.log_every=2",
    "abstraction.max_new_tokens=8",
    "solution.max_new_tokens=12",
    "cotrain.problems=8",
    "cotrain.abstractions=3",
    "cotrain.solutions=2",
    "cotrain.draws=6",
    "cotrain.bare.share=0.25",
    "cotrain.bare.solutions=2",
    "cotrain.drop_constant_groups=false",
    "instruments.gram_problems=8",
    "instruments.rank_every=2",
    "abstraction.entropy_coef=0.01",  # so that weights move although an untrained model earns nothing
    "solution.entropy_coef=0.01",
]


def environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"DS_ACCELERATOR": "cpu", "OMP_NUM_THREADS": "1", "PYTHONPATH": PYTHONPATH, "PATH": path}


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def run_program(program: str, *arguments: str, timeout: int = 240) -> str:
    """Runs tests/integration/PROGRAM on two ranks; returns its output, fails with it when it fails."""
    command = ["deepspeed", "--num_accelerators", "2", "--master_port", str(free_port())]
    command += [str(PROGRAMS / program), *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
    return done.stdout


def leave() -> None:
    """Ends a rank's program that has succeeded as trainers/launching/rank.py does: without exit handlers."""
    dist.destroy_process_group()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
