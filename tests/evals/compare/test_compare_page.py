"""What compare.json says of learning, the numbers at the end, and compare.html: its text, and it in a real browser."""

import json
import re
from pathlib import Path

import pytest

from evals.charts import curves
from evals.compare import page, show, summary
from evals.compare.final import final

COMMITTED = Path(__file__).parents[3] / "docs" / "results" / "compare" / "compare.json"
"""Made before there were learning curves in it."""


def row(step, tokens, entropy, **more):
    return {"step": step, "tokens_generated_total": tokens, "solution": {"entropy": entropy}} | more


def run(seed, end=1.0):
    """What compare.json holds of one run: 120 steps whose entropy falls from 1 to `end`."""
    metrics = [row(s, 100 * s, 1 + (end - 1) * s / 120, rollout={"distinct": 0.5 + seed / 10}) for s in range(1, 121)]
    curve = {"temperature": 1.0, "tokens_per_sample": 10.0, "pass_at_k": [0.2] * 40, "accuracy": [0.1] * 40}
    cell = {"n": 4, "m": 1, "tokens_per_problem": 100.0, "pass_at_k": 0.5 + seed / 10, "accuracy": 0.3, "distinct": 3.5}
    return {
        "training_tokens": 12000, "training_steps": 120, "warmstart_tokens": None, "cells": [cell], "curves": [curve],
        "triple": {"with_mean": 0.25}, "learning": curves.learning(metrics), "seconds": {"train": 30.0 + seed},
        "calibration": [
            {"temperature": t, "stated": 1.0, "brier": t / 10, "ece": 0.1, "auroc": None} for t in (0.7, 1.2)
        ],
    }  # fmt: skip


def made(arms, seeds=(0, 1)):
    """A comparison's JSON of these arms, whose names end in their group."""
    runs = {arm: {str(seed): run(seed, 0.5) for seed in seeds} for arm in arms}
    rows = [
        {"arm": arm, "way": way, "tokens": 100.0 + i, "pass_at_k": 0.55 - i / 100, "pass_at_k_ci95": None,
         "pass_at_k_by_seed": [0.5 - i / 100, 0.6 - i / 100][: len(seeds)], "accuracy": 0.3, "accuracy_ci95": None,
         "accuracy_by_seed": [0.3] * len(seeds)}
        for i, arm in enumerate(arms) for way in ("abstractions", "plain")
    ]  # fmt: skip
    gaps = [
        {"arm": one["arm"], "way": one["way"], "measure": measure, "difference": 0.01, "difference_ci95": None,
         "difference_by_seed": [0.01] * len(seeds)}
        for one in rows[1:] for measure in ("pass_at_k", "accuracy")
    ]  # fmt: skip
    told = {arm: {"group": arm.split("-")[-1], "overrides": ["both.loss=<b>"], "description": "<i>"} for arm in arms}
    return {
        "meta": {"name": "<u>trial", "focus": arms[0], "seeds": list(seeds), "max_tokens": 12000, "missing": [],
                 "base": "run.yaml", "overrides": [], "arms": told},
        "arms": {arm: {"seeds": runs[arm], "description": "<i>", "reference": False} for arm in arms},
        "budgets": [{"n": 4, "m": 1, "tokens": 100.0, "rows": rows, "differences": gaps}],
        "commands": [],
    }  # fmt: skip


MANY = ["focus", *(f"arm{i}-{'clip' if i < 8 else 'tokens'}" for i in range(11))]


# ------------------------------------------------------------------------------------------ curves and last numbers
def test_a_long_run_is_thinned_and_a_short_one_is_not():
    long = curves.learning([row(s, 10 * s, float(s)) for s in range(1, 1201)])
    assert {len(values) for values in long.values()} == {curves.MOST}
    assert sum(long["solution_entropy"]) / curves.MOST == pytest.approx(600.5)  # nothing was dropped
    assert curves.learning([row(1, 10, 0.5)])["solution_entropy"] == [0.5]
    assert curves.learning([]) == {}


def test_validation_that_is_measured_now_and_then_keeps_its_gaps():
    rows = [row(s, s, 1.0, validation={"accuracy": s / 10}) if s % 2 else row(s, s, 1.0) for s in (1, 2, 3)]
    found = curves.learning(rows)
    assert found["validation_accuracy"] == [0.1, None, 0.3]
    assert [(point.x, point.y, point.low) for point in curves.band([found], "validation_accuracy")] == [
        (1.0, 0.1, None), (3.0, 0.3, None)]  # fmt: skip


def test_a_band_is_drawn_only_where_every_seed_measured():
    seeds = [{"tokens": [0.0, 10.0], "distinct": [1.0, 1.0]}, {"tokens": [20.0, 30.0], "distinct": [1.0, 1.0]}]
    assert curves.band(seeds, "distinct") == []  # they share no number of tokens
    assert curves.band([seeds[0], {"tokens": [0.0, 10.0]}], "distinct") == []


def test_the_last_numbers_of_a_run():
    end = final(run(1, end=0.5))
    assert (end["covered"], end["selected"], end["distinct"]) == ({"4x1": 0.6}, {"4x1": 0.3}, 3.5)
    assert end["solution_entropy"] == pytest.approx(1 - 0.5 * 114.5 / 120, abs=1e-4)  # steps 109 to 120
    assert (end["brier"], end["auroc"]) == (0.12, None)  # at T 1.2, nearer to 1 than 0.7
    assert (end["right_with"], end["right_without"], end["seconds"]) == (0.25, 0.2, 31.0)
    bare = final({"cells": [], "curves": [], "triple": None, "training_tokens": 0})
    assert {value for value in bare.values() if not isinstance(value, dict)} == {None, 0}


def test_summary_compares_with_the_focus_seed_by_seed():
    found = summary.summary(made(["focus", "b-clip"]))
    assert "gained" not in found["focus"]
    assert found["b-clip"]["gained"]["by_seed"] == pytest.approx([-0.01, -0.01])
    assert "auroc" not in found["b-clip"]
    headings, rows = summary.summary_table(made(["focus", "b-clip"]))
    assert "AUROC" not in headings
    assert "Brier" in headings
    assert rows[0][0] == "focus (focus)"
    assert rows[1][headings.index("minus focus, points")].startswith("-1.0")


def test_arms_are_also_compared_at_the_tokens_that_all_of_a_seed_reach():
    def run(*cells):
        return {"cells": [{"tokens_per_problem": float(t), "pass_at_k": c} for t, c in cells]}

    arms = {"short": [run((100, 0.2), (200, 0.4))], "long": [run((100, 0.3), (400, 0.5))], "above": [run((300, 0.9))]}
    arms["plain"] = [{"cells": []}]
    result = {"arms": {arm: {"seeds": {str(i): one for i, one in enumerate(runs)}} for arm, runs in arms.items()}}
    assert summary.equal_token_coverage(result, "short") == pytest.approx([0.4])
    assert summary.equal_token_coverage(result, "long") == pytest.approx([0.4])  # halfway from 100 to 400, by doublings
    assert summary.equal_token_coverage(result, "above") is None
    assert summary.equal_token_coverage(result, "plain") is None


# ------------------------------------------------------------------------------------------ old and new files
def test_a_file_of_before_the_curves_still_plots_and_renders(tmp_path):
    old = json.loads(COMMITTED.read_text())
    for key in ("answers", "summary"):
        del old[key]
    for run in (run for arm in old["arms"].values() for run in arm["seeds"].values()):
        for key in ("learning", "final", "seconds", "calibration"):
            run.pop(key, None)
    html = page.render_comparison(old)
    assert "holds no learning curves" in html
    assert "Coverage at test time" in html
    assert "87.3 (85.4–89.2)" in html  # as in the committed table
    assert summary.finals(old, "rlad")[0]["seconds"] > 0  # from its commands
    assert "87.3 (85.4–89.2)" in show.markdown(old, "x")
    assert show.plot(old, tmp_path / "old.png").read_bytes().startswith(b"\x89PNG")


def test_many_arms_share_charts_by_group_with_the_focus_in_each(tmp_path):
    result = made(MANY)
    assert [(name, len(arms)) for name, arms in page.chart_groups(result)] == [
        ("clip", 6), ("clip, continued", 2), ("tokens", 3)]  # fmt: skip
    for name, arms in page.chart_groups(result):
        charts = page.seed_learning_charts(result, arms) + page.budget_charts(result, arms)
        assert [chart.title for chart in charts] == [
            "Entropy, solution player", "Abstractions unlike the others", "Coverage at test time",
            "Accuracy of the majority"], name  # fmt: skip
        assert all(
            [line.label for line in chart.series]
            == ["focus, with abstractions", *(f"{a}, with abstractions" for a in arms)]
            for chart in charts[2:]
        )
        assert [line.label for line in charts[0].series] == ["focus", *arms]
        assert len({line.color for line in charts[0].series}) == len(arms) + 1
        assert charts[1].series[0].points[0].low == 0.5
        assert charts[1].series[0].points[0].high == 0.6
    assert show.plot(result, tmp_path / "many.png").read_bytes().startswith(b"\x89PNG")


def test_the_page_is_escaped_and_needs_nothing_else():
    html = page.render_comparison(made(MANY))
    assert "<u>trial" not in html
    assert "<i>" not in html
    assert not re.findall(r"(?:src|href)=[\"'](?!#|data:)", html)
    assert html.count("<script") == 2
    one = page.render_comparison(made(["focus", "b-clip"], seeds=(0,)))
    assert "One seed only" in one
    assert "bands reach" not in one


# ------------------------------------------------------------------------------------------ in a real browser
@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(320, "dark"), (1280, "light")])
def test_the_page_draws_every_chart_without_a_complaint(chromium, tmp_path, width, scheme):
    file = tmp_path / "compare.html"
    file.write_text(page.render_comparison(made(MANY)))
    tab = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    complaints = []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("request", lambda request: complaints.append(request.url) if request.url != file.as_uri() else None)
    tab.goto(file.as_uri())
    tab.wait_for_selector("figure svg path", state="attached")
    assert tab.locator("figure [role=group] svg").count() == tab.locator("figure").count() == 12
    tab.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    tab.locator("#panel1 figure [role=group]").first.focus()
    tab.keyboard.press("ArrowRight")
    assert "generated training tokens" in tab.locator("#panel1 figure .tip").first.inner_text()
    tab.close()
    assert complaints == []
