"""`python -m evals.compare CONFIG [key=value ...]`: arms × seeds under one budget of generated training tokens.

Everything runs through the project's own commands, one folder per arm and seed under runs/NAME/; what is finished is
not run again. Ends with compare.json, compare.md, compare.png and compare.html in runs/NAME/, or with dynamics.json,
.md and .png of a comparison that is judged by its trainings.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from pathlib import Path

from rich.console import Console

from evals.compare.config import BASE, CompareConfig, jobs_of, load_compare, run_config
from evals.compare.page import render_comparison
from evals.compare.results import collect
from evals.compare.show import markdown, plot, tables
from evals.compare.trials import Runner, Trial, plan, shell_line
from evals.dynamics import products
from evals.statistics.rounding import compact
from rlad.cli import Parser, PlainError, main_guard

PRODUCTS = ("compare.json", "compare.md", "compare.png", "compare.html")


def say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {line}", flush=True)


def _chosen_trials(config: CompareConfig, trials: list[Trial], only: list[str], seeds: list[int]) -> list[Trial]:
    """The trials of these arms and seeds, and the bases they start from. Raises PlainError for unknown ones."""
    for arm in only:
        if arm not in [BASE, *config.arms]:
            raise PlainError(f"There is no arm '{arm}'; there are: {', '.join([BASE, *config.arms])}.")
    for seed in seeds:
        if seed not in config.seeds:
            raise PlainError(f"There is no seed {seed} in this comparison; there are: {config.seeds}.")
    wanted = [p for p in trials if p.arm in (only or [BASE, *config.arms]) and p.seed in (seeds or config.seeds)]
    needed = {trial.needs for trial in wanted} | {trial.key for trial in wanted}
    return [trial for trial in trials if trial.key in needed]


def write(config: CompareConfig, trials: list[Trial], command: str, out: str | None) -> None:
    """Summarises what is finished, on the terminal and into files."""
    result = collect(config, trials)
    result["meta"]["command"] = command
    folder = config.folder
    (folder / "compare.json").write_text(compact(result) + "\n")
    (folder / "compare.md").write_text(markdown(result, command))
    plot(result, folder / "compare.png")
    (folder / "compare.html").write_text(render_comparison(result), encoding="utf-8")
    for table in tables(result):
        Console().print(table)
    if out:
        target = Path(out)
        target.mkdir(parents=True, exist_ok=True)
        for name in PRODUCTS:
            shutil.copy(folder / name, target / name)
    print(f"Written: {', '.join(str((Path(out) if out else folder) / name) for name in PRODUCTS)}")


def write_courses(config: CompareConfig, trials: list[Trial], command: str, out: str | None) -> None:
    """The same of a comparison that is judged by its trainings (evals/dynamics): of all that are finished."""
    files = [trial.folder / "metrics.jsonl" for trial in trials if "train" in trial.finished()]
    arms = {name: arm.description for name, arm in config.arms.items()}
    folder = Path(out) if out else config.folder
    made = products.write([products.record_of(file) for file in files], config.name, arms, command, folder)
    print(f"Written: {', '.join(map(str, made))}")


def main(words: list[str] | None = None, verbs: dict[str, list[str]] | None = None) -> int:
    parser = Parser(prog="launch.sh compare", description=__doc__.splitlines()[0])
    parser.add_argument("config", help="the comparison, e.g. configs/compare.yaml")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes to it, or to all its runs")
    parser.add_argument("--only", nargs="+", default=[], metavar="ARM", help="run only these arms (and their bases)")
    parser.add_argument("--seeds", nargs="+", type=int, default=[], metavar="SEED", help="run only these seeds")
    parser.add_argument("--out", metavar="FOLDER", help="also copy the results there, e.g. docs/results/compare")
    arguments = parser.parse_intermixed_args(words)
    config = load_compare(arguments.config, arguments.overrides)
    trials = plan(config, verbs)
    todo = _chosen_trials(config, trials, arguments.only, arguments.seeds)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    begin = time.monotonic()
    jobs = jobs_of(config, run_config(config, BASE, config.seeds[0]), len(os.sched_getaffinity(0)))
    Runner(jobs, say).run(todo)
    say(f"{len(todo)} trials done in {(time.monotonic() - begin) / 60:.1f} minutes")
    given = words if words is not None else sys.argv[1:]
    write_products = write if config.judged_by == "sweep" else write_courses
    write_products(config, trials, f"./launch.sh compare {shell_line(given)}", arguments.out)
    return 0


if __name__ == "__main__":
    main_guard(main)
