"""PNG plots of a run: drawn off screen; line style and marker repeat what colour says, so grey will do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from evals.charts.pictures import Pictures, pictures
from evals.charts.series import Chart, Series, seconds_per_phase, sweep_chart
from evals.runs import Run
from evals.tables.rules import selection_sentences

# Okabe and Ito's palette: distinct under the common colour deficiencies.
COLORS = {
    "cotrained": "#0072B2",
    "warmstart": "#D55E00",
    "pretrained": "#999999",
    "abstraction": "#CC79A7",
    "solution": "#0072B2",
    "third": "#009E73",
    "fourth": "#E69F00",
    "fifth": "#56B4E9",
    "ink": "#333333",
}
NARROW = 2.5
"""Times the least number of tokens, up to which an axis of tokens is drawn plainly."""
MARKERS = {"": "", "circle": "o", "diamond": "D", "square": "s"}


def figure(columns: int, rows: int, width: float = 5.6, height: float = 3.9) -> tuple[Figure, list[Axes]]:
    """A figure and its axes, row by row; no pyplot, so nothing global and no screen."""
    fig = Figure(figsize=(width * columns, height * rows), dpi=130, layout="constrained")
    FigureCanvasAgg(fig)
    fig.get_layout_engine().set(w_pad=0.09, h_pad=0.09)
    axes = fig.subplots(rows, columns, squeeze=False)
    return fig, list(axes.ravel())


def save(fig: Figure, path: str | Path) -> Path:
    """Writes the PNG and returns its path."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(target, metadata={"Software": None})
    return target


def draw_chart(axes: Axes, chart: Chart, legend: bool = True) -> None:
    """One chart into one pair of axes."""
    for series in chart.series:
        _draw_series(axes, series)
    axes.set_title(chart.title, loc="left", fontsize=11, fontweight="bold")
    axes.set_xlabel(chart.x_label)
    axes.set_ylabel(chart.y_label)
    if chart.percent:
        axes.yaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g} %"))
    else:
        axes.ticklabel_format(axis="y", useOffset=False)
    if chart.log_x:
        _token_axis(axes, [point.x for series in chart.series for point in series.points])
    axes.grid(axis="y", color="#dddddd", linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    if legend and len(chart.series) > 1:
        axes.legend(frameon=False, fontsize=8.5)


def _draw_series(axes: Axes, series: Series) -> None:
    color = COLORS[series.color]
    xs, ys = [point.x for point in series.points], [point.y for point in series.points]
    face = "white" if series.dashed else color
    style = {"color": color, "label": series.label, "linestyle": "--" if series.dashed else "-", "linewidth": 1.8}
    if series.scatter:
        axes.scatter(xs, ys, s=12, color=color, label=series.label, alpha=0.75, linewidths=0)
        return
    measured = [i for i, point in enumerate(series.points) if point.low is not None]
    axes.plot(xs, ys, marker=MARKERS[series.mark], markevery=measured, markersize=5, markerfacecolor=face, **style)
    bounds = [(point.x, point.low, point.high) for point in series.points if point.low is not None]
    if len(bounds) > 1:
        axes.fill_between(*zip(*bounds, strict=True), color=color, alpha=0.13, linewidth=0)
    for x, low, high in bounds if len(bounds) == 1 else []:
        axes.plot([x, x], [low, high], color=color, linewidth=1.2, alpha=0.6)
    if series.notes:
        for point in series.points:
            axes.annotate(
                point.note,
                (point.x, point.y),
                (5, 5 if series.mark == "square" else -9),
                textcoords="offset points",
                fontsize=7.5,
                color=color,
            )


def _token_axis(axes: Axes, tokens: list[float]) -> None:
    """A logarithmic axis labelled at 10, 20, 50, 100 ... as plain numbers, within a decade at every round number; a
    plain one where so few of those fall that they would say nothing."""
    if not tokens or min(tokens) <= 0 or max(tokens) < NARROW * min(tokens):
        return
    axes.set_xscale("log")
    bases = range(1, 8) if max(tokens) < 10 * min(tokens) else (1, 2, 5)
    ticks = [base * 10**power for power in range(7) for base in bases]
    axes.xaxis.set_major_locator(FixedLocator([t for t in ticks if min(tokens) * 0.8 <= t <= max(tokens) * 1.25]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def plot_sweep(sweep: dict[str, Any], path: str | Path, title: str = "") -> Path:
    """`sweep_figure` as a PNG."""
    return save(sweep_figure(sweep, title), path)


def sweep_figure(sweep: dict[str, Any], title: str = "") -> Figure:
    """Coverage and accuracy against generated tokens per problem, 95 % intervals over problems."""
    fig, axes = figure(2, 1, width=6.2, height=5.0)
    charts = [sweep_chart(sweep, "pass_at_k"), sweep_chart(sweep, "accuracy")]
    for one, chart in zip(axes, charts, strict=True):
        draw_chart(one, chart, legend=False)
    _legend_below(fig, axes)
    heading = title or "Equal generated tokens, abstractions counted (95 % intervals)"
    fig.suptitle("\n".join([heading, *selection_sentences(sweep)[:1]]), fontsize=11, color="#555555", wrap=True)
    return fig


def _legend_below(fig: Figure, axes: list[Axes]) -> None:
    """One legend for all axes, under them, where it covers no point."""
    told = [one.get_legend_handles_labels() for one in axes]
    lines = {label: handle for handles, labels in told for handle, label in zip(handles, labels, strict=True)}
    fig.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=2, frameon=False, fontsize=9)


def plot_splits(sweep: dict[str, Any], path: str | Path) -> Path | None:
    """`splits_figure` as a PNG, where there is one."""
    found = splits_figure(sweep)
    return found and save(found, path)


def splits_figure(sweep: dict[str, Any]) -> Figure | None:
    """Every split n x m of the trees as heat maps of accuracy and coverage, and both against latency; None where the
    sweep has none."""
    found = sweep.get("splits")
    if not found:
        return None
    fig, axes = figure(2, 2, width=6.2, height=4.7)
    rule = f"Selected answer by {found['rule']}, {found['label']}"
    _heat(fig, axes[0], found["map"]["accuracy"], rule, found["recommended"])
    _heat(fig, axes[1], found["map"]["coverage"], f"Coverage, {found['label']}", [])
    for one, measure in zip(axes[2:], ("accuracy", "pass_at_k"), strict=True):
        draw_chart(one, sweep_chart(sweep, measure, latency=True), legend=False)
    _legend_below(fig, axes[2:])
    return fig


def _heat(fig: Figure, axes: Axes, table: list[list[float | None]], title: str, chosen: list[dict[str, Any]]) -> None:
    """A table [n - 1][m - 1] in colours, recommended splits in frames."""
    values = np.array([[np.nan if x is None else 100 * x for x in row] for row in table]).T
    image = axes.imshow(values, origin="lower", aspect="auto", cmap="viridis")
    fig.colorbar(image, ax=axes, label="%")
    for row in chosen:
        corner = (row["n"] - 1.5, row["m"] - 1.5)
        axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor="white", linewidth=1.6))
    for axis, count in ((axes.xaxis, values.shape[1]), (axes.yaxis, values.shape[0])):
        axis.set_major_locator(FixedLocator(list(range(0, count, max(1, count // 12)))))
        axis.set_major_formatter(FuncFormatter(lambda place, _: f"{place + 1:.0f}"))
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold")
    axes.set_xlabel("abstractions n (frames: recommended)" if chosen else "abstractions n")
    axes.set_ylabel("solutions m under each")


def _grid(charts: list[Chart], path: str | Path) -> Path | None:
    """Charts three in a row."""
    if not charts:
        return None
    columns = min(3, len(charts))
    fig, axes = figure(columns, -(-len(charts) // columns), width=4.4, height=3.1)
    for one, chart in zip(axes, charts, strict=False):
        draw_chart(one, chart)
    for unused in axes[len(charts) :]:
        unused.set_visible(False)
    return save(fig, path)


def plot_seconds(metrics: list[dict[str, Any]], path: str | Path) -> Path | None:
    """Where a training step's time goes, None when no step was timed."""
    means = seconds_per_phase(metrics)
    if not means:
        return None
    fig, (axes,) = figure(1, 1, width=6.0, height=0.9 + 0.32 * len(means))
    bars = axes.barh(list(means), list(means.values()), color=COLORS["cotrained"])
    axes.bar_label(bars, [f"{value:.2f}" for value in means.values()], padding=3, fontsize=9)
    axes.invert_yaxis()
    axes.set_xlabel("seconds per training step (mean)")
    axes.set_title(f"Where a step of {sum(means.values()):.1f} s goes", loc="left", fontsize=11, fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.12)
    return save(fig, path)


def plot_run(run: Run, drawn: Pictures | None = None) -> list[Path]:
    """Every plot this run has data for, into its plots/ folder. drawn: its pictures, where they have been made."""
    drawn = pictures(run) if drawn is None else drawn
    folder = run.path / "plots"
    made: list[Path | None] = [
        _grid(drawn.warm + drawn.learning, folder / "learning.png"),
        _grid(drawn.entropy + drawn.law, folder / "entropy.png"),
        plot_seconds(run.metrics, folder / "seconds.png"),
        plot_sweep(run.sweep, folder / "sweep.png") if run.sweep and run.sweep.get("cells") else None,
        plot_splits(run.sweep, folder / "splits.png") if run.sweep else None,
    ]
    return [path for path in made if path]
