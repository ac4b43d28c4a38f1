"""A process that has imported vLLM and forks engines: to import it takes three times what the rest of a start does.

`python engine_forks.py SOCKET` takes (module, arguments, log, environment) and forks what `python -m MODULE ARGUMENTS`
would run; it answers with the fork's number and, once it has ended, with its exit code. A fork ends with its caller.
"""

import gc
import importlib
import multiprocessing
import os
import runpy
import selectors
import signal
import socket
import sys
import traceback
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection

from rlad.cli import end_with
from rlad.generation.vllm.server import SERVE
from rlad.players.lean import language_models_only

MODULES = ("rlad.generation.vllm.core", "vllm.v1.engine.llm_engine", "vllm.v1.worker.cpu_worker", SERVE)


def become(module: str, arguments: list[str], log: str, environment: dict[str, str]) -> None:
    """In the fork: runs the module in its own environment, its output in `log`."""
    os.environ.clear()
    os.environ.update(environment)
    with open(log, "ab") as sink:
        os.dup2(sink.fileno(), 1)
        os.dup2(sink.fileno(), 2)
    sys.argv = [module, *arguments]
    if module == SERVE:  # the engine of a server on a CPU would be a process that imports vLLM once more
        importlib.import_module("vllm.v1.engine.utils").get_mp_context = lambda: multiprocessing.get_context("fork")
    runpy.run_module(module, run_name="__main__", alter_sys=True)


class Forks:
    """Waits for callers, for their forks and for their end."""

    def __init__(self, door: socket.socket) -> None:
        self.door, self.events = door, selectors.DefaultSelector()
        self.events.register(door, selectors.EVENT_READ, self.fork)

    def serve(self) -> None:
        while True:
            for key, _ in self.events.select():
                key.data()

    def fork(self) -> None:
        caller = Connection(self.door.accept()[0].detach())
        given, server = caller.recv(), os.getpid()
        if (pid := os.fork()) == 0:
            code = 1
            try:
                os.setsid()
                caller.send(os.getpid())
                end_with(server)
                become(*given)
                code = 0
            except SystemExit as end:
                code = end.code or 0
            except BaseException:  # told in the log, and by the exit code
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        ended = os.pidfd_open(pid)
        self.events.register(ended, selectors.EVENT_READ, partial(self.tell, caller, ended, pid))
        self.events.register(caller, selectors.EVENT_READ, partial(self.left, caller, pid))

    def tell(self, caller: Connection, ended: int, pid: int) -> None:
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        self.events.unregister(ended)
        os.close(ended)
        with suppress(KeyError):
            self.events.unregister(caller)
        with suppress(OSError):
            caller.send(code)
        caller.close()

    def left(self, caller: Connection, pid: int) -> None:
        if not caller.closed:  # else its fork has ended in the same moment
            self.events.unregister(caller)
            os.killpg(pid, signal.SIGKILL)


def main(address: str) -> None:
    with language_models_only():
        for name in MODULES:
            importlib.import_module(name)
    gc.freeze()  # what is imported stays in memory that the forks share
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(f"{address}.new")
        door.listen()
        os.rename(f"{address}.new", address)  # whoever sees it can connect
        Forks(door).serve()


if __name__ == "__main__":
    end_with(os.getppid())
    main(sys.argv[1])
