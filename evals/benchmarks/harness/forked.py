"""Training programs in processes that are forked from one which has imported them: many cost little more than one."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from rlad.generation.vllm.server import free_port


class ChildFailed(RuntimeError):
    """A forked process ended badly; the message is the end of its log."""


def forked(body: Callable[[], object], log: Path) -> int:
    """The number of a new process that runs `body` and ends; what it prints goes to `log`."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
    code = 0
    try:
        body()
    except BaseException:  # told in the log; the process ends here, whatever it was
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    os._exit(code)


def ended(children: Sequence[int], logs: Sequence[Path]) -> list[int]:
    """Largest resident bytes of each process, once all have ended. Raises ChildFailed."""
    ends = [os.wait4(child, 0) for child in children]
    for (_, status, _), log in zip(ends, logs, strict=True):
        if status:
            raise ChildFailed(f"{log.name}: {log.read_text()[-3000:]}")
    return [usage.ru_maxrss * 1024 for _, _, usage in ends]


def run_ranks(
    main: Callable[[], object], words: Sequence[str], folder: Path, ranks: int, after: Callable[[int], object] = int
) -> list[int]:
    """Runs `main` with the command line `words` on so many ranks of one group; largest resident bytes of each.

    `after(rank)` runs in each rank when `main` has returned. Raises ChildFailed.
    """
    port, logs = free_port(), [folder / f"rank_{rank}.log" for rank in range(ranks)]

    def rank_of(rank: int) -> Callable[[], object]:
        def body() -> object:
            os.environ |= {
                "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(ranks), "LOCAL_SIZE": str(ranks),
                "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "RLAD_RANK_LOGS": str(folder),
            }  # fmt: skip
            sys.argv = list(words)
            main()
            return after(rank)

        return body

    return ended([forked(rank_of(rank), log) for rank, log in enumerate(logs)], logs)


def run_program(module: str, folder: Path, ranks: int) -> None:
    """`python -m MODULE FOLDER RANKS`, which trains the run of a folder by `run_ranks`: one thread a rank, no GPU."""
    environment = os.environ | {"DS_ACCELERATOR": "cpu", "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    subprocess.run([sys.executable, "-m", module, str(folder), str(ranks)], env=environment, check=True)
