"""`python -m evals.report RUN [RUN ...]`: report.html of a run, or one page that compares several."""

from __future__ import annotations

from pathlib import Path

from evals.charts.pictures import pictures
from evals.charts.plots import plot_run
from evals.report import write_report
from evals.runs import read_run
from rlad.cli import Parser, main_guard
from rlad.config import ConfigError, load_config


def folder_of(given: str) -> Path:
    """The folder of a RUN argument, which may be the configuration that the run is made from.

    Nothing is made: a page only shows what is there. Raises ConfigError where a configuration has no run yet.
    """
    if not Path(given).is_file():
        return Path(given)
    run = load_config(Path(given))
    folder = Path(run.runs_dir) / run.name
    if not folder.is_dir():
        raise ConfigError(f"There is no run folder '{folder}' yet; sweep or train with '{given}' first.")
    return folder


def main() -> int:
    parser = Parser(prog="launch.sh report", description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run folder, e.g. runs/demo, or its configuration")
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="where to write the page (default: RUN/report.html; for several: report.html beside them)",
    )
    arguments = parser.parse_args()
    runs = [read_run(folder_of(given)) for given in arguments.runs]
    default = runs[0].path if len(runs) == 1 else runs[0].path.parent
    drawn = list(map(pictures, runs))
    for run, own in zip(runs, drawn, strict=True):
        plot_run(run, own)
    print(write_report(runs, Path(arguments.out) if arguments.out else default / "report.html", drawn))
    return 0


if __name__ == "__main__":
    main_guard(main)
