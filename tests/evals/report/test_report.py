"""The report as text: self-contained, escaped, honest about what is missing. And as a page, in a real browser."""

import doctest
import re
import runpy
import subprocess
import sys

import pytest

from evals.benchmarks.analysis.report import metrics_rows
from evals.charts import entropy
from evals.charts.pictures import pictures
from evals.charts.series import learning_charts
from evals.report import page, render, views
from evals.report.__main__ import folder_of
from evals.runs import Run, read_run
from rlad.config import ConfigError


def shown(run):
    """The charts of the page's section on entropy."""
    drawn = pictures(run)
    return drawn.law + drawn.entropy


def test_worked_examples_in_docstrings():
    assert doctest.testmod(views).failed == 0


def test_page_has_every_section_and_refers_to_nothing_outside(make_run):
    html = render([read_run(make_run())])
    for section in ("summary", "sweep", "learning", "entropy", "trees", "configuration"):
        assert f'<section id="{section}">' in html
    assert not re.findall(r"(?:src|href)=[\"'](?!#|data:)", html)
    assert "@import" not in html
    assert "url(" not in html
    assert html.count("http") == html.count("http-equiv") + html.count("http://www.w3.org/2000/svg")
    for text in (
        "37.0 (34.0–40.0)",
        "94.3 (92.0–96.5)",
        "+8.1 (+4.0 to +12.0)",
        "2 * a + 1 * b + 3",
        "source: induction",
    ):
        assert text in html


def test_seconds_hidden_behind_updates_are_said_and_not_added_to_the_steps(make_run):
    run = read_run(make_run())
    seen = views.view(run, pictures(run))
    assert seen["seconds_hidden"] == 0 and "launch.overlap" not in render([run])
    for row in run.metrics:
        row["overlapped"] = {"solve": 3.0, "total": 3.0, "hidden": 2.5}
    beside = views.view(run, pictures(run))
    assert beside["seconds_hidden"] == 2.5 and beside["seconds_total"] == seen["seconds_total"]
    assert "Not among them: 2.50 seconds of the next step's rollout" in render([run])


def test_text_from_runs_cannot_become_markup(make_run):
    html = render([read_run(make_run("<b>evil", hostile=True))])
    assert "<b>evil" not in html
    assert "<img" not in html
    assert html.count("<script") == 2
    assert html.count("</script>") == 2


@pytest.mark.parametrize(
    ("without", "sentence"),
    [
        (("sweep.json",), "This run has no sweep yet."),
        (("metrics.jsonl",), "No co-training was recorded"),
        (("samples.jsonl",), "This run has no recorded examples."),
        (("config.yaml",), "This folder has no config.yaml."),
        (("metrics.jsonl", "warmstart.jsonl"), "This run has no training metrics yet."),
    ],
)
def test_page_says_what_is_missing(make_run, without, sentence):
    assert sentence in render([read_run(make_run(without=without))])


def test_entropy_section_says_what_the_law_and_the_instruments_found(make_run):
    run = read_run(make_run())
    told = views.entropy_sentences(run, pictures(run).laws)
    assert [part["heading"] for part in told] == ["Abstraction player", "Solution player", "What they write"]
    later = [sentence for sentence in told[1]["sentences"] if sentence.startswith("On the 42 later steps")]
    assert len(later) == 1 and "a line of reward in log tokens" in later[0]  # one point of the list, not several
    words = " ".join(sentence for part in told for sentence in part["sentences"])
    assert words.count("Entropy law R = -a e^H + b") == 2
    assert "one format only ('<i>+ -', over 90 %) from step 25 on" in words  # 0.5 + 25/60 is the first above 0.9
    assert "fork most often: max <u>" in words
    html = render([run])
    assert "<u>" not in html
    charts = {chart.title: chart for chart in shown(run)}
    assert [len(charts["Entropy law, solution player"].series[i].points) for i in (0, 1)] == [18, 42]
    assert len(charts["Effective rank of hidden states"].series[0].points) == 6  # every tenth step, unsmoothed
    assert "Covariance in the top 0.2 %" not in charts  # never a number
    assert [line.label for line in charts["Different things per problem"].series] == ["abstractions"]


def test_a_run_without_instruments_still_has_its_law(make_run):
    run = read_run(make_run())
    for row in run.metrics:
        for role in ("abstraction", "solution"):
            del row[role]["instruments"]
        row["rollout"] = {"accuracy": row["rollout"]["accuracy"]}
    assert [chart.title for chart in shown(run)] == [
        f"{title}, {role} player"
        for role in ("abstraction", "solution")
        for title in ("Entropy law", "Reward foretold")
    ]
    run.metrics = run.metrics[:5]
    assert shown(run) == []
    assert "This run has no entropy measurements yet." in render([run])


def test_losing_and_undecided_comparisons_are_said_in_words():
    row = {"name": "q", "difference": -0.1, "ci95": [-0.2, -0.01], "a": "this", "b": "that"}
    assert views.finding(row)["words"].startswith("less")
    assert "not decided" in views.finding(row | {"ci95": [-0.2, 0.01]})["words"]


def test_several_runs_are_overlaid_with_a_colour_each(make_run):
    runs = [read_run(make_run("one")), read_run(make_run("two", without=("sweep.json",)))]
    reward = next(chart for chart in page.overlay(runs, list(map(pictures, runs))) if chart.title == "Reward")
    assert [line.label for line in reward.series] == [
        f"{name}: {player} player" for name in ("one", "two") for player in ("abstraction", "solution")
    ]
    assert len({line.color for line in reward.series}) == 2
    html = render(runs)
    assert 'id="together"' in html
    assert 'id="run2-trees"' in html


def report(*words):
    return subprocess.run([sys.executable, "-m", "evals.report", *words], capture_output=True, text=True, check=False)


def test_a_page_of_ten_thousand_steps_is_light_and_keeps_every_extreme(tmp_path, monkeypatch):
    rows, fitted = metrics_rows(10_000), []
    fit = entropy.study
    monkeypatch.setattr(entropy, "study", lambda *given: fitted.append(given) or fit(*given))
    run = Run(tmp_path / "long", metrics=rows)
    drawn = pictures(run)
    html = render([run], [drawn])
    assert len(fitted) == 2  # once for each player
    assert len(html.encode()) < 1e6
    assert "Of 10,000 steps a chart shows those at which one of its lines is highest or lowest in one of 60" in html
    for chart, whole in zip(drawn.learning, learning_charts(rows), strict=True):
        for line, full in zip(chart.series, whole.series, strict=True):
            assert 60 <= len(line.points) <= 60 * 2 * len(whole.series) + 2
            heights = [point.y for point in full.points]
            assert {max(heights), min(heights)} <= {point.y for point in line.points}
            assert (line.points[0], line.points[-1]) == (full.points[0], full.points[-1])


@pytest.mark.process
def test_command_writes_page_and_plots_and_refuses_what_is_no_run(make_run, tmp_path, monkeypatch, capsys):
    folder = make_run()
    done = report(str(folder))
    assert (done.returncode, done.stdout.strip()) == (0, str(folder / "report.html"))
    assert (folder / "plots" / "sweep.png").is_file()
    monkeypatch.setattr(sys, "argv", ["report", str(tmp_path / "nowhere")])
    with pytest.raises(SystemExit) as refused:
        runpy.run_module("evals.report", run_name="__main__")
    said = capsys.readouterr().err
    assert refused.value.code == 2 and said.count("\n") == 1 and "There is no run folder" in said


@pytest.mark.parametrize("base", ["null", "somebody/pretrained"])
def test_a_configuration_is_reported_by_its_runs_folder_and_refused_without_one(base, make_run, tmp_path):
    config = tmp_path / "mine.yaml"
    lines = [f"runs_dir: {tmp_path}", "name: mine", f"base: {{path: {base}}}"]
    config.write_text("\n".join([*lines, "problems: {source: jsonl, path: rows.jsonl}"]))
    with pytest.raises(ConfigError) as refused:
        folder_of(str(config))
    assert (
        str(refused.value) == f"There is no run folder '{tmp_path / 'mine'}' yet; sweep or train with '{config}' first."
    )
    assert not (tmp_path / "mine").exists()
    made = make_run("mine")
    assert folder_of(str(config)) == folder_of(str(made)) == made


# ------------------------------------------------------------------------------------------ in a real browser
@pytest.fixture
def opened(chromium):
    """Opens a report at a size; fails the test on console messages, script errors and any request but the file."""
    complaints, contexts = [], []

    def go(file, width=1280, height=900, scheme="light"):
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: complaints.append(f"console: {message.text}"))
        tab.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        tab.on("request", lambda request: complaints.append(request.url) if request.url != file.as_uri() else None)
        tab.goto(file.as_uri())
        tab.wait_for_selector("figure svg path", state="attached")
        return tab

    yield go
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def written(make_run):
    run = read_run(make_run(hostile=True))
    return page.write_report([run], run.path / "report.html")


@pytest.mark.browser
def test_charts_draw_and_answer_mouse_and_keyboard(opened, written):
    tab = opened(written)
    assert tab.locator("figure svg").count() >= tab.locator("figure").count() == 25
    assert tab.title() == "synthetic"  # the hostile sample tried to change it
    plot, tip = tab.locator("#learning figure [role=group]").first, tab.locator("#learning figure .tip").first
    plot.hover()
    assert tip.is_visible()
    assert "training step" in tip.inner_text()
    plot.focus()
    tab.keyboard.press("Escape")
    assert not tip.is_visible()
    tab.keyboard.press("ArrowRight")
    assert tip.inner_text().startswith("1 training step")
    assert "solution player" in tip.inner_text()


@pytest.mark.browser
def test_trees_open_by_keyboard(opened, written):
    tab = opened(written)
    branch = tab.locator("#trees details details").first
    assert not branch.locator(".solutions").is_visible()
    tab.locator("#trees summary").first.focus()
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    assert branch.locator(".solutions").is_visible()
    assert "✓ correct" in branch.inner_text()
    assert "✗ incorrect" in branch.inner_text()


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (375, "dark")])
def test_phone_has_no_horizontal_scroll(opened, written, width, scheme):
    tab = opened(written, width, 700, scheme)
    tab.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    plot = tab.locator("#sweep figure [role=group]").first
    plot.focus()
    for _ in range(6):
        tab.keyboard.press("ArrowRight")
    assert tab.evaluate("document.documentElement.scrollWidth") == width  # nor from a tooltip


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_in_both_colour_schemes(opened, written, scheme):
    tab = opened(written, scheme=scheme)
    ratios = tab.evaluate("""() => {
      const light = (css) => {
        const c = css.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255)
          .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2];
      };
      const back = light(getComputedStyle(document.body).backgroundColor);
      return [...document.querySelectorAll("p, dt, small, .good, .bad, a, figure text, .tag")].map((node) => {
        const style = getComputedStyle(node);
        const text = light(node.tagName === "text" ? style.fill : style.color);
        return (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
      });
    }""")
    assert len(ratios) > 50
    assert min(ratios) >= 4.5  # WCAG AA


@pytest.mark.browser
def test_several_runs_and_a_bare_run_open_too(opened, make_run, tmp_path):
    runs = [read_run(make_run(name)) for name in ("one", "two")]
    tab = opened(page.write_report(runs, tmp_path / "report.html"), 375, 700)
    assert tab.locator("#together figure svg").count() >= 8
    assert tab.evaluate("document.documentElement.scrollWidth") == 375
    bare = read_run(make_run("bare", without=("sweep.json", "metrics.jsonl", "samples.jsonl")))
    tab = opened(page.write_report([bare], bare.path / "report.html"))
    assert tab.locator("figure").count() == 1
