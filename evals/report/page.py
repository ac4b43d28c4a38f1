"""One self-contained HTML page for one run or several: no network, no library, opens from a file."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import asdict, replace
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps

from evals.looks import share
from evals.report.views import charts_of, entropy_charts_of, view, widest_cell
from evals.runs import Run
from evals.series import Chart, Series

HERE = Path(__file__).parent
RUN_COLORS = ("cotrained", "warmstart", "third", "abstraction", "fourth", "fifth")


def write_report(runs: list[Run], path: str | Path) -> Path:
    """Writes the page and returns its path."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(render(runs), encoding="utf-8")
    return target


def render(runs: list[Run]) -> str:
    """The page as a string. All text from runs is escaped; scripts other than our own cannot run (CSP hash)."""
    charts: dict[str, Chart] = {}
    views = []
    for number, run in enumerate(runs, start=1):
        learning, sweeps = charts_of(run)
        views.append(view(run) | {
            "learning_charts": place(charts, f"run{number}-learning", learning),
            "sweep_charts": place(charts, f"run{number}-sweep", sweeps),
            "entropy_charts": place(charts, f"run{number}-entropy", entropy_charts_of(run)),
        })  # fmt: skip
    return fill(
        "template.html.j2",
        charts,
        title=runs[0].name if len(runs) == 1 else "Runs compared: " + ", ".join(run.name for run in runs),
        views=views,
        together=together(runs, charts) if len(runs) > 1 else None,
    )


def fill(template: str, charts: dict[str, Chart], **values: Any) -> str:
    """A template of this folder with its values, charts, style and script."""
    script = (HERE / "charts.js").read_text(encoding="utf-8")
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(template).render(
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        charts=charts,
        charts_json=htmlsafe_json_dumps({name: asdict(chart) for name, chart in charts.items()}),
        style=(HERE / "style.css").read_text(encoding="utf-8"),
        script=script,
        script_hash="sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        **values,
    )


def place(charts: dict[str, Chart], prefix: str, new: list[Chart]) -> list[str]:
    """Adds charts under fresh ids and returns the ids."""
    ids = [f"{prefix}-{number}" for number in range(1, len(new) + 1)]
    charts.update(zip(ids, new, strict=True))
    return ids


def together(runs: list[Run], charts: dict[str, Chart]) -> dict[str, Any]:
    """Key numbers and overlaid charts of several runs."""
    headings = ["steps", "right without, %", "right with an abstraction, %", "covered, %", "tokens per problem"]
    rows = []
    for run in runs:
        entry = (run.sweep or {}).get("triple", {}).get("cotrained", {})
        widest = widest_cell(run, "cotrained") or {}
        rows.append([
            run.name,
            str(run.metrics[-1]["step"]) if run.metrics else "–",
            share(entry.get("without"), entry.get("without_ci95")),
            share(entry.get("with_mean"), entry.get("with_mean_ci95")),
            share(widest.get("pass_at_k"), widest.get("pass_ci95")),
            f"{widest['tokens_per_problem']:,.0f}" if widest else "–",
        ])  # fmt: skip
    return {"headings": headings, "rows": rows, "charts": place(charts, "together", overlay(runs))}


def overlay(runs: list[Run]) -> list[Chart]:
    """Charts of the same title drawn into one: a colour per run, dashes and marks as before; of sweeps the co-trained.

    Lines that only colour told apart would become one, so of each look a run keeps the first.
    """
    merged: dict[str, Chart] = {}
    for run, color in zip(runs, cycle(RUN_COLORS), strict=False):
        learning, sweeps = charts_of(run)
        for chart in sweeps + learning:
            empty = Chart(chart.title, chart.x_label, chart.y_label, [], chart.percent, chart.log_x)
            looks: dict[tuple[bool, str], Series] = {}
            for line in chart.series:
                if chart not in sweeps or line.color == "cotrained":
                    looks.setdefault((line.dashed, line.mark), line)
            merged.setdefault(chart.title, empty).series += [
                replace(line, label=f"{run.name}: {line.label}", color=color, notes=False) for line in looks.values()
            ]
    return [chart for chart in merged.values() if len(chart.series) > 1]
