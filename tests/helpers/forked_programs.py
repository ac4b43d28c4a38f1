"""Programs of the project as forks of a process that has imported what they need: a start without its imports."""

import gc
import importlib
import multiprocessing
import os
import runpy
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

from rlad.generation.vllm.server import free_port


def imported(modules: Iterable[str]) -> None:
    """Imports what forks of this process share; nothing of it is garbage."""
    gc.disable()
    for name in modules:
        importlib.import_module(name)
    gc.freeze()
    gc.enable()


def forked(work: Callable[[], object]) -> int:
    """Runs `work` in a process of its own; its number."""
    sys.stdout.flush()
    if pid := os.fork():
        return pid
    code = 1
    try:
        work()
        code = 0
    except SystemExit as end:
        code = end.code or 0
    except BaseException:  # told in the program's output, and by the exit code
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def ended(pid: int) -> int:
    """Waits for a fork; its exit code, negative where a signal ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def module(words: list[str]) -> None:
    """What `python -m WORDS` does."""
    sys.argv = words
    sys.modules.pop(words[0], None)  # it was imported for its neighbours, and runs anew
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)


def as_rank(command: list[str], env: dict[str, str]) -> int:
    """Becomes the one rank that DeepSpeed's launcher would start; its exit code."""
    os.environ |= env | {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "LOCAL_SIZE": "1"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    sys.argv = command[command.index("trainers.launching.rank") + 1 :]
    sys.modules.pop(sys.argv[0], None)
    sys.argv.insert(0, "rank")
    return importlib.import_module("trainers.launching.rank").main()


@contextmanager
def forked_programs(start: Callable[[list[str], dict[str, str]], int]) -> Iterator[None]:
    """Meanwhile `start` stands in for a launcher's of ranks, and worker processes are forks."""
    fork = multiprocessing.get_context("fork")
    with (
        patch("trainers.launching.command.run", start),
        patch.object(multiprocessing, "get_context", lambda _: fork),
    ):
        yield
