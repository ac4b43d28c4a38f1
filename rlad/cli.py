"""What every command shares: bad input becomes one plain sentence and exit code 2, progress is for terminals,
and a run folder is one command's at a time."""

from __future__ import annotations

import argparse
import errno
import fcntl
import multiprocessing
import os
import select
import shlex
import signal
import socket
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from rlad.config import ROLES, ConfigError, RunConfig, load_config
from rlad.problems.base import ProblemError

BAD_INPUT = 2
"""Exit code of a command that refuses what it was given."""
DRIVER = "RLAD_DRIVER"
"""Environment variable: the process for which a command works, and without which it ends."""


class PlainError(Exception):
    """An error whose message is one plain sentence for the user; raise it where no more fitting class exists."""


class Parser(argparse.ArgumentParser):
    """Refuses wrong arguments in one plain sentence instead of a page of usage."""

    def error(self, message: str) -> NoReturn:
        message = message.replace(
            ", key=value", ""
        )  # words that argparse wants wherever options may stand between them
        print(f"error: {message[0].upper()}{message[1:]}; try --help.", file=sys.stderr)
        sys.exit(BAD_INPUT)


def sentence(error: BaseException) -> str:
    """The error's message on one line.

    >>> sentence(ValueError("two  words\\nand more"))
    'two words and more'
    """
    return " ".join(str(error).split()) or type(error).__name__


def note_further_players(run: RunConfig, taking: Collection[str] = ()) -> None:
    """Says on stderr which of a run's players have no part in a command that is for the pair and some others."""
    further = [role for role in run.players if role not in (*ROLES, *taking)]
    if further:
        pair, left_out = " and ".join(ROLES), " and ".join(further)
        print(f"Note: this takes the {pair} players of the run; the {left_out} has no part in it.", file=sys.stderr)


def main_guard(main: Callable[[], int | None], plain: tuple[type[Exception], ...] = ()) -> NoReturn:
    """Runs a command's `main` and exits with its code.

    ConfigError, ProblemError, PlainError and the classes in `plain` end it with their sentence on stderr and exit
    code 2. Any other error is a bug and keeps its traceback. A command that runs as a training rank hands the
    sentence to the launcher instead (trainers/launching/rank.py), so that it is printed once, not once per rank.

        if __name__ == "__main__":
            main_guard(main)
    """
    if driver := os.environ.pop(DRIVER, None):
        end_with(int(driver))
    try:
        code = main()
    except (ConfigError, ProblemError, PlainError, *plain) as error:
        if "RLAD_RANK_LOGS" in os.environ:
            raise PlainError(sentence(error)) from error
        print(f"error: {sentence(error)}", file=sys.stderr)
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # the reader, say `head`, has gone: not worth a traceback
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    sys.exit(code)


@contextmanager
def environment_default(name: str, value: str) -> Iterator[None]:
    """Inside of it an environment variable that nobody has set has a value, for what is imported or started there.

    Afterwards the environment is as it was: commands are also called from programs, which go on.

    >>> with environment_default("RLAD_EXAMPLE", "1"), environment_default("RLAD_EXAMPLE", "2"):
    ...     os.environ["RLAD_EXAMPLE"]
    '1'
    >>> "RLAD_EXAMPLE" in os.environ
    False
    """
    before = os.environ.get(name)
    os.environ.setdefault(name, value)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)


def open_run(given: str | Path, overrides: Sequence[str] = ()) -> tuple[RunConfig, Path]:
    """The configuration and the folder that a command's RUN_OR_CONFIG argument means.

    A configuration that begins with a pretrained model needs no run: its folder is made here, so that what the model
    does before any training can be measured, served and reported. Raises ConfigError where there is nothing.
    """
    path = Path(given)
    if path.is_dir():
        if not (path / "config.yaml").is_file():
            raise ConfigError(f"'{path}' is not the folder of a run: it has no config.yaml.")
        return load_config(path / "config.yaml", overrides), path
    if not path.exists():
        raise ConfigError(f"There is no run folder or configuration file '{given}'.")
    run = load_config(path, overrides)
    folder = Path(run.runs_dir) / run.name
    if not folder.is_dir():
        if any((run.players[role].model or run.base).path is None for role in ROLES):
            raise ConfigError(f"There is no run folder '{folder}' yet; train with '{given}' first.")
        folder.mkdir(parents=True)
    return run, folder


def command_line(verb: str, *words: object, **options: object) -> str:
    """A verb's call as one types it, quoted for the shell; options that are None or false are left out.

    >>> command_line("transfer", "runs/a", "transfer.sources=[own, oracle]", solver="runs/b", name=None, rescore=True)
    "./launch.sh transfer runs/a 'transfer.sources=[own, oracle]' --solver runs/b --rescore"
    """
    given = [str(word) for word in words]
    for name, value in options.items():
        if value is not None and value is not False:
            given += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    return shlex.join(["./launch.sh", verb, *given])


@contextmanager
def locked(folder: Path, node: int | str = 0) -> Iterator[None]:
    """Holds a run folder for this process: what trains, warms up or sweeps there is alone, one launcher per node,
    one process per shard of a sweep.

    The system lets go of the lock however this process ends, so that no stale one is ever in the way. Raises PlainError
    naming the process that holds it.
    """
    path = folder / "logs" / f"lock_{node}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read() or "another process"  # it has the lock and has not written yet
            raise PlainError(
                f"{holder} works in {folder} already; wait for it or end it, or choose another name for this run."
            ) from error
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
            print(f"Note: the file system of {folder} has no locks; start only one run there.", flush=True)
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        yield


def end_with(pid: int) -> None:
    """Ends this process, by SIGTERM, when the process `pid` ends, however that went: no orphan keeps the machine busy.

    A pidfd cannot be fooled by a reused process number.
    """
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        os.kill(os.getpid(), signal.SIGTERM)
        return

    def wait() -> None:
        select.select([watched], [], [])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def end_with_parent() -> None:
    """Makes this worker process end when the one that started it does, however that ends.

    Workers of a pool wait for work on a pipe whose other end they hold themselves: killed with SIGKILL, their parent
    would leave them there with their models for ever.
    """
    parent = multiprocessing.parent_process()

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


class Progress:
    """What `progress` yields: advances the bar and shows a few numbers beside it."""

    def advance(self, steps: float = 1, **numbers: object) -> None:
        """Moves the bar by `steps`; `numbers` replace what stands behind it, e.g. `loss=0.31`."""


class _Bar(Progress):
    def __init__(self, bar, task) -> None:
        self._bar, self._task = bar, task

    def advance(self, steps: float = 1, **numbers: object) -> None:
        shown = "  ".join(
            f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in numbers.items()
        )
        self._bar.update(self._task, advance=steps, numbers=shown)


@contextmanager
def progress(description: str, total: float | None, done: float = 0) -> Iterator[Progress]:
    """A progress bar on stderr when that is a terminal, nothing otherwise (logs, pipes, ranks other than 0).

    with progress("co-training", total=100) as bar:
        bar.advance(reward=0.4)
    """
    if not sys.stderr.isatty() or os.environ.get("RANK", "0") != "0":
        yield Progress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[numbers]}"),
    )
    with RichProgress(*columns, console=Console(stderr=True)) as bar:
        yield _Bar(bar, bar.add_task(description, total=total, completed=done, numbers=""))
