"""A comparison's table for the terminal, its Markdown, and its plot."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator
from rich.table import Table

from evals.charts.plots import COLORS, draw_chart, figure, save
from evals.charts.series import Chart, Point, Series
from evals.compare.summary import summary_table
from evals.tables.looks import LOOK, percentage_points, share

WAYS = {"abstractions": "with abstractions", "plain": "plain sampling", "one-pass": "sampling"}
ARM_COLORS = ("cotrained", "warmstart", "third", "fourth", "abstraction", "fifth")
HEADINGS = ("arm and way", "covered, %", "selected right, %", "coverage gained, points")


def way_words(row: dict[str, Any]) -> str:
    """An arm's way of spending tokens.

    >>> way_words({"arm": "rlad", "way": "abstractions"})
    'rlad, with abstractions'
    """
    return f"{row['arm']}, {WAYS[row['way']]}"


def budget_lines(result: dict[str, Any], budget: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """The rows of one budget's table; the last column is what the focus gains over the row."""
    gained = {(d["arm"], d["way"]): d for d in budget["differences"] if d["measure"] == "pass_at_k"}
    lines = []
    for row in sorted(budget["rows"], key=lambda row: -row["pass_at_k"]):
        gap = gained.get((row["arm"], row["way"]))
        mark = " (reference)" if result["arms"][row["arm"]]["reference"] else ""
        lines.append((
            way_words(row) + mark,
            share(row["pass_at_k"], row["pass_at_k_ci95"]),
            share(row["accuracy"], row["accuracy_ci95"]),
            percentage_points(gap["difference"], gap["difference_ci95"]) if gap else "",
        ))  # fmt: skip
    return lines


ANSWER_HEADINGS = ("arm and way", "rule, T", "selected right, %", "gained, points")


def answer_lines(result: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """The rows of the table in which every way has its own rule; empty for files of earlier versions.

    >>> row = {"arm": "rlad", "way": "plain", "rules": ["marginal", "draws"], "temperatures": [1.0, 0.7], "right": 0.3}
    >>> row |= {"right_ci95": None, "difference": 0.02, "difference_ci95": None}
    >>> answer_lines({"answers": [row], "arms": {"rlad": {"reference": False}}, "meta": {"focus": "rlad"}})
    [('rlad, plain sampling', 'marginal 1, draws 0.7', '30.0', '+2.0')]
    """
    lines = []
    for row in result.get("answers", []):
        chosen = [f"{rule} {t:g}" for rule, t in zip(row["rules"], row["temperatures"], strict=True)]
        own = (row["arm"], row["way"]) == (result["meta"]["focus"], "abstractions")
        lines.append((
            way_words(row) + (" (reference)" if result["arms"][row["arm"]]["reference"] else ""),
            ", ".join(dict.fromkeys(chosen)),
            share(row["right"], row["right_ci95"]),
            "" if own else percentage_points(row["difference"], row["difference_ci95"]),
        ))  # fmt: skip
    return lines


def answers_title(result: dict[str, Any]) -> str:
    return f"Selected answer at {result['answers'][0]['tokens']:,.0f} tokens, every way by its own rule"


def title(budget: dict[str, Any]) -> str:
    return f"{budget['n']} abstractions × {budget['m']}: {budget['tokens']:,.0f} generated tokens per problem"


def certainty(result: dict[str, Any]) -> str:
    seeds = len(result["meta"]["seeds"])
    return f"means over {seeds} seeds (95 % t intervals)" if seeds > 1 else "one seed only: no intervals"


def caption(result: dict[str, Any]) -> str:
    focus = result["meta"]["focus"]
    return f"{certainty(result)}; plain sampling at its best temperature; gained: {focus} minus the row, per seed"


def tables(result: dict[str, Any]) -> list[Table]:
    """One table per budget, for the terminal."""
    made = []
    for budget in result["budgets"]:
        table = Table(title=title(budget), caption=caption(result), **LOOK)
        table.add_column("arm and way")
        for heading in ("covered, %", "right, %", "gained, points"):
            table.add_column(heading, justify="right", no_wrap=True)
        for line in budget_lines(result, budget):
            table.add_row(*line)
        made.append(table)
    if result.get("answers"):
        words = "rule and temperature chosen by each on its validation problems"
        table = Table(title=answers_title(result), caption=f"{certainty(result)}; {words}", **LOOK)
        for number, heading in enumerate(ANSWER_HEADINGS):
            table.add_column(heading, justify="right" if number > 1 else "left", no_wrap=number > 1)
        for line in answer_lines(result):
            table.add_row(*line)
        made.append(table)
    return made


def markdown(result: dict[str, Any], command: str) -> str:
    """The same tables as a Markdown page, with the arms' descriptions and the command that made it."""
    meta = result["meta"]
    parts = [
        f"# Comparison: {meta['name']}",
        f"Made by `{command}`. {caption(result)[0].upper()}{caption(result)[1:]}.",
    ]
    if meta["missing"]:
        parts.append(f"Not finished, and left out: {', '.join(meta['missing'])}.")
    arms = ["| arm | what it is | warm-start tokens | generated training tokens |", "|---|---|---|---|"]
    for name, arm in result["arms"].items():
        runs = list(arm["seeds"].values())
        warm = [run["warmstart_tokens"] for run in runs if run["warmstart_tokens"]]
        trained = sum(run["training_tokens"] for run in runs) / len(runs)
        shared = f"{sum(warm) / len(warm):,.0f}" if warm else "the base's"
        arms.append(f"| {name} | {arm['description']} | {shared} | {trained:,.0f} |")
    parts.append("\n".join(arms))
    names, rows = summary_table(result)
    rows = [f"| {' | '.join(line)} |" for line in [names, ["---"] * len(names), *rows]]
    parts += ["## Every arm at the end", "\n".join(rows)]
    pages = [(title(budget), HEADINGS, budget_lines(result, budget)) for budget in result["budgets"]]
    if result.get("answers"):
        pages.insert(0, (answers_title(result), ANSWER_HEADINGS, answer_lines(result)))
    for heading, names, lines in pages:
        rows = [f"| {' | '.join(line)} |" for line in [names, ["---"] * len(names), *lines]]
        parts += [f"## {heading}", "\n".join(rows)]
    return "\n\n".join(parts) + "\n"


def plot(result: dict[str, Any], path: str | Path) -> Path:
    """Coverage and accuracy against test tokens, all arms, with the spread of the seeds; and the gains.

    Of more arms than there are colours only the gains are drawn: the page has their curves, a few in each chart.
    """
    colors = dict(zip(result["arms"], cycle(ARM_COLORS), strict=False))
    if len(colors) > len(ARM_COLORS):
        rows = len(result["budgets"][-1]["differences"]) / 2  # of two measures
        fig, axes = figure(1, 1, width=9, height=1.4 + 0.27 * rows)
        gains(axes[0], result, colors)
        return save(fig, path)
    fig, axes = figure(3, 1, width=5.6, height=5.4)
    for one, measure in zip(axes, ("pass_at_k", "accuracy"), strict=False):
        words = {
            "pass_at_k": ("Coverage", "problems covered"),
            "accuracy": ("Accuracy of the majority", "answered right"),
        }
        chart = Chart(
            words[measure][0], "generated tokens per problem", words[measure][1], [], percent=True, log_x=True
        )
        for arm, color in colors.items():
            chart.series += arm_lines(result, arm, color, measure)
        draw_chart(one, chart, legend=False)
    gains(axes[2], result, colors)
    handles, labels = axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    seeds = len(result["meta"]["seeds"])
    fig.suptitle(
        f"{seeds} seed{'s' if seeds > 1 else ''}; bands reach from the worst to the best of them", color="#555555"
    )
    return save(fig, path)


def arm_lines(result: dict[str, Any], arm: str, color: str, measure: str) -> list[Series]:
    """An arm's ways at the focus arm's budgets; low and high are the worst and the best seed."""
    lines = []
    for way in WAYS:
        dashed, found = way != "abstractions", []
        for budget in result["budgets"]:
            for row in budget["rows"]:
                if (row["arm"], row["way"]) == (arm, way) and (dashed or budget["m"] == 1):
                    values = row[f"{measure}_by_seed"]
                    found.append(Point(row["tokens"], row[measure], min(values), max(values), f"{budget['n']}×1"))
        found.sort(key=lambda point: point.x)
        if found:
            mark = "circle" if dashed else "diamond"
            lines.append(
                Series(
                    f"{arm}, {WAYS[way]}",
                    color,
                    found,
                    dashed,
                    mark,
                    notes=arm == result["meta"]["focus"] and not dashed,
                )
            )
    return lines


def gains(axes: Axes, result: dict[str, Any], colors: dict[str, str]) -> None:
    """What the focus arm gains over every other way at the largest budget: mean, interval, single seeds."""
    budget = result["budgets"][-1]
    gaps = [gap for gap in budget["differences"] if gap["measure"] == "pass_at_k"]
    for height, gap in enumerate(reversed(gaps)):
        color = COLORS[colors[gap["arm"]]]
        if gap["difference_ci95"]:
            axes.plot(gap["difference_ci95"], [height, height], color=color, linewidth=2)
        face = color if gap["way"] == "abstractions" else "white"
        axes.plot(gap["difference"], height, marker="o", color=color, markerfacecolor=face, markersize=7)
        axes.plot(gap["difference_by_seed"], [height - 0.22] * len(gap["difference_by_seed"]), "|", color=color)
    axes.axvline(0, color="#333333", linewidth=1)
    axes.set_yticks(range(len(gaps)), [way_words(gap) for gap in reversed(gaps)], fontsize=8.5)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:+.0f}" if value else "0"))
    axes.set_xlabel(f"points of coverage over ... (right of 0: {result['meta']['focus']} wins)")
    axes.set_title(
        f"Gain at {budget['tokens']:,.0f} tokens, 95 % intervals", loc="left", fontsize=11, fontweight="bold"
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_ylim(-0.7, len(gaps) - 0.3)
