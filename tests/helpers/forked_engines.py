"""vLLM engines that are forks of one process, which engine_forks.py describes, for tests and for their ranks."""

import atexit
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Client, Connection
from pathlib import Path
from unittest.mock import patch

from two_ranks import LIMIT, PYTHONPATH

from rlad.generation.vllm import link, server
from rlad.generation.vllm.setup import cpu_environment

PLACE = "RLAD_TEST_ENGINE_FORKS"
"""Environment variable: the folder with the socket of the process that forks, and with a file for each mark."""
MARK = "RLAD_TEST_MARK"
"""Environment variable: by which a test finds what it has started."""
PROGRAM = Path(__file__).with_name("engine_forks.py")


class Forked:
    """What an engine's owner asks of a `subprocess.Popen`. A fork ends with this object's process."""

    def __init__(self, connection: Connection) -> None:
        self.connection, self.pid, self.returncode = connection, connection.recv(), None

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not self.connection.poll(timeout):
                raise subprocess.TimeoutExpired(link.DESK, timeout)
            self.returncode = self.connection.recv()
        return self.returncode


def start_server() -> None:
    """Starts the process that forks, where there is none, for this process and those that it starts from now on."""
    if PLACE in os.environ:
        return
    folder = tempfile.TemporaryDirectory(prefix="rlad-forks-")
    atexit.register(folder.cleanup)
    environment = cpu_environment(os.environ, 1, eager=True) | {"PYTHONPATH": PYTHONPATH}
    with open(f"{folder.name}/log", "wb") as log:
        streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), f"{folder.name}/socket"], env=environment, start_new_session=True, **streams
        )
    atexit.register(process.wait)
    atexit.register(process.kill)  # the last one registered is the first that is called
    os.environ[PLACE] = folder.name


def connected() -> Connection:
    deadline = time.monotonic() + LIMIT
    while True:
        with suppress(FileNotFoundError, ConnectionRefusedError):
            return Client(f"{os.environ[PLACE]}/socket", "AF_UNIX")
        assert time.monotonic() < deadline, Path(os.environ[PLACE], "log").read_text()
        time.sleep(link.POLL)


def start_forked(
    module: str, arguments: Sequence[str], log: Path, environment: Mapping[str, str], pass_fds: Sequence[int] = ()
) -> Forked:
    """What `start_watched` does."""
    log.parent.mkdir(parents=True, exist_ok=True)
    connection = connected()
    connection.send((module, list(arguments), str(log), dict(environment)))
    fork = Forked(connection)
    if MARK in environment:
        with Path(os.environ[PLACE], environment[MARK]).open("a") as file:
            file.write(f"{fork.pid}\n")
    return fork


def sessions(mark: str) -> set[int]:
    """The sessions of the forks with a mark: as their environment the system shows that of the process that forks."""
    file = Path(os.environ.get(PLACE, "/nowhere"), mark)
    return set(map(int, file.read_text().split())) if file.exists() else set()


@contextmanager
def forked_engines() -> Iterator[None]:
    """Engines and servers that this process starts meanwhile are forks."""
    start_server()
    with patch.object(link, "start_watched", start_forked), patch.object(server, "start_watched", start_forked):
        yield
