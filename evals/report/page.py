"""One self-contained HTML page for one run or several: no network, no library, opens from a file."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps

from evals.charts.pictures import Pictures, pictures
from evals.charts.series import Chart, Series
from evals.report.views import view, widest_cell
from evals.runs import Run, uncollected
from evals.tables.looks import share

HERE = Path(__file__).parent
RUN_COLORS = ("cotrained", "warmstart", "third", "abstraction", "fourth", "fifth")


def write_report(runs: list[Run], path: str | Path, drawn: list[Pictures] | None = None) -> Path:
    """Writes the page and returns its path; `drawn` as in `render`."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(render(runs, drawn), encoding="utf-8")
    return target


@uncollected()
def render(runs: list[Run], drawn: list[Pictures] | None = None) -> str:
    """The page as a string. All text from runs is escaped; scripts other than our own cannot run (CSP hash).

    drawn: the runs' pictures, where they have been made already.
    """
    drawn = list(map(pictures, runs)) if drawn is None else drawn
    charts: dict[str, Chart] = {}
    views = []
    for number, (run, own) in enumerate(zip(runs, drawn, strict=True), start=1):
        views.append(view(run, own) | {
            "learning_charts": _place(charts, f"run{number}-learning", own.learning + own.warm),
            "sweep_charts": _place(charts, f"run{number}-sweep", own.sweep),
            "entropy_charts": _place(charts, f"run{number}-entropy", own.law + own.entropy),
        })  # fmt: skip
    return fill(
        "template.html.j2",
        charts,
        title=runs[0].name if len(runs) == 1 else "Runs compared: " + ", ".join(run.name for run in runs),
        views=views,
        together=_together(runs, drawn, charts) if len(runs) > 1 else None,
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
        charts_json=htmlsafe_json_dumps(
            {name: _packed(chart) for name, chart in charts.items()}, dumps=partial(json.dumps, separators=(",", ":"))
        ),
        style=(HERE / "style.css").read_text(encoding="utf-8"),
        script=script,
        script_hash="sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        **values,
    )


def _packed(chart: Chart) -> dict[str, Any]:
    """A chart as charts.js reads it: a point is [x, y], or [x, y, low, high, note] where it has more than a place.

    >>> from evals.charts.series import Point
    >>> line = Series("a", "ink", [Point(1.0, 0.12345678), Point(2.0, 0.5, 0.25, 0.75, "n")])
    >>> _packed(Chart("t", "x", "y", [line]))["series"][0]["points"]
    [[1, 0.123457], [2, 0.5, 0.25, 0.75, 'n']]
    """
    series = []
    for line in chart.series:
        fields = {item.name: getattr(line, item.name) for item in dataclasses.fields(line) if item.name != "points"}
        points = []
        for point in line.points:
            more = point.low is not None or point.note
            numbers = (point.x, point.y, point.low, point.high) if more else (point.x, point.y)
            points.append([*map(_short, numbers), *([point.note] if more else [])])
        series.append(fields | {"points": points})
    fields = {item.name: getattr(chart, item.name) for item in dataclasses.fields(chart)}
    return fields | {"series": series}


def _short(value: float | None) -> float | int | None:
    """Six significant digits, whole numbers all of theirs: more than a screen shows."""
    if value is None or value == int(value):
        return None if value is None else int(value)
    return float(f"{value:.6g}")


def _place(charts: dict[str, Chart], prefix: str, new: list[Chart]) -> list[str]:
    """Adds charts under fresh ids and returns the ids."""
    ids = [f"{prefix}-{number}" for number in range(1, len(new) + 1)]
    charts.update(zip(ids, new, strict=True))
    return ids


def _together(runs: list[Run], drawn: list[Pictures], charts: dict[str, Chart]) -> dict[str, Any]:
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
    return {"headings": headings, "rows": rows, "charts": _place(charts, "together", overlay(runs, drawn))}


def overlay(runs: list[Run], drawn: list[Pictures]) -> list[Chart]:
    """Charts of the same title drawn into one: a colour per run, dashes and marks as before; of sweeps the co-trained.

    Lines that only colour told apart would become one, so of each look a run keeps the first.
    """
    merged: dict[str, Chart] = {}
    for run, own, color in zip(runs, drawn, cycle(RUN_COLORS), strict=False):
        for chart in own.sweep + own.learning + own.warm:
            empty = Chart(chart.title, chart.x_label, chart.y_label, [], chart.percent, chart.log_x)
            looks: dict[tuple[bool, str], Series] = {}
            for line in chart.series:
                if chart not in own.sweep or line.color == "cotrained":
                    looks.setdefault((line.dashed, line.mark), line)
            merged.setdefault(chart.title, empty).series += [
                replace(line, label=f"{run.name}: {line.label}", color=color, notes=False) for line in looks.values()
            ]
    return [chart for chart in merged.values() if len(chart.series) > 1]
