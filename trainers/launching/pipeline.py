"""``./launch.sh pipeline CONFIG``: the stages of a run one after another, each in a process of its own.

Which ones is the configuration's key `stages`. A stage that ended well is marked in RUN/stages.json and not done again;
one that was killed goes on by its own means when the same command is given again: distillation from its kept calls,
warm start and training from their newest checkpoints, curriculum and sweep from what they have written. All stages have
one configuration, so what RUN/config.yaml says is true of each of them.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rlad.cli import DRIVER, Parser, PlainError, locked, main_guard
from rlad.config import RunConfig, load_config
from trainers.launching.folder import changed, config_path, run_folder

MARKS = "stages.json"
"""In the run's folder: stage -> seconds, of every stage that ended well."""
SHOW_SWEEP = "import json, sys; from evals.tables.sweep import print_sweep; print_sweep(json.load(open(sys.argv[1])))"


@dataclass(frozen=True)
class Stage:
    """One verb of ./launch.sh."""

    title: str
    module: tuple[str, ...]
    """What `python -m` runs, with the words that come first."""
    of_run: bool = False
    """Whether it takes the run's folder, not the configuration."""


STAGES = {
    "distill": Stage("Distillation", ("trainers.distill",)),
    "warmstart": Stage("Warm start", ("trainers.launching", "warmstart")),
    "curriculum": Stage("Curriculum", ("trainers.curriculum",)),
    "train": Stage("Co-training", ("trainers.launching", "train")),
    "sweep": Stage("Sweep", ("evals.sweep",), of_run=True),
    "report": Stage("Report", ("evals.report",), of_run=True),
}


def settled(config: Path, overrides: list[str]) -> tuple[RunConfig, list[str]]:
    """The run, and the overrides that all its stages get: where there is a distillation, the warm start learns from
    what it wrote, unless `warmstart.path` names something else."""
    run = load_config(config, overrides)
    if "distill" in run.stages and run.warmstart.path is None:
        overrides = [*overrides, f"warmstart.path={run_folder(run) / 'distill' / 'sft.jsonl'}"]
        run = load_config(config, overrides)
    return run, overrides


def command(name: str, config: Path, folder: Path, overrides: list[str]) -> list[str]:
    """The words behind `python -m` for a stage.

    >>> command("train", Path("configs/demo.yaml"), Path("runs/demo"), ["seed=1"])
    ['trainers.launching', 'train', 'configs/demo.yaml', 'seed=1']
    >>> command("sweep", Path("configs/demo.yaml"), Path("runs/demo"), ["seed=1"])
    ['evals.sweep', 'runs/demo']
    """
    stage = STAGES[name]
    return [*stage.module, *([str(folder)] if stage.of_run else [str(config), *overrides])]


def marked(folder: Path) -> dict[str, float]:
    """The finished stages of a run, and the seconds that each took.

    >>> marked(Path("/nowhere"))
    {}
    """
    file = folder / MARKS
    return json.loads(file.read_text()) if file.is_file() else {}


def mark(folder: Path, name: str, seconds: float) -> None:
    """Says that a stage ended well, whole or not at all."""
    partial = folder / f".{MARKS}"
    partial.write_text(json.dumps(marked(folder) | {name: seconds}) + "\n")
    partial.replace(folder / MARKS)


def elapsed(seconds: float) -> str:
    """
    >>> elapsed(59.7), elapsed(61)
    ('59 s', '1 min 1 s')
    """
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def start(words: list[str]) -> int:
    """Runs `python -m WORDS` and returns its exit code; SIGTERM is passed on, Ctrl-C reaches it by itself.

    Killed with SIGKILL this passes nothing on: the stage watches it, and ends too.
    """
    process = subprocess.Popen([sys.executable, "-m", *words], env=os.environ | {DRIVER: str(os.getpid())})
    before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        return process.wait()
    finally:
        signal.signal(signal.SIGTERM, before)


def show_sweep(folder: Path) -> None:
    """The tables of the sweep that was done before, by a process that knows how (trainers import no evals)."""
    subprocess.run([sys.executable, "-c", SHOW_SWEEP, folder / "sweep.json"], check=True)


def work_through(run: RunConfig, config: Path, overrides: list[str]) -> int:
    """Does what is not done yet, in order; returns 0, or the exit code of the stage that failed."""
    folder, begin = run_folder(run), time.monotonic()
    done = marked(folder)
    for number, name in enumerate(run.stages, 1):
        title = STAGES[name].title
        if name in done:
            print(f"== {title}: done before, in {elapsed(done[name])}", flush=True)
            if name == "sweep":
                show_sweep(folder)
            continue
        print(f"== {title} ({number} of {len(run.stages)})", flush=True)
        since = time.monotonic()
        if code := start(command(name, config, folder, overrides)):
            code = 128 - code if code < 0 else code
            print(
                f"error: the stage '{name}' ended with exit code {code}; the same command goes on with it.",
                file=sys.stderr,
            )
            return code
        seconds = round(time.monotonic() - since, 1)
        mark(folder, name, seconds)
        print(f"== {title}: {elapsed(seconds)}", flush=True)
    print(f"Finished in {elapsed(time.monotonic() - begin)}; everything is in {folder}.")
    if "report" in run.stages:
        print(f"Open {folder / 'report.html'} in a browser.")
    print(f"To ask the pair: ./launch.sh serve {folder}")
    return 0


def main(words: list[str] | None = None) -> int:
    parser = Parser(prog="pipeline", description=__doc__.splitlines()[0])
    parser.add_argument("config", help="a YAML file, or the folder of a run to go on with")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes to the configuration")
    parser.add_argument("--fresh", action="store_true", help="remove the run's folder and start over")
    parser.add_argument("--dry-run", action="store_true", help="print the stages as commands")
    arguments = parser.parse_intermixed_args(words)
    config = config_path(arguments.config)
    run, overrides = settled(config, arguments.overrides)
    folder = run_folder(run)
    if arguments.dry_run:
        for name in run.stages:
            words = command(name, config, folder, overrides)[len(STAGES[name].module) :]
            print(f"./launch.sh {name} {shlex.join(words)}" + (" # done" if name in marked(folder) else ""))
        return 0
    if folder.is_dir():
        with locked(folder):  # what is about to be removed or gone on with is nobody's work in progress
            if arguments.fresh:
                shutil.rmtree(folder)
    # Stages that are added or left out change nothing that is done.
    if different := [line for line in changed(run, folder) if not line.startswith("stages:")]:
        raise PlainError(
            f"the run in {folder} was begun with other settings ({'; '.join(different)}); --fresh starts over, another "
            "name begins beside it, and every stage is a verb of its own that takes other settings."
        )
    if (folder / "config.yaml").is_file():
        print(f"Going on with the run in {folder} (--fresh starts over).", flush=True)
    return work_through(run, config, overrides)


if __name__ == "__main__":
    main_guard(main)
