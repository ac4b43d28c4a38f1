"""Running programs on two real ranks: one process that has imported what a rank needs, and becomes two."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "tests" / "integration"
PYTHONPATH = f"{ROOT}{os.pathsep}{ROOT / 'tests' / 'helpers'}"

LIMIT = 1200
"""Seconds for a program, on a machine that has other work too; a test waits no longer, and normally much less."""

LAUNCHER = """
import sys
from trainers.launching import command
command.MODULES['warmstart'] = 'rank_program'
sys.exit(command.main())
"""
"""The real launcher, whose ranks of a warm start run tests/integration/rank_program.py instead."""

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
    "cotrain.check_proposals=0",  # an untrained proposer ends by chance
    "cotrain.bare.share=0.25",
    "cotrain.bare.solutions=2",
    "cotrain.drop_constant_groups=false",
    "instruments.gram_problems=8",
    "instruments.rank_every=2",
    "cotrain.parity_every=2",  # after the first three publishes, which are probed in any case
    "abstraction.entropy_coef=0.01",  # so that weights move although an untrained model earns nothing
    "solution.entropy_coef=0.01",
]


def environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"DS_ACCELERATOR": "cpu", "OMP_NUM_THREADS": "1", "PYTHONPATH": PYTHONPATH, "PATH": path}


def command(program: str, *arguments: str) -> list[str]:
    """Starts tests/integration/PROGRAM."""
    return [sys.executable, str(PROGRAMS / program), *arguments]


class Ranks:
    """Two ranks that run one program after another: to start them takes longer than most programs do."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.process, self.jobs = folder, None, 0

    def start(self) -> None:
        """Starts the ranks where there are none, with this process's environment of now."""
        if self.process is None:
            with (self.folder / "log").open("w") as log:
                line = command("shared_program.py", str(self.folder), str(self.jobs))
                streams = {"stdout": log, "stderr": subprocess.STDOUT}
                self.process = subprocess.Popen(line, cwd=ROOT, env=environment(), start_new_session=True, **streams)

    def run(self, program: str, *arguments: str) -> str:
        """Runs a program on both ranks; returns rank 0's output, fails with everybody's when one of them fails."""
        self.start()
        number, deadline = self.jobs, time.monotonic() + LIMIT
        self.jobs += 1
        (self.folder / "new").write_text(json.dumps([program, *arguments]))
        (self.folder / "new").rename(self.folder / f"job_{number}")  # whole at once
        reports = [self.folder / f"report_{number}_{rank}" for rank in range(2)]
        while not all(report.exists() for report in reports):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.end()
                told = [self.folder / "log", *self.folder.glob(f"report_{number}_*")]
                raise AssertionError("\n".join(f"{path.name}: {path.read_text()[-4000:]}" for path in told))
            time.sleep(0.02)
        return reports[0].read_text()

    def end(self) -> None:
        """Ends the ranks, whatever they are at; the next program gets new ones."""
        if self.process is not None:
            with suppress(ProcessLookupError):  # gone already
                os.killpg(self.process.pid, signal.SIGKILL)  # a session of their own: the ranks, and what became them
            self.process.wait()
            self.process = None
