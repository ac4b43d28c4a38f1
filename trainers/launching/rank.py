"""One training process, as the `deepspeed` launcher starts it: `python -m trainers.launching.rank MODULE --run DIR`.

Runs MODULE as `__main__` and keeps the terminal readable: rank 0 speaks, the others write to DIR/logs/rank_N.log. When
a rank fails, its traceback goes into its log, and the first one to fail leaves one sentence for the launcher. A rank
also ends when its launcher is gone, however that went: no orphan keeps the machine busy.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import sys
import traceback
from pathlib import Path

from rlad.cli import BAD_INPUT, PlainError, end_with, sentence
from rlad.config import ConfigError
from rlad.problems.base import ProblemError

PLAIN = (ConfigError, ProblemError, PlainError)


def failure_file(logs: Path, node: int) -> Path:
    """Where the first failing rank of a node leaves {"rank", "sentence", "code"}."""
    return logs / f"failure_{node}.json"


def done_file(logs: Path, rank: int) -> Path:
    """What a rank leaves when it has run to its end."""
    return logs / f"done_{rank}"


def leave_sentence(logs: Path, node: int, rank: int, error: BaseException) -> int:
    """Leaves the sentence of the first failure (later ones follow from it); returns this rank's exit code."""
    plain = isinstance(error, PLAIN)
    code = BAD_INPUT if plain else 1
    text = sentence(error) if plain else f"{type(error).__name__}: {sentence(error)}"
    try:
        with failure_file(logs, node).open("x") as file:
            json.dump({"rank": rank, "sentence": text, "code": code}, file)
    except FileExistsError:
        pass  # another rank was first; this one's story is in its log
    return code


def main() -> int:
    module, *arguments = sys.argv[1:]
    rank, node = int(os.environ["RANK"]), int(os.environ.get("CROSS_RANK", "0"))
    logs = Path(os.environ["RLAD_RANK_LOGS"])
    if "RLAD_LAUNCHER" in os.environ:
        end_with(int(os.environ["RLAD_LAUNCHER"]))
    log_path = logs / f"rank_{rank}.log"
    if rank > 0:
        log = log_path.open("w")
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    sys.argv = [module, *arguments]
    gc.disable()  # imports leave no garbage; the process group begins, and it is collected again
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code not in (None, 0):
            return end.code if isinstance(end.code, int) else leave_sentence(logs, node, rank, PlainError(end.code))
    except Exception as error:  # reported, with its traceback in the log, and passed on as the exit code
        with log_path.open("a") as file:
            traceback.print_exc(file=file)
        return leave_sentence(logs, node, rank, error)
    done_file(logs, rank).touch()
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # No exit handlers: a failed rank would wait there for its partners, and one that has finished can be aborted (exit
    # code -6) by the destructor of a thread that gloo still runs. Everything is saved by now.
    os._exit(code)
