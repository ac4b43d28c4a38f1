"""Runs a module so that it never outlives the process that wanted it.

`python -m rlad.generation.vllm.watched PARENT_PID MODULE [ARGUMENTS ...]` runs MODULE as `__main__`. When the parent
ends, however that went (an exception, Ctrl-C, kill -9), this process and everything it started end too. It leads a
session of its own, so a Ctrl-C in the terminal reaches the parent alone, which then says how to stop.
"""

from __future__ import annotations

import os
import runpy
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
OWN_FOLDER = "RLAD_OWN_FOLDER"
"""Environment variable: a folder to remove when the parent ends (one that is full of weights in shared memory)."""
GRACE = 5.0
"""Seconds between asking processes to end and ending them."""


def start_watched(
    module: str, arguments: Sequence[str], log: Path, environment: Mapping[str, str], pass_fds: Sequence[int] = ()
) -> subprocess.Popen:
    """Starts MODULE under this process's eyes; what it prints goes into `log` (appended)."""
    log.parent.mkdir(parents=True, exist_ok=True)
    env = dict(environment)
    env["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [env.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "rlad.generation.vllm.watched", str(os.getpid()), module, *arguments]
    with log.open("ab") as sink:
        return subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=pass_fds,
        )


def end_group(process: subprocess.Popen, grace: float = GRACE) -> None:
    """Ends a watched process and all it started: asked first, after `grace` seconds ended."""
    _signal_group(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(grace)
    _signal_group(process.pid, signal.SIGKILL)  # the leader, or what it left
    process.wait()


def _signal_group(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def end_with(parent: int) -> None:
    """Ends this process's group when `parent` ends. A pidfd cannot be fooled by a reused process number."""
    watched = None
    with suppress(ProcessLookupError):
        watched = os.pidfd_open(parent)
    if watched is None or os.getppid() != parent:
        os._exit(1)  # it ended before this one began

    def wait() -> None:
        select.select([watched], [], [])
        if OWN_FOLDER in os.environ:
            shutil.rmtree(os.environ[OWN_FOLDER], ignore_errors=True)
        _signal_group(os.getpgrp(), signal.SIGTERM)
        time.sleep(GRACE)
        _signal_group(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, for an error message; empty when there is none."""
    if not log.is_file():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def main() -> None:
    parent, module, *arguments = sys.argv[1:]
    end_with(int(parent))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
