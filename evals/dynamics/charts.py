"""The charts of several trainings' courses: a line for each arm, the mean of its seeds."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

from evals.charts.curves import band
from evals.charts.plots import draw_chart, figure, save
from evals.charts.series import Chart, Series
from evals.dynamics.measure import Record

ARM_COLORS = ("cotrained", "warmstart", "third", "fourth", "abstraction", "fifth")
CHARTS: dict[str, tuple[str, str, bool]] = {
    "accuracy": ("Accuracy of rollouts", "solutions right", True),
    "solution_entropy": ("Entropy, solution player", "nats per token", False),
    "abstraction_entropy": ("Entropy, abstraction player", "nats per token", False),
    "planning_entropy": ("Planning tokens of solutions", "nats per token", False),
    "execution_entropy": ("Execution tokens of solutions", "nats per token", False),
    "clip_fraction": ("Tokens that met the clip", "share", True),
    "solution_gradient": ("Gradient norm, solution player", "before clipping", False),
    "abstraction_gradient": ("Gradient norm, abstraction player", "before clipping", False),
}


def charts(records: list[Record]) -> list[Chart]:
    """Those of which any run has a curve that is not 0 throughout; bands reach from the lowest to the highest seed."""
    arms = list(dict.fromkeys(record["arm"] for record in records))
    made = []
    for name, (title, unit, percent) in CHARTS.items():
        lines = []
        for place, (arm, color) in enumerate(zip(arms, cycle(ARM_COLORS), strict=False)):
            own = [record["curves"].get(name) for record in records if record["arm"] == arm]
            points = band([{"tokens": curve[0], name: curve[1]} if curve else {} for curve in own], name)
            lines.append(Series(arm, color, points, dashed=place % 2 == 1))
        if any(point.y for line in lines for point in line.points):
            kept = [line for line in lines if line.points]
            made.append(Chart(title, "training step", unit, kept, percent))
    return made


def plot(records: list[Record], path: str | Path) -> Path:
    """All charts as one PNG, two beside each other."""
    made = charts(records)
    fig, axes = figure(2, -(-len(made) // 2))
    for one, chart in zip(axes, made, strict=False):
        draw_chart(one, chart, legend=chart is made[0])
    for one in axes[len(made) :]:
        one.set_axis_off()
    if (seeds := len({record["seed"] for record in records})) > 1:
        fig.suptitle(f"{seeds} seeds; bands reach from the lowest to the highest", color="#555555")
    return save(fig, path)
