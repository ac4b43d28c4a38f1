"""One engine process as its ranks see it: started and ended by one of them, called by all, every call with a limit."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Client, Connection
from pathlib import Path

from rlad.generation.base import SamplerFailed
from rlad.generation.vllm.watched import OWN_FOLDER, end_group, start_watched, tail

POLL = 0.05
DESK = "rlad.generation.vllm.desk"


SCRATCH = "RLAD_SCRATCH"
"""Environment variable: where private folders go; the launcher of the ranks removes it when they have all ended."""


def private_folder() -> Path:
    """A new folder in shared memory (or, without that, among the temporary files) that only this user can read."""
    shared = Path("/dev/shm")
    base = os.environ.get(SCRATCH) or (shared if os.access(shared, os.W_OK) else None)
    return Path(tempfile.mkdtemp(prefix="rlad-vllm-", dir=base))


class EngineProcess:
    """The process of an engine, owned by the rank that starts it. Returns at once; the engine is up some time later."""

    def __init__(self, core: Mapping, folder: Path, log: Path, environment: Mapping[str, str], module: str = DESK):
        """core: settings of VllmCore. folder: from `private_folder`; this process and the engine remove it."""
        self.folder, self.log = folder, log
        self.address = str(folder / "socket")
        log.unlink(missing_ok=True)
        settings = json.dumps({"socket": self.address, "core": dict(core)})
        env = dict(environment) | {OWN_FOLDER: str(folder)}
        self.process: subprocess.Popen = start_watched(module, [settings], log, env)

    def ended(self) -> str | None:
        """How it ended, with the end of its log; None while it runs."""
        code = self.process.poll()
        if code is None:
            return None
        return f"ended (exit code {code}); its log is {self.log} and ends with:\n{tail(self.log)}"

    def close(self) -> None:
        end_group(self.process)
        shutil.rmtree(self.folder, ignore_errors=True)


class Link:
    """A connection to an engine process. Connects at the first call. Every failure is a SamplerFailed that names it."""

    def __init__(self, name: str, address: str, start_limit: float, process: EngineProcess | None = None):
        """name: for messages. process: given to the rank that started it, which can say how it ended."""
        self.name, self.address, self.process = name, address, process
        self._deadline, self._start_limit = time.monotonic() + start_limit, start_limit
        self._connection: Connection | None = None
        self._left = False

    def fail(self, what: str) -> SamplerFailed:
        return SamplerFailed(f"The vLLM engine of the {self.name} {what}")

    def _ended(self) -> SamplerFailed:
        if self._left:
            return self.fail("is not listened to any more.")
        if self.process is None:
            return self.fail("ended or closed its connection; the rank that started it knows more.")
        with suppress(subprocess.TimeoutExpired):  # the connection breaks a moment before the process is gone
            self.process.process.wait(5)
        return self.fail(self.process.ended() or "closed its connection.")

    def _log(self) -> str:
        log = self.process.log if self.process is not None else None
        return f"; its log is {log} and ends with:\n{tail(log)}" if log else "."

    def connect(self) -> Connection:
        """Waits until the engine is up, at most until its start limit."""
        while self._connection is None:
            if self.process is not None and self.process.ended():
                raise self._ended()
            with suppress(FileNotFoundError, ConnectionRefusedError):
                self._connection = Client(self.address, "AF_UNIX")
                break
            if time.monotonic() > self._deadline:
                raise self.fail(f"was not ready within {self._start_limit:.0f} seconds{self._log()}")
            time.sleep(POLL)
        return self._connection

    def call(self, do: str, limit: float, **arguments):
        """Does one call. `limit`: most seconds without an answer or a sign of life."""
        self.say({"do": do, **arguments})
        while True:
            heard = self.hear(limit, do)
            if heard is None:
                raise self.silent(limit, do)
            kind, value = heard
            if kind == "ok":
                return value

    def say(self, call: dict) -> None:
        """Sends a call."""
        try:
            self.connect().send(call)
        except (BrokenPipeError, ConnectionResetError):
            raise self._ended() from None

    def hear(self, limit: float, do: str) -> tuple | None:
        """The next (kind, value) that is no error; None when nothing came for `limit` seconds."""
        try:
            if not self.connect().poll(limit):
                return None
            kind, value = self.connect().recv()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise self._ended() from None
        if kind == "error":
            raise self.fail(f"refused '{do}': {value}")
        return kind, value

    def silent(self, limit: float, do: str) -> SamplerFailed:
        return self.fail(f"gave no sign of life for {limit:.0f} seconds during '{do}'.")

    def beside(self) -> Link:
        """A further connection to the same engine; `hang_up` ends it."""
        return Link(self.name, self.address, self._start_limit, self.process)

    def interrupt(self) -> None:
        """Ends what is said and heard, also for a thread that listens: that gets a SamplerFailed."""
        if self._connection is not None:
            self._left = True
            with suppress(OSError), socket.socket(fileno=os.dup(self._connection.fileno())) as end:
                end.shutdown(socket.SHUT_RDWR)

    def hang_up(self) -> None:
        """Ends the connection alone."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close(self) -> None:
        """Ends the connection, and the process where this rank started it."""
        self.hang_up()
        if self.process is not None:
            self.process.close()
            self.process = None
