"""The lines of every chart, computed once: the PNG plots and the report draw the same ones."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import cycle
from typing import Any, NamedTuple

import numpy as np

from evals.runs import column
from evals.tables.choosing import headline
from evals.tables.ways import CHECKPOINTS, at_best_temperature, selected_cells, way, way_label
from rlad.config import ROLES, registry
from rlad.config.phases import PHASES
from rlad.players.roles import role_of

PLAYERS = {name: role_of(name).title for name in dict.fromkeys([*ROLES, *registry.role.names()])}
"""Titles of the players by role, the pair first; runs may have fewer."""


def color_of(role: str) -> str:
    """The palette's name for a player: the pair have their own."""
    return role if role in ROLES else "third"


class Point(NamedTuple):
    x: float
    y: float
    low: float | None = None
    high: float | None = None
    note: str = ""


@dataclass
class Series:
    """One line. `color` and `dashed` are roles, not looks: the renderers map them to their palettes."""

    label: str
    color: str
    points: list[Point] = field(default_factory=list)
    dashed: bool = False
    mark: str = ""
    """circle, diamond or square where single points were measured; empty for a step-by-step curve."""
    notes: bool = False
    """Whether the points' notes are worth writing into the plot."""
    scatter: bool = False
    """Dots that no line connects: measurements in no order."""


@dataclass
class Chart:
    title: str
    x_label: str
    y_label: str
    series: list[Series]
    percent: bool = False
    log_x: bool = False


def smoothed(values: list[float | None], window: int) -> list[float | None]:
    """Centred moving mean over the numbers there are.

    >>> smoothed([1.0, None, 3.0, 5.0], 3)
    [1.0, 2.0, 4.0, 4.0]
    """
    half, count = window // 2, len(values)
    known = np.array([value is not None for value in values], dtype=bool)
    numbers = np.array([0.0 if value is None else value for value in values])
    if not known.any():
        return [None] * count
    # Sums up to each place, so that a long run costs no more per step; around the mean, so that rounding stays small.
    centre = numbers[known].mean()
    sums, seen = (np.concatenate([[0], np.cumsum(one)]) for one in (np.where(known, numbers - centre, 0.0), known))
    first, end = (np.clip(np.arange(count) + shift, 0, count) for shift in (-half, half + 1))
    near = seen[end] - seen[first]
    means = centre + (sums[end] - sums[first]) / np.maximum(near, 1)
    return [mean if some else None for mean, some in zip(means.tolist(), near.tolist(), strict=True)]


MOST = 240
"""Most steps, about, that a chart shows of a long run."""


def thinned(chart: Chart, most: int = MOST) -> Chart:
    """The chart with at most about `most` steps where it has more, as pages and plots show it.

    Of each of `most` / 4 equal stretches of steps those are kept at which any of its lines is highest or lowest, for
    all lines alike, and the first and the last step; of dots every k-th. What was measured once (marks) stays whole.

    >>> wave = [Point(x, (x % 7) * (-1) ** x) for x in range(1000)]
    >>> kept = thinned(Chart("t", "x", "y", [Series("a", "ink", wave), Series("b", "ink", wave[:3])]), most=40)
    >>> len(kept.series[0].points), max(p.y for p in kept.series[0].points), kept.series[0].points[-1].x
    (24, 6, 999)
    """
    lines = [line for line in chart.series if not (line.mark or line.scatter)]
    xs = sorted({point.x for line in lines for point in line.points})
    kept = set(xs) if len(xs) <= most else {xs[0], xs[-1]}
    if len(xs) > most:
        stretch = {x: place * (most // 4) // len(xs) for place, x in enumerate(xs)}
        for line in lines:
            kept |= _extremes(line.points, stretch)
    series = []
    for line in chart.series:
        points = line.points if line.mark else [point for point in line.points if point.x in kept]
        if line.scatter:
            points = line.points[:: -(-len(line.points) // most) or 1]
        series.append(replace(line, points=points))
    return replace(chart, series=series)


def _extremes(points: list[Point], stretch: dict[float, int]) -> set[float]:
    """Where a line is lowest and highest in each of the stretches that `stretch` names for its places."""
    lowest: dict[int, Point] = {}
    highest: dict[int, Point] = {}
    for point in points:
        place = stretch[point.x]
        if place not in lowest or point.y < lowest[place].y:
            lowest[place] = point
        if place not in highest or point.y > highest[place].y:
            highest[place] = point
    return {point.x for point in (*lowest.values(), *highest.values())}


def _line(label: str, color: str, xs: list[float], ys: list[float | None], dashed: bool = False) -> Series:
    points = [Point(x, y) for x, y in zip(xs, ys, strict=True) if y is not None]
    return Series(label, color, points, dashed)


def learning_charts(metrics: list[dict[str, Any]]) -> list[Chart]:
    """Learning curves of both players and of their rollouts; charts without any number are left out."""
    steps = [float(row["step"]) for row in metrics]
    window = max(1, len(steps) // 20) | 1

    def players(title: str, key: str, unit: str, percent: bool = False) -> Chart:
        lines = [
            _line(name, color_of(role), steps, smoothed(column(metrics, role, key), window), role_of(role).proposes)
            for role, name in PLAYERS.items()
        ]
        return Chart(title, "training step", unit, lines, percent)

    def rollouts(title: str, keys: dict[str, tuple[str, str]]) -> Chart:
        lines = [
            _line(label, color, steps, smoothed(column(metrics, "rollout", key), window), dashed=i % 2 == 1)
            for i, (key, (label, color)) in enumerate(keys.items())
        ]
        return Chart(title, "training step", "share", lines, percent=True)

    charts = [
        players("Reward", "reward", "mean reward"),
        players("Entropy", "entropy", "nats per token"),
        players("KL to the frozen base", "kl", "nats per token"),
        players("Length", "length", "tokens written"),
        players("Gradient norm", "grad_norm", "norm before clipping"),
        rollouts(
            "Training rollouts",
            {
                "accuracy": ("correct, with an abstraction", "cotrained"),
                "bare_accuracy": ("correct, without one", "warmstart"),
                "coverage": ("problems solved at least once", "third"),
            },
        ),
        rollouts(
            "Proposals",
            {
                "distinct": ("different from each other", "third"),
                "leak_rate": ("leak the answer", "fourth"),
                "adherence": ("followed by their solutions", "solution"),
            },
        ),
        rollouts(
            "What teaches",
            {
                "teaching_tokens": ("tokens with an advantage", "cotrained"),
                "constant_groups": ("groups without one", "warmstart"),
            },
        ),
    ]
    for chart in charts:
        chart.series = [line for line in chart.series if line.points]
    return [chart for chart in charts if chart.series]


def warmstart_chart(rows: list[dict[str, Any]]) -> Chart | None:
    """Loss of the warm start: of the base over all tasks and per task, and of each player's own continuation."""
    base = [row for row in rows if row.get("label", "base") == "base"]
    steps = [float(row["step"]) for row in base]
    names = {
        "plain": ("solve plainly", "warmstart"),
        "propose": ("write an abstraction", "abstraction"),
        "guided": ("solve with an abstraction", "solution"),
        "one_pass": ("abstraction and solution in one pass", "third"),
    }
    lines = [_line("all tasks", "ink", steps, column(base, "loss"))]
    lines += [_line(label, color, steps, column(base, "loss_by_task", key)) for key, (label, color) in names.items()]
    for role, player in PLAYERS.items():
        own = [row for row in rows if row.get("label") == role]
        after = [(steps[-1] if steps else 0.0) + row["step"] for row in own]
        lines.append(_line(f"{player} alone", color_of(role), after, column(own, "loss"), dashed=True))
    lines = [line for line in lines if line.points]
    return Chart("Warm start", "step", "loss, nats per token", lines) if lines else None


def seconds_per_phase(metrics: list[dict[str, Any]]) -> dict[str, float]:
    """Mean wall-clock seconds of each phase of a step, in the order of the step; phases never recorded are left out.

    >>> seconds_per_phase([{"seconds": {"solve": 2.0, "draw": 0.5}}, {"seconds": {"solve": 4.0}}])
    {'draw': 0.5, 'solve': 3.0}
    """
    means = {}
    for phase in PHASES:
        values = [value for value in column(metrics, "seconds", phase) if value is not None]
        if values:
            means[phase] = sum(values) / len(values)
    return means


def hidden_seconds(metrics: list[dict[str, Any]]) -> float:
    """Mean seconds of a step in which the next step's rollout went on and nobody waited for it (`launch.overlap`).

    >>> hidden_seconds([{"overlapped": {"hidden": 3.0}}, {}]), hidden_seconds([])
    (1.5, 0.0)
    """
    hidden = [value or 0.0 for value in column(metrics, "overlapped", "hidden")]
    return sum(hidden) / len(hidden) if hidden else 0.0


def sweep_chart(sweep: dict[str, Any], measure: str, latency: bool = False) -> Chart:
    """Coverage ("pass_at_k") or accuracy ("accuracy") against generated tokens per problem, with intervals; with
    `latency` against the tokens of the longest branch, which is how long a cell takes where all branches run at once.

    Plain sampling is drawn at its best temperature for each number of samples, as a reader would run it; accuracy is
    each way's under the rule that was chosen for it.
    """
    interval = {"pass_at_k": "pass_ci95", "accuracy": "ci95"}[measure]
    cells = sweep.get("cells", [])
    rule = cells[0].get("select") if cells else None  # coverage is the same under all
    by_rule = measure == "accuracy"
    own = selected_cells(sweep) if by_rule else [cell for cell in cells if cell.get("select") == rule]
    own = at_best_temperature(own, measure)
    others = at_best_temperature(sweep.get("references", []), measure)
    lines: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
    colors = {way(cell)[0]: cell["checkpoint"] for cell in own if cell["checkpoint"] in CHECKPOINTS}
    extra = cycle(["third", "fourth", "fifth"])
    for cell in own + others:
        lines.setdefault(way(cell), []).append(cell)
        if way(cell)[0] not in colors:
            colors[way(cell)[0]] = next(extra)
    series = []
    ranks = list(CHECKPOINTS)
    order = sorted(lines, key=lambda key: (_rank(lines[key][0], ranks), key[0], key[1] == "abstractions", key[2]))
    for who, mode, m in order:
        own = lines[who, mode, m]
        axis = "latency" if latency else "tokens_per_problem"
        spots = [_cell_point(cell, measure, interval, axis) for cell in own if cell.get(axis) is not None]
        select = own[0].get("select") if by_rule else None
        if mode != "abstractions" and not latency and select in (None, "majority"):  # as the curves were measured
            spots += envelope([curve for curve in sweep.get("curves", []) if curve["label"] == who], measure)
        spots.sort(key=lambda point: point.x)
        wide = mode == "abstractions"
        mark = "circle" if not wide else "diamond" if m == 1 else "square"
        series.append(Series(way_label(own[0]), colors[who], spots, dashed=not wide, mark=mark, notes=wide))
    if measure == "accuracy" and not latency:
        series += _choosing_series(sweep)
    series += [] if latency else _decoding_series(sweep, measure, interval)
    title, unit = {
        "pass_at_k": ("Coverage: problems with at least one right solution", "problems covered"),
        "accuracy": ("Selected answer, by each way's chosen rule", "problems answered right"),
    }[measure]
    x_label = "tokens of the longest branch" if latency else "generated tokens per problem"
    return Chart(title, x_label, unit, [one for one in series if one.points], percent=True, log_x=True)


def _choosing_series(sweep: dict[str, Any]) -> list[Series]:
    """What a player chooses in the cells of the main pair, at their tokens and its own."""
    main = headline(sweep)
    if main is None:
        return []
    rows = [row for row in sweep["choosers"] if row["chosen"] and row["checkpoint"] == main["checkpoint"]]
    points = sorted((_cell_point(row, "accuracy", "ci95", "tokens_per_problem") for row in rows), key=lambda p: p.x)
    return [Series(f"{main['label']}, the {main['select']}'s choice", "fourth", points, mark="square", notes=True)]


def _decoding_series(sweep: dict[str, Any], measure: str, interval: str) -> list[Series]:
    """A line for each decoding method with several values of an axis, such as caps of thinking."""
    lines: dict[tuple[str, str], list[Point]] = {}
    for row in sweep.get("decoding", []):
        if "axis" in row:
            point = Point(row["tokens_per_problem"], row[measure], *row[interval], f"{row['axis']} {row['value']}")
            lines.setdefault((row["label"], row["method"]), []).append(point)
    style = {"color": "fifth", "dashed": True, "mark": "diamond", "notes": True}
    return [
        Series(f"{label}, {method.replace('_', ' ')}", points=sorted(points, key=lambda point: point.x), **style)
        for (label, method), points in lines.items()
    ]


def _rank(cell: dict[str, Any], order: list[str]) -> int:
    return order.index(cell["checkpoint"]) if cell.get("checkpoint") in order else len(order)


def envelope(curves: list[dict[str, Any]], measure: str, count: int = 32) -> list[Point]:
    """Plain sampling at the best temperature for each of `count` budgets, read off the curves of all temperatures.

    >>> flat = {"tokens_per_sample": 10, "pass_at_k": [0.5, 0.6], "temperature": 0.7}
    >>> steep = {"tokens_per_sample": 10, "pass_at_k": [0.4, 0.8], "temperature": 1.0}
    >>> [(point.x, point.y) for point in envelope([flat, steep], "pass_at_k", 2)]
    [(10.0, 0.5), (20.0, 0.8)]
    """
    if not curves:
        return []
    first = max(curve["tokens_per_sample"] for curve in curves)
    last = min(curve["tokens_per_sample"] * len(curve[measure]) for curve in curves)
    points = []
    for budget in np.geomspace(first, max(first, last), count).tolist():
        value, best = max(((at_budget(curve, measure, budget), curve) for curve in curves), key=lambda pair: pair[0])
        points.append(
            Point(budget, value, note=f"{budget / best['tokens_per_sample']:.1f} samples at T {best['temperature']:g}")
        )
    return points


def at_budget(curve: dict[str, Any], measure: str, budget: float) -> float:
    """A curve's value at a mean token budget, on the straight line between whole numbers of samples.

    That line is not an approximation: it is what drawing the lower or the higher number at random gives. Raises
    ValueError beyond the last sample drawn.

    >>> at_budget({"tokens_per_sample": 10, "pass_at_k": [0.4, 0.8]}, "pass_at_k", 15)
    0.6000000000000001
    """
    samples = budget / curve["tokens_per_sample"]
    if samples > len(curve[measure]) * (1 + 1e-9):
        raise ValueError(f"{budget:.0f} tokens buy {samples:.1f} plain samples; only {len(curve[measure])} were drawn.")
    return float(np.interp(samples, range(len(curve[measure]) + 1), [0.0, *curve[measure]]))


def _cell_point(cell: dict[str, Any], measure: str, interval: str, axis: str) -> Point:
    low, high = cell.get(interval) or (None, None)
    if cell.get("n", 0):
        note = f"{cell['n']}×{cell['m']}"
    else:
        note = f"{cell['m']:.4g} sample{'' if cell['m'] == 1 else 's'}"
        note += "" if cell.get("temperature") is None else f" at T {cell['temperature']:g}"
    return Point(float(cell[axis]), float(cell[measure]), low, high, note)
