"""A series of checkpoints as tables of at most 80 columns, and as a picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from evals.charts.plots import draw_chart, figure, save
from evals.charts.series import Chart, Point, Series
from evals.collapse.changes import WAYS
from evals.dynamics.show import short
from evals.tables.looks import LOOK, percentage_points, share

MEASURES = {
    "pass_at_1": "pass@1", "variance": "variance between samples, x 100", "covered": "coverage",
    "selected": "selected answer",
}  # fmt: skip
SHORT = {"breadth": "abstr.", "plain": "plain"}
COLORS = {"breadth": "cotrained", "plain": "warmstart"}


def print_collapse(found: dict[str, Any], out: Console | None = None) -> None:
    """All checkpoints, what changed from the first to the last, and what that says."""
    out = out or Console()
    out.print(_spread_table(found))
    out.print(_spent_table(found))
    out.print(_change_table(found))
    for sentence in found["verdict"]:
        out.print(sentence, highlight=False)


def _table(title: str, caption: str, *names: str) -> Table:
    table = Table(title=title, caption=caption, **LOOK)
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _spread_table(found: dict[str, Any]) -> Table:
    caption = f"plain: {found['samples']} samples at T {found['temperature']:g}; abstr.: one solution of each\n"
    caption += "var.: of success between samples of a problem; within: that, as % of\nthe variance over all samples; "
    caption += "all, none: % of problems with all or no sample right"
    names = ("step", "H abs", "H sol", "distinct", "way", "pass@1", "var.", "within", "all", "none")
    table = _table(f"What training leaves to test time, {found['problems']} problems", caption, *names)
    for row in found["points"]:
        head = [str(row["step"]), *(_nats(row["entropy"][role]) for role in ("abstraction", "solution"))]
        head.append(share(row.get("distinct")))
        for way in [way for way in WAYS if way in row]:
            own = row[way]
            cells = [share(own["pass_at_1"]), f"{own['variance']:.3f}", share(own.get("within"))]
            table.add_row(*head, SHORT[way], *cells, share(own["all_right"]), share(own["all_wrong"]))
            head = [""] * len(head)
    return table


def _nats(value: float | None) -> str:
    return "–" if value is None else short(value)


def _spent_table(found: dict[str, Any]) -> Table:
    caption = "%; rules and temperatures of the selected answer as the checkpoint's own\nvalidation problems chose"
    names = ("step", "way", "covered", "selected", "rule", "T")
    table = _table(f"At {found['tokens']:,.0f} tokens a problem", caption, *names)
    for row in found["points"]:
        head = str(row["step"])
        for way in [way for way in WAYS if way in row]:
            own = row[way]
            cells = [share(own["covered"]), share(own["selected"]), own["rule"], f"{own['temperature']:g}"]
            table.add_row(head, SHORT[way], *cells)
            head = ""
    return table


def _change_table(found: dict[str, Any]) -> Table:
    first, last = found["points"][0]["step"], found["points"][-1]["step"]
    table = _table(f"Step {last} minus step {first}, points (95 %)", "paired over problems", "measure", *WAYS.values())
    for name, words in MEASURES.items():
        gaps = [found["changes"].get(f"{way}_{name}") for way in WAYS]
        table.add_row(
            words, *("–" if gap is None else percentage_points(gap["difference"], gap["ci95"]) for gap in gaps)
        )
    return table


def plot_collapse(found: dict[str, Any], path: Path) -> Path:
    """Everything over training steps, and the variance of success over the entropy that training has left."""
    points = found["points"]

    def over_steps(title: str, unit: str, lines: dict[str, tuple[str, Callable]], percent: bool = True) -> Chart:
        made = []
        for place, (label, (color, value)) in enumerate(lines.items()):
            known = [Point(row["step"], value(row)) for row in points if value(row) is not None]
            made += [Series(label, color, known, dashed=place % 2 == 1, mark="circle")] if known else []
        return Chart(title, "training step", unit, made, percent)

    def ways(name: str, color: dict[str, str] = COLORS) -> dict[str, tuple[str, Callable]]:
        return {words: (color[way], lambda row, way=way: row.get(way, {}).get(name)) for way, words in WAYS.items()}

    at = f"at {found['tokens']:,.0f} tokens a problem"
    players = (("π_abs", "abstraction"), ("π_sol", "solution"))
    entropies = {name: (role, lambda row, role=role: row["entropy"][role]) for name, role in players}
    settled = {
        f"all {name}, {words}": (color, lambda row, way=way, name=name: row.get(way, {}).get(f"all_{name}"))
        for name, colors in (("right", ("cotrained", "third")), ("wrong", ("warmstart", "fourth")))
        for (way, words), color in zip(WAYS.items(), colors, strict=True)
    }
    charts = [
        over_steps("Entropy in training", "nats per token", entropies, percent=False),
        over_steps(
            "Different abstractions",
            "share of proposals",
            {"distinct": ("abstraction", lambda row: row.get("distinct"))},
        ),
        over_steps("pass@1", "solutions right", ways("pass_at_1")),
        over_steps("Variance between samples of a problem", "p (1 - p)", ways("variance"), percent=False),
        over_steps("Problems that are settled", "share of problems", settled),
        over_steps(f"Coverage {at}", "problems covered", ways("covered")),
        over_steps(f"Selected answer {at}", "problems answered right", ways("selected")),
        _phase(points),
    ]
    charts = [chart for chart in charts if any(line.points for line in chart.series)]
    fig, axes = figure(2, -(-len(charts) // 2))
    for one, chart in zip(axes, charts, strict=False):
        draw_chart(one, chart)
    for one in axes[len(charts) :]:
        one.set_axis_off()
    return save(fig, path)


def _phase(points: list[dict[str, Any]]) -> Chart:
    """The path of the checkpoints from entropy to variance, the solver's."""
    lines = []
    for way, words in WAYS.items():
        known = [row for row in points if way in row and row["entropy"]["solution"] is not None]
        path = [Point(row["entropy"]["solution"], row[way]["variance"], note=f"step {row['step']}") for row in known]
        lines.append(Series(words, COLORS[way], path, dashed=way == "plain", mark="circle", notes=True))
    return Chart(
        "Variance over the entropy that is left", "entropy of π_sol in training, nats", "p (1 - p)", lines, False
    )
