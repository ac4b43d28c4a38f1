"""Charts and plots say what the sweep and the run say, and leave out what was never measured."""

import pytest

from evals import runs
from evals.charts import plots, series


def test_plain_sampling_is_shown_at_its_best_temperature(sweep):
    chart = series.sweep_chart(sweep, "pass_at_k")
    line = next(s for s in chart.series if s.label == "base, plain sampling")
    measured = [point for point in line.points if point.low is not None]
    assert len(measured) == 4  # one per budget of the breadth cells
    assert {point.note.split(" at ")[1] for point in line.points} == {"T 1"}
    assert max(point.y for point in line.points) > measured[-1].y  # the curve goes on to the last sample
    assert [point.x for point in line.points] == sorted(point.x for point in line.points)


def test_reading_a_curve_beyond_its_samples_is_refused():
    with pytest.raises(ValueError, match="only 1 were drawn"):
        series.at_budget({"tokens_per_sample": 10, "accuracy": [0.5]}, "accuracy", 20)


def test_references_get_their_own_line_and_colour(sweep):
    sweep["references"] = [sweep["cells"][-1] | {"checkpoint": "other", "label": "plain solver, all tokens"}]
    chart = series.sweep_chart(sweep, "accuracy")
    extra = next(s for s in chart.series if s.label.startswith("plain solver"))
    assert extra.color not in {"warmstart", "cotrained"}


def test_the_selected_answer_is_drawn_by_the_rule_that_was_chosen(sweep):
    """Majority is the worst rule for distinct abstractions; a line of it beside a verdict by another rule misleads."""
    grid = [cell for cell in sweep["cells"] if cell["checkpoint"] == "cotrained" and cell["n"]]
    sweep["cells"] += [cell | {"select": "proposer", "accuracy": 0.9} for cell in grid]
    rules = [{"checkpoint": "cotrained", "mode": "abstractions", "select": "proposer", "chosen": True}]
    for chosen, drawn in ((rules, {0.9}), ([], {cell["accuracy"] for cell in grid})):
        sweep["rules"] = chosen
        lines = series.sweep_chart(sweep, "accuracy").series
        points = [point for line in lines if line.label.startswith("co-trained, distinct") for point in line.points]
        assert {point.y for point in points} == drawn


@pytest.mark.parametrize("measure", ["pass_at_k", "accuracy"])
def test_caps_of_thinking_are_one_line_beside_more_samples_and_more_abstractions(sweep, measure):
    before = series.sweep_chart(sweep, measure).series
    row = {"checkpoint": "cotrained", "label": "co-trained", "method": "budget_forcing", "accuracy": 0.3, "traces": 1}
    row |= {"ci95": [0.2, 0.4], "pass_at_k": 0.5, "pass_ci95": [0.4, 0.6]}
    caps = [row | {"axis": "cap", "value": cap, "tokens_per_problem": cap + 5.0} for cap in (16, 8)]
    sweep["decoding"] = [row | {"method": "plain", "tokens_per_problem": 20.0}, *caps]
    line, *more = series.sweep_chart(sweep, measure).series[len(before) :]
    assert not more and line.label == "co-trained, budget forcing"
    assert [(point.x, point.y, point.note) for point in line.points] == [
        (13.0, row[measure], "cap 8"),
        (21.0, row[measure], "cap 16"),
    ]
    by_latency = series.sweep_chart(sweep, measure, latency=True).series  # how long a method takes is not measured
    assert all("forcing" not in one.label for one in by_latency)


def test_charts_leave_out_what_was_never_measured():
    rows = [{"step": 1, "solution": {"reward": 0.5, "kl": None}, "abstraction": None}]
    charts = series.learning_charts(rows)
    assert [chart.title for chart in charts] == ["Reward"]
    assert [line.label for line in charts[0].series] == ["solution player"]
    assert series.seconds_per_phase(rows) == {}
    rows[0]["rollout"] = {"teaching_tokens": 0.016, "constant_groups": 0.976}
    teaches = series.learning_charts(rows)[-1]
    assert (teaches.title, [line.points[0].y for line in teaches.series]) == ("What teaches", [0.016, 0.976])


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


@pytest.mark.parametrize("least, most, scale", [(27, 35, "linear"), (27, 90, "log"), (20, 400, "log")])
def test_an_axis_of_tokens_always_has_several_labels(least, most, scale):
    points = [series.Point(float(x), 0.5) for x in (least, most)]
    chart = series.Chart("t", "tokens", "right", [series.Series("a", "solution", points)], log_x=True)
    _, (axes,) = plots.figure(1, 1)
    plots.draw_chart(axes, chart)
    low, high = axes.get_xlim()
    seen = [tick for tick in axes.get_xticks() if low <= tick <= high]
    assert axes.get_xscale() == scale and len(seen) >= 3


def test_the_map_of_splits_has_one_legend_that_covers_no_point(sweep):
    sweep["splits"] = {
        "rule": "majority",
        "label": "co-trained",
        "recommended": [{"n": 1, "m": 1}],
        "map": {"accuracy": [[0.5]], "coverage": [[0.5]]},
    }
    for cell in sweep["cells"]:
        cell["latency"] = 20.0 + cell["n"]
    fig = plots.splits_figure(sweep)
    assert len(fig.legends) == 1 and all(axes.get_legend() is None for axes in fig.axes)
