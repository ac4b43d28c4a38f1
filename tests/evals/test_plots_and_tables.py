"""Plots and tables say what the sweep says; runs with holes are read as far as they go."""

import doctest
import io
import json

import pytest
from rich.console import Console

from evals import looks, plots, rule_tables, runs, series, tables
from evals.temperatures import Choice, warnings


def printed(sweep, width=80):
    out = Console(file=io.StringIO(), width=width)
    tables.print_sweep(sweep, out)
    return out.file.getvalue()


@pytest.mark.parametrize("module", [looks, rule_tables, runs, series, tables])
def test_worked_examples_in_docstrings(module):
    assert doctest.testmod(module).failed == 0


def test_terminal_tables_fit_eighty_columns(sweep):
    text = printed(sweep)
    assert "…" not in text
    assert "94.3 (92.0–96.5)" in text
    assert "+8.1 (+4.0 to +12.0)" in text
    assert "co-trained, 16 abstr. × 1, 672 tokens minus co-trained" in " ".join(text.split())
    assert max(len(line) for line in text.splitlines()) <= 80


def test_the_selected_answer_is_told_with_everything_that_stands_around_it(sweep):
    text = " ".join(printed(sweep).split())
    assert "breadth (proposer at T 0.3) 32.6 %, plain sampling (marginal at T 1) 30.0 %" in text
    assert "+2.6 (+0.1 to +5.0) points, breadth wins; rules and temperatures chosen on the validation problems" in text
    assert "random pick 16.8 %, oracle (coverage) 90.0 %" in text and "at its best temperature 27.2 %" in text
    assert "Had the test problems themselves chosen: breadth (draws" in text
    assert "proposer alpha 0.5" in text and "63.0 (60.0–66.0)" in text
    sweep["selection"] |= {"chosen_on": "test", "ci95": [-0.01, 0.06]}
    words = " ".join(rule_tables.selection_sentences(sweep))
    assert "not decided" in words and "for want of validation problems" in words
    assert rule_tables.selection_sentences({}) == []


def test_tables_cope_with_a_sweep_that_has_only_cells(sweep):
    text = printed({"cells": sweep["cells"][-3:]})
    assert "plain × 28" in text
    assert "Paired" not in text


def test_plain_sampling_is_shown_at_its_best_temperature(sweep):
    chart = series.sweep_chart(sweep, "pass_at_k")
    line = next(s for s in chart.series if s.label == "base, plain sampling")
    measured = [point for point in line.points if point.low is not None]
    assert len(measured) == 4  # one per budget of the breadth cells
    assert {point.note.split(" at ")[1] for point in line.points} == {"T 1"}
    assert max(point.y for point in line.points) > measured[-1].y  # the curve goes on to the last sample
    assert [point.x for point in line.points] == sorted(point.x for point in line.points)


def test_without_shared_budgets_temperatures_meet_at_the_number_of_samples(sweep):
    cold = sweep["cells"][8] | {"m": 4, "tokens_per_problem": 80.0, "pass_at_k": 0.3, "temperature": 0.7}
    warm = cold | {"tokens_per_problem": 90.0, "pass_at_k": 0.4, "temperature": 1.0}
    assert series.at_best_temperature([cold, warm], "pass_at_k") == [warm]


def test_reading_a_curve_beyond_its_samples_is_refused():
    with pytest.raises(ValueError, match="only 1 were drawn"):
        series.at_budget({"tokens_per_sample": 10, "accuracy": [0.5]}, "accuracy", 20)


def test_references_get_their_own_line_and_colour(sweep):
    sweep["references"] = [sweep["cells"][-1] | {"checkpoint": "other", "label": "plain solver, all tokens"}]
    chart = series.sweep_chart(sweep, "accuracy")
    extra = next(s for s in chart.series if s.label.startswith("plain solver"))
    assert extra.color not in {"warmstart", "cotrained"}
    assert "plain solver, all tokens" in printed(sweep, 120)


def test_charts_leave_out_what_was_never_measured():
    rows = [{"step": 1, "solution": {"reward": 0.5, "kl": None}, "abstraction": None}]
    charts = series.learning_charts(rows)
    assert [chart.title for chart in charts] == ["Reward"]
    assert [line.label for line in charts[0].series] == ["solution player"]
    assert series.seconds_per_phase(rows) == {}


def test_warm_start_of_single_players_goes_on_where_the_base_ended():
    rows = [{"step": s, "label": label, "loss": 1.0} for label in ("base", "solution") for s in (20, 40)]
    chart = series.warmstart_chart(rows)
    assert [(line.label, [point.x for point in line.points]) for line in chart.series] == [
        ("all tasks", [20, 40]),
        ("solution player alone", [60, 80]),
    ]


def test_every_plot_of_a_full_run_is_written(make_run):
    made = plots.plot_run(runs.read_run(make_run()))
    assert [path.name for path in made] == ["learning.png", "entropy.png", "seconds.png", "sweep.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in made)


def test_a_run_that_has_barely_begun_gives_what_it_has(make_run):
    run = runs.read_run(make_run(without=("metrics.jsonl", "sweep.json", "samples.jsonl")))
    assert [path.name for path in plots.plot_run(run)] == ["learning.png"]
    empty = runs.Run(run.path)
    assert plots.plot_run(empty) == []


def test_torn_last_line_is_forgiven_a_torn_middle_one_is_not(tmp_path):
    file = tmp_path / "metrics.jsonl"
    file.write_text('{"step": 1}\n{"step": 2}\n{"ste')
    assert [row["step"] for row in runs.read_jsonl(file)] == [1, 2]
    file.write_text('{"step": 1}\n{"ste\n{"step": 3}\n')
    with pytest.raises(runs.RunError, match="Line 2"):
        runs.read_jsonl(file)


def test_repeated_steps_after_a_resume_count_once(tmp_path):
    file = tmp_path / "metrics.jsonl"
    file.write_text("".join(json.dumps({"step": s, "v": v}) + "\n" for s, v in [(1, 0), (2, 0), (3, 0), (2, 1)]))
    assert [(row["step"], row["v"]) for row in runs.read_jsonl(file)] == [(1, 0), (2, 1), (3, 0)]
    file.write_text('{"step": 20, "label": "base"}\n{"step": 20, "label": "solution"}\n')
    assert len(runs.read_jsonl(file)) == 2


def test_folders_that_are_no_runs_are_refused(tmp_path):
    with pytest.raises(runs.RunError, match="no run folder"):
        runs.read_run(tmp_path / "nowhere")
    with pytest.raises(runs.RunError, match="holds no run"):
        runs.read_run(tmp_path)
    (tmp_path / "sweep.json").write_text("[1")
    with pytest.raises(runs.RunError, match="not valid JSON"):
        runs.read_run(tmp_path)


def test_a_grid_whose_end_wins_is_warned_of(sweep):
    """In the terminal, in the table and in the report: the optimum may lie beyond the grid."""
    values = {0.7: 0.9, 1.0: 0.8, 1.3: 0.7}
    choice = Choice("warmstart", "base", "plain", "coverage", "test", values)
    inside = Choice("cotrained", "co-trained", "plain", "coverage", "test", {0.7: 0.8, 1.0: 0.9, 1.3: 0.7})
    assert choice.at_edge and not inside.at_edge
    sweep["temperatures"], sweep["warnings"] = [choice.row(), inside.row()], warnings([choice, inside])
    for cell in sweep["cells"]:
        if cell["label"] == "base" and not cell["n"]:
            cell["pass_at_k"] += cell["temperature"] == 0.7
    text = printed(sweep)
    words = " ".join(text.split())
    assert "0.7*" in text and "* best, and an end of its grid" in words and "1*" not in text
    assert "Warning: base, plain sampling: coverage is best at T 0.7, an end of sweep.plain_temperatures" in words
    assert max(len(line) for line in text.splitlines()) <= 80
