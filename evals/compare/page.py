"""compare.html: a comparison's curves and tables in one file that opens anywhere, made from compare.json alone."""

from __future__ import annotations

from typing import Any

from evals.charts.curves import band
from evals.charts.series import Chart, Series
from evals.compare.config import BASE
from evals.compare.show import (
    ANSWER_HEADINGS,
    HEADINGS,
    answer_lines,
    answers_title,
    arm_lines,
    budget_lines,
    caption,
    certainty,
    title,
)
from evals.compare.summary import summary_table
from evals.report.page import RUN_COLORS, _place, fill

LEARNING = {
    "solution_reward": ("Reward, solution player", "mean reward", False),
    "abstraction_reward": ("Reward, abstraction player", "mean reward", False),
    "solution_entropy": ("Entropy, solution player", "nats per token", False),
    "abstraction_entropy": ("Entropy, abstraction player", "nats per token", False),
    "rollout_accuracy": ("Training rollouts", "solutions right", True),
    "validation_accuracy": ("Validation accuracy", "solutions right", True),
    "validation_coverage": ("Validation coverage", "problems covered", True),
    "distinct": ("Abstractions unlike the others", "share of proposals", True),
    "adherence": ("Solutions that use their abstraction", "share of solutions", True),
    "unique_answers": ("Different answers among 8", "answers", False),
}
BUDGETS = {
    "pass_at_k": ("Coverage at test time", "problems covered"),
    "accuracy": ("Accuracy of the majority", "answered right"),
}


def render_comparison(result: dict[str, Any]) -> str:
    """The page as a string, from what compare.json holds; one of an older version has fewer charts."""
    charts: dict[str, Chart] = {}
    panels = [
        {
            "heading": heading,
            "learning": _place(charts, f"panel{number}-learning", seed_learning_charts(result, arms)),
            "budgets": _place(charts, f"panel{number}-budgets", budget_charts(result, arms)),
        }
        for number, (heading, arms) in enumerate(chart_groups(result), start=1)
    ]
    headings, rows = summary_table(result)
    return fill(
        "compare.html.j2",
        charts,
        title=f"Comparison: {result['meta']['name']}",
        meta=result["meta"],
        caption=caption(result),
        certainty=certainty(result),
        headings=headings,
        rows=rows,
        panels=panels,
        widest=title(result["budgets"][-1]),
        answer_headings=ANSWER_HEADINGS,
        answers=answer_lines(result),
        answers_title=answers_title(result) if result.get("answers") else "",
        budget_headings=HEADINGS,
        budgets=[{"title": title(budget), "rows": budget_lines(result, budget)} for budget in result["budgets"]],
        arms=[
            {"name": name, "description": arm["description"], "words": own_words(result, name)}
            for name, arm in result["arms"].items()
        ],
        commands=[f"{record['command']}  # {record['seconds']:,.0f} s" for record in result["commands"]],
    )


def own_words(result: dict[str, Any], arm: str) -> str:
    """What an arm changes, as it is typed."""
    return " ".join(result["meta"]["arms"][arm]["overrides"]) if arm != BASE else ""


def chart_groups(result: dict[str, Any], most: int = len(RUN_COLORS)) -> list[tuple[str, list[str]]]:
    """Which arms share charts: those of a group, at most as many as there are colours; the focus is in every chart.

    >>> arms = {"a": {"group": "x"}, "b": {"group": "x"}, "c": {}, "d": {"group": "x"}}
    >>> chart_groups({"meta": {"focus": "c", "arms": arms}, "arms": arms}, 2)
    [('x', ['a', 'b']), ('x, continued', ['d'])]
    """
    meta, by_name = result["meta"], {}
    for arm in result["arms"]:
        if arm != meta["focus"]:
            by_name.setdefault(meta["arms"].get(arm, {}).get("group", ""), []).append(arm)
    ungrouped = by_name.pop("", [])
    if set(ungrouped) - {BASE}:
        by_name = {"All arms" if not by_name else "Others": ungrouped} | by_name
    found = []
    for name, arms in by_name.items():
        parts = [arms[i : i + most] for i in range(0, len(arms), most)]
        found += [(name if i == 0 else f"{name}, continued", part) for i, part in enumerate(parts)]
    return found


def colours(result: dict[str, Any], arms: list[str]) -> dict[str, str]:
    """The focus in ink, the others in colour."""
    return {result["meta"]["focus"]: "ink"} | dict(zip(arms, RUN_COLORS, strict=False))


def seed_learning_charts(result: dict[str, Any], arms: list[str]) -> list[Chart]:
    """Curves over generated training tokens: the mean of the seeds, in a band from the worst to the best."""
    charts = []
    for name, (heading, unit, percent) in LEARNING.items():
        lines = []
        for arm, color in colours(result, arms).items():
            curves = [run.get("learning", {}) for run in result["arms"][arm]["seeds"].values()]
            lines.append(Series(arm, color, band(curves, name), dashed=arm == result["meta"]["focus"]))
        lines = [line for line in lines if line.points]
        if lines:
            charts.append(Chart(heading, "generated training tokens", unit, lines, percent))
    return charts


def budget_charts(result: dict[str, Any], arms: list[str]) -> list[Chart]:
    """Coverage and accuracy over test tokens, each arm in its own way: with abstractions where it writes any."""
    charts = []
    for measure, (heading, unit) in BUDGETS.items():
        lines = [
            line for arm, color in colours(result, arms).items() for line in arm_lines(result, arm, color, measure)[:1]
        ]
        charts.append(Chart(heading, "generated tokens per problem", unit, lines, percent=True, log_x=True))
    return [chart for chart in charts if chart.series]
