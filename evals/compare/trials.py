"""The trials of a comparison: which commands make one run, what must be there before, and running them resumably."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TextIO

from evals.compare.config import BASE, CompareConfig, run_overrides
from rlad.cli import PlainError
from rlad.config import read_tree

VERBS: dict[str, list[str]] = {
    "warmstart": [sys.executable, "-m", "trainers.launching", "warmstart"],
    "train": [sys.executable, "-m", "trainers.launching", "train"],
    "sweep": [sys.executable, "-m", "evals.sweep"],
}
"""The project's own commands; a test may put faster ones in their place."""

STOPPED = "The comparison was stopped."


@dataclass
class Stage:
    """One command of a trial."""

    verb: str
    command: list[str]
    digest: str
    """Of the command and of what the base configuration says: what a finished stage must have been made with. Training
    does not read `sweep.*`, so these keys are in a sweep's digest alone: measuring otherwise trains nothing again."""

    @property
    def words(self) -> str:
        return shell_line(self.command)


def shell_line(command: list[str]) -> str:
    """A command as one types it.

    >>> shell_line([sys.executable, "-m", "evals.sweep", "runs/a b"])
    "python -m evals.sweep 'runs/a b'"
    """
    return shlex.join(["python" if word == sys.executable else word for word in command])


@dataclass
class Trial:
    """One arm of one seed: a run folder and the commands that fill it, in order."""

    arm: str
    seed: int
    folder: Path
    stages: list[Stage]
    needs: tuple[int, str] | None = None
    """Key of the trial whose first stage (its warm start) must be done before."""

    @property
    def key(self) -> tuple[int, str]:
        return self.seed, self.arm

    @property
    def label(self) -> str:
        return f"seed {self.seed}  {self.arm}"

    def finished(self) -> dict[str, dict]:
        """What earlier runs finished, by verb; a sweep with other settings counts as not finished.

        Raises PlainError when something was trained with other settings.
        """
        file = self.folder / "stages.json"
        done = json.loads(file.read_text()) if file.is_file() else {}
        for stage in self.stages:
            if stage.verb not in done or done[stage.verb]["digest"] == stage.digest:
                continue
            if stage.verb == "sweep":  # reads what was trained and changes nothing of it: it is made again
                del done["sweep"]
            else:
                raise PlainError(
                    f"'{self.folder}' was made with other settings ({done[stage.verb]['command']}); give the "
                    "comparison another name, or remove that folder to make it again."
                )
        return done

    def record(self, stage: Stage, seconds: float) -> None:
        """Notes a finished stage; the file is replaced at once, so a kill leaves the old or the new one."""
        done = self.finished() | {
            stage.verb: {"command": stage.words, "digest": stage.digest, "seconds": round(seconds, 1)}
        }
        part = self.folder / "stages.json.part"
        part.write_text(json.dumps(done, indent=1) + "\n")
        part.replace(self.folder / "stages.json")

    @contextmanager
    def alone(self, say: Callable[[str], None], stopped: Callable[[], bool] = lambda: False) -> Iterator[int]:
        """Waits until no other process works in this folder: a comparison that was killed may have left one.

        Yields the lock's file descriptor. Commands inherit it, so the lock is held as long as one of them lives.
        Raises PlainError when `stopped` says so in the meantime; nobody can interrupt a thread that waits for a lock.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "compare.lock").open("w") as file:
            if not _locked(file):
                say(f"{self.label}  waits for an earlier process that is still at work in {self.folder}")
                while not _locked(file):
                    if stopped():
                        raise PlainError(STOPPED)
                    time.sleep(0.2)
            yield file.fileno()


def _locked(file: TextIO) -> bool:
    """Takes the file's lock if nobody holds it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def plan(config: CompareConfig, verbs: dict[str, list[str]] | None = None) -> list[Trial]:
    """All trials, seed by seed, the base of a seed before its arms."""
    content = read_tree(config.base)
    commands = verbs or VERBS

    def stage(verb: str, arguments: list[str]) -> Stage:
        command = [*commands[verb], *arguments]
        read, words = content, command
        if verb != "sweep":
            read = {section: keys for section, keys in content.items() if section != "sweep"}
            words = [word for word in command if not word.startswith("sweep.")]
        made_with = f"{json.dumps(read, sort_keys=True)}\n{shell_line(words)}"
        return Stage(verb, command, hashlib.sha256(made_with.encode()).hexdigest()[:16])

    trials = []
    for seed in config.seeds:
        base: Trial | None = None
        for name in [BASE, *config.arms]:
            arm = config.arms.get(name)
            folder = config.folder / f"seed{seed}" / name
            words = [config.base, *run_overrides(config, name, seed)]
            stages = []
            if arm is None or arm.start == "own":
                stages.append(stage("warmstart", words))
            if arm is not None and arm.train:
                # Named as the model to start from, the shared base need not be copied, nor measured again.
                shared = [f"base.path={base.folder / 'base'}"] if base and arm.start == "base" else []
                stages.append(stage("train", [*words, *shared]))
            if config.judged_by == "sweep":
                stages.append(stage("sweep", words))
            trial = Trial(name, seed, folder, stages, base.key if base and arm and arm.start == "base" else None)
            base = base or trial
            trials.append(trial)
    return trials


class Runner:
    """Runs trials, some at a time, says one line per stage, and stops everything it started when it is stopped."""

    def __init__(self, jobs: int, say: Callable[[str], None]):
        self.jobs, self.say = jobs, say
        self.children: set[subprocess.Popen] = set()
        self.lock, self.stopping = Lock(), False

    def run(self, trials: list[Trial]) -> None:
        """Returns when all are done. Raises PlainError naming the log of the first that failed.

        Arms begin as soon as their base is warm-started, not when it is swept too: a slot would stand idle meanwhile.
        """
        for trial in trials:
            trial.finished()  # refuse other settings before anything runs
        first = {trial.key: trial.stages[0] for trial in trials}
        waiting = [(trial, place) for trial in trials for place in range(len(trial.stages))]
        running: dict[Future, tuple[tuple[int, str], str]] = {}
        done: set[tuple[tuple[int, str], str]] = set()

        def ready(trial: Trial, place: int) -> bool:
            needed = [(trial.key, stage.verb) for stage in trial.stages[:place]]
            if trial.needs is not None:
                needed.append((trial.needs, first[trial.needs].verb))
            return done.issuperset(needed)

        with ThreadPoolExecutor(self.jobs) as pool:
            try:
                while waiting or running:
                    for trial, place in [entry for entry in waiting if ready(*entry)]:
                        if len(running) < self.jobs:
                            stage = trial.stages[place]
                            running[pool.submit(self.stage, trial, stage)] = trial.key, stage.verb
                            waiting.remove((trial, place))
                    ended: set[Future] = wait(running, return_when=FIRST_COMPLETED).done
                    for future in ended:
                        future.result()
                        done.add(running.pop(future))
            except BaseException:
                self.stop()
                raise

    def stage(self, trial: Trial, stage: Stage) -> None:
        """One stage of a trial, unless it is finished already."""
        with trial.alone(self.say, lambda: self.stopping) as held:
            if stage.verb in trial.finished():
                self.say(f"{trial.label}  {stage.verb} was finished earlier")
                return
            self.say(f"{trial.label}  {stage.verb} begins")
            begin = time.monotonic()
            self.command(trial, stage, held)
            seconds = time.monotonic() - begin
            trial.record(stage, seconds)
            self.say(f"{trial.label}  {stage.verb} done in {seconds:.0f} s")

    def command(self, trial: Trial, stage: Stage, held: int) -> None:
        """Runs one stage's command, its output in the trial's log. Raises PlainError with its last words."""
        log = trial.folder / f"compare-{stage.verb}.log"
        with log.open("a") as output:
            with self.lock:
                if self.stopping:
                    raise PlainError(STOPPED)
                child = subprocess.Popen(
                    stage.command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                    start_new_session=True, pass_fds=[held],
                )  # fmt: skip
                self.children.add(child)
            code = child.wait()
            with self.lock:
                self.children.discard(child)
        if code:
            last = next((line for line in reversed(log.read_text().splitlines()) if line.strip()), "it said nothing")
            raise PlainError(f"{trial.label}: {stage.verb} ended with exit code {code}: {last.strip()} (see {log})")

    def stop(self) -> None:
        """Ends every command that is running, and its own children."""
        with self.lock:
            self.stopping = True
            children = list(self.children)
        for child in children:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
        deadline = time.monotonic() + 20
        for child in children:
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
