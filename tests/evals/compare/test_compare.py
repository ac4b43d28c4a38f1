"""The comparison runs its trials in order, resumes, refuses what cannot be compared, and reads the results right."""

import doctest
import json
import multiprocessing
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from evals.charts import curves
from evals.compare import __main__ as command
from evals.compare import answers, final, page, results, show, spreads, summary, trials
from evals.compare import config as settings
from evals.compare.config import as_dict, jobs_of, load_compare, run_config
from rlad.cli import PlainError, main_guard
from rlad.config import ConfigError
from rlad.problems import load_problems
from trainers.launching.dry_run import describe
from trainers.launching.nodes import Placement
from trainers.losses.ppo_clip import ClipKeys

MODULES = (answers, command, curves, final, page, trials, results, settings, show, spreads, summary)
FAKE = Path(__file__).parent / "fake_commands.py"
VERBS = {verb: [sys.executable, "-I", "-S", str(FAKE), verb] for verb in ("warmstart", "train", "sweep")}
ARMS = """
arms:
  rlad: {description: both players}
  solver-only: {description: one player, overrides: [cotrain.abstractions=0]}
  one-pass: {overrides: [cotrain.abstractions=0, cotrain.one_pass=true]}
  plain-warmstart: {start: own, train: false, reference: true, overrides: [warmstart.mixture.plain=1]}
"""


@pytest.fixture
def setting(tmp_path, monkeypatch):
    """A comparison's file in an empty folder; the fake commands' call log."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "calls"))
    monkeypatch.setattr(command, "plot", lambda _, path: Path(path).touch())  # drawn once, in a test of its own
    Path("run.yaml").write_text("cotrain: {problems: 8}\n")
    text = "name: trial\nbase: run.yaml\nfocus: rlad\nseeds: [0, 1]\nmax_tokens: 5000\n"
    Path("compare.yaml").write_text(text + ARMS)
    return tmp_path


def calls():
    return Path("calls").read_text().splitlines() if Path("calls").is_file() else []


def compare(*words):
    return command.main(["compare.yaml", *words], VERBS)


def result():
    return json.loads(Path("runs/trial/compare.json").read_text())


def test_worked_examples_in_docstrings():
    assert sum(doctest.testmod(module).failed for module in MODULES) == 0


@pytest.mark.process
def test_every_arm_of_a_seed_starts_from_its_base_and_nothing_runs_twice(setting, capsys):
    compare()
    one = ["warmstart base", "sweep base", "train rlad", "sweep rlad", "train solver-only", "sweep solver-only"]
    one += ["train one-pass", "sweep one-pass", "warmstart plain-warmstart", "sweep plain-warmstart"]
    expected = [f"{line.split()[0]} runs/trial/seed{seed}/{line.split()[1]}" for seed in (0, 1) for line in one]
    assert calls() == expected
    compare()
    assert calls() == expected
    assert "train was finished earlier" in capsys.readouterr().out


@pytest.mark.process
def test_trials_run_at_the_same_time_but_never_before_their_base(setting):
    compare("jobs=4")
    order = calls()
    for seed in (0, 1):
        base = order.index(f"warmstart runs/trial/seed{seed}/base")
        assert all(order.index(f"train runs/trial/seed{seed}/{arm}") > base for arm in ("rlad", "solver-only"))
        assert order.index(f"sweep runs/trial/seed{seed}/rlad") > order.index(f"train runs/trial/seed{seed}/rlad")
    assert len(order) == 20


def test_arms_do_not_wait_until_their_base_is_swept(setting, monkeypatch):
    trained = Event()

    def command(runner, trial, stage, held):
        if stage.verb == "train":
            trained.set()
        assert (trial.arm, stage.verb) != ("base", "sweep") or trained.wait(60)

    monkeypatch.setattr(trials.Runner, "command", command)
    trials.Runner(2, print).run(trials.plan(load_compare("compare.yaml", ["seeds=[0]"]), VERBS))


@pytest.mark.process
def test_results_are_read_at_the_focus_arms_budgets(setting):
    compare()
    found = result()
    assert [(b["n"], b["m"], b["tokens"]) for b in found["budgets"]] == [(4, 1, 120.0), (8, 1, 240.0), (4, 4, 480.0)]
    rows = {(row["arm"], row["way"]): row for row in found["budgets"][1]["rows"]}
    assert set(rows) == {
        ("rlad", "abstractions"), ("rlad", "plain"), ("solver-only", "plain"), ("one-pass", "one-pass"),
        ("plain-warmstart", "plain"), ("base", "abstractions"), ("base", "plain"),
    }  # fmt: skip
    assert rows["rlad", "abstractions"]["pass_at_k_by_seed"] == [0.7, 0.71]
    plain = 0.04 * 12**0.8  # 240 tokens buy 12 samples, best at the higher temperature
    assert rows["solver-only", "plain"]["pass_at_k_by_seed"] == pytest.approx([plain + 0.04, plain + 0.05], abs=1e-3)
    gaps = {(d["arm"], d["way"]): d for d in found["budgets"][1]["differences"] if d["measure"] == "pass_at_k"}
    assert ("rlad", "abstractions") not in gaps
    assert gaps["base", "abstractions"]["difference_by_seed"] == pytest.approx([0.1, 0.1])
    assert gaps["base", "abstractions"]["difference"] == pytest.approx(0.1)  # the seeds' own level cancels
    assert found["arms"]["rlad"]["seeds"]["0"]["training_tokens"] == 5000
    assert found["arms"]["plain-warmstart"]["reference"]
    assert found["commands"][0]["command"].startswith("python ")


@pytest.mark.process
def test_results_hold_what_every_run_learnt_and_reached(setting):
    compare()
    found = result()
    run = found["arms"]["rlad"]["seeds"]["1"]
    assert run["learning"]["tokens"] == [1000, 2000, 3000, 4000, 5000]
    assert run["learning"]["solution_reward"] == pytest.approx([0.11, 0.21, 0.31, 0.41, 0.51])
    assert run["learning"]["validation_accuracy"] == [None, 0.04, None, 0.08, None]
    assert run["seconds"]["train"] == 12.5  # the steps' own, not the command's
    assert set(run["seconds"]) == {"train", "sweep"}
    assert run["final"]["brier"] == 0.2  # at T 1, of the trained model
    assert run["final"]["covered"] == {"4x1": 0.51, "8x1": 0.71, "4x4": 0.61}
    assert found["arms"]["base"]["seeds"]["0"]["learning"] == {}
    assert "calibration" not in found["arms"]["base"]["seeds"]["0"]
    assert found["summary"]["rlad"]["brier"]["by_seed"] == [0.2, 0.2]
    assert found["summary"]["base"]["gained"]["mean"] == pytest.approx(-0.1)
    html = Path("runs/trial/compare.html").read_text()
    assert "Reward, solution player" in html
    assert "plain-warmstart (reference)" in html
    assert "| rlad (focus) |" in Path("runs/trial/compare.md").read_text()


@pytest.mark.process
def test_one_seed_says_that_it_has_no_interval(setting):
    compare("seeds=[0]")
    assert result()["budgets"][0]["rows"][0]["pass_at_k_ci95"] is None
    assert "One seed only" in Path("runs/trial/compare.md").read_text()


@pytest.mark.process
def test_products_are_copied_where_they_are_committed(setting, capsys):
    compare("--out", "docs/results/trial")
    assert {path.name for path in Path("docs/results/trial").iterdir()} == set(command.PRODUCTS)
    page = Path("docs/results/trial/compare.md").read_text()
    assert "./launch.sh compare compare.yaml --out docs/results/trial" in page
    assert "plain-warmstart, plain sampling (reference)" in page
    assert "docs/results/trial/compare.png" in capsys.readouterr().out


@pytest.mark.process
def test_only_some_arms_and_seeds(setting):
    compare("--only", "rlad", "--seeds", "1")
    assert {line.split("/", 1)[1] for line in calls()} == {"trial/seed1/base", "trial/seed1/rlad"}
    assert result()["meta"]["seeds"] == [1]
    assert "seed 0 base" in result()["meta"]["missing"]
    with pytest.raises(PlainError, match="no arm 'rald'"):
        compare("--only", "rald")
    with pytest.raises(PlainError, match="no seed 7"):
        compare("--seeds", "7")


@pytest.mark.process
def test_a_failing_trial_ends_it_with_its_last_words_and_is_made_up_later(setting, monkeypatch):
    monkeypatch.setenv("FAKE_BROKEN", "solver-only")
    with pytest.raises(PlainError, match="exit code 3: something terrible happened"):
        compare("--seeds", "0")
    monkeypatch.delenv("FAKE_BROKEN")
    compare("--seeds", "0")
    assert calls().count("train runs/trial/seed0/rlad") == 1
    assert calls().count("train runs/trial/seed0/solver-only") == 2


@pytest.mark.process
def test_finished_trials_of_other_settings_are_never_mixed_in(setting):
    compare("--only", "rlad")
    with pytest.raises(PlainError, match="made with other settings"):
        compare("warmstart.steps=70")
    Path("run.yaml").write_text("# a comment changes nothing\ncotrain: {problems: 8}\n")
    compare("--only", "rlad")
    Path("run.yaml").write_text("cotrain: {problems: 16}\n")
    with pytest.raises(PlainError, match="made with other settings"):
        compare("--only", "rlad")


@pytest.mark.process
def test_measuring_otherwise_sweeps_again_and_trains_nothing_again(setting):
    compare("--only", "rlad", "--seeds", "0")
    before = calls()
    Path("run.yaml").write_text("cotrain: {problems: 8}\nsweep: {bootstrap: 100}\n")
    compare("--only", "rlad", "--seeds", "0")
    compare("sweep.iid_solutions=3", "--only", "rlad", "--seeds", "0")
    again = ["sweep runs/trial/seed0/base", "sweep runs/trial/seed0/rlad"]
    assert calls() == before + 2 * again


@pytest.mark.process
def test_arms_that_trained_too_little_are_not_compared(setting):
    compare("--only", "rlad", "--seeds", "0")
    Path("runs/trial/seed0/rlad/metrics.jsonl").write_text('{"step": 1, "tokens_generated_total": 4000}\n')
    with pytest.raises(PlainError, match="4,000 of 5,000"):
        compare("--only", "rlad", "--seeds", "0")


# ------------------------------------------------------------------------------------------ killed and resumed
def start(**environment):
    """The command as a fork of this process, which has imported what it needs; and what it prints."""
    reading, writing = os.pipe()

    def work():
        os.dup2(writing, 1)
        sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
        os.environ.update(environment)
        command.plot = show.plot  # as it is without the fixture
        main_guard(lambda: compare("--seeds", "0", "--only", "rlad"))

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    os.close(writing)
    return process, os.fdopen(reading)


def wait_for(condition, seconds=120.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.02)


METRICS = Path("runs/trial/seed0/rlad/metrics.jsonl")


def steps():
    return [json.loads(line)["step"] for line in METRICS.read_text().splitlines()] if METRICS.is_file() else []


@pytest.mark.process
def test_kill_9_leaves_an_orphan_that_the_resumed_comparison_waits_for(setting):
    process, _ = start(FAKE_SLOW="rlad")
    wait_for(lambda: len(steps()) == 2)
    process.kill()
    process.join()
    again, printed = start()
    lines = []
    while not lines or "waits for an earlier process" not in lines[-1]:
        lines.append(printed.readline())
        assert lines[-1], lines
    Path("go").touch()
    output = printed.read()
    again.join(120)
    assert again.exitcode == 0
    assert "warmstart was finished earlier" in "".join(lines)
    assert "train done" in output
    assert steps() == [1, 2, 3, 4, 5]  # two trainers at once would have written some twice
    assert calls().count("warmstart runs/trial/seed0/base") == 1
    assert Path("runs/trial/compare.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.process
def test_stopping_it_ends_what_it_started(setting):
    process, _ = start(FAKE_SLOW="rlad")
    wait_for(lambda: len(steps()) == 2)
    process.terminate()
    process.join(120)
    assert process.exitcode == 130
    Path("go").touch()
    time.sleep(0.5)
    assert steps() == [1, 2]  # nobody was left to see the file
    compare("--only", "rlad", "--seeds", "0")
    assert steps() == [1, 2, 3, 4, 5]


def test_one_that_waits_for_another_can_be_stopped(setting):
    trial, said = trials.plan(load_compare("compare.yaml"), VERBS)[0], []
    stopped = pytest.raises(PlainError, match="was stopped")
    with trial.alone(print), stopped, trial.alone(said.append, lambda: bool(said)):
        raise AssertionError("two processes in one folder")
    assert "waits for an earlier process" in said[0]
    with trial.alone(said.append):
        assert len(said) == 1


# ------------------------------------------------------------------------------------------ bad input
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("focus: rlad", "focus: rald"), "none of its arms"),
        (("seeds: [0, 1]", "seeds: []"), "at least one seed"),
        (("seeds: [0, 1]", "seeds: [a]"), "seeds"),
        (("max_tokens: 5000\n", ""), "'max_tokens' must be given"),
        (("max_tokens: 5000", "max_token: 5000"), "nearest known key is 'max_tokens'"),
        (("max_tokens: 5000", "max_tokens: 0"), "above 0"),
        (("max_tokens: 5000", "max_tokens: 5000\njobs: -1"), "as many as the cores hold"),
        (("cotrain.one_pass=true", "both.los=gspo"), "nearest known key is 'abstraction.lo"),
        (("base: run.yaml", "base: nowhere.yaml"), "no configuration file 'nowhere.yaml'"),
        (("start: own", "start: elsewhere"), "starts from 'elsewhere'"),
        (("start: own, train", "train"), "would be the base itself"),
        (("cotrain.one_pass=true", "cotrain.one_bass=true"), "Arm 'one-pass': Unknown configuration key"),
        (("name: trial", "name: [trial"), "not valid YAML"),
    ],
)
def test_bad_comparisons_are_refused_in_one_sentence(setting, change, sentence):
    Path("compare.yaml").write_text(Path("compare.yaml").read_text().replace(*change))
    with pytest.raises(ConfigError) as refused:
        load_compare("compare.yaml")
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
    assert calls() == []


CONFIGS = FAKE.parents[3] / "configs"
COMPARISONS = sorted(path.name for path in CONFIGS.glob("*.yaml") if "\narms:" in path.read_text())


@pytest.mark.parametrize("file", COMPARISONS)
def test_every_arm_of_every_shipped_comparison_can_be_run(monkeypatch, file):
    monkeypatch.chdir(FAKE.parents[3])
    config = load_compare(f"configs/{file}")  # refuses an arm that the run's own validation refuses
    changed = {arm: run_config(config, arm, config.seeds[-1]) for arm in config.arms}
    assert all(run.cotrain.max_tokens == config.max_tokens for arm, run in changed.items() if config.arms[arm].train)
    assert all("rows" in describe(run, Placement(slots=(run.launch.ranks,))) for run in changed.values())
    problems = run_config(config, config.focus, config.seeds[0]).problems
    assert len(load_problems(problems, "train")) == problems.train  # a world can be too small
    alike = [replace(run, name="") for run in changed.values()]
    assert all(one != other for i, one in enumerate(alike) for other in alike[:i])  # no arm twice


def test_the_study_has_what_its_losses_need_to_differ(monkeypatch):
    monkeypatch.chdir(FAKE.parents[3])
    config = load_compare("configs/study-entropy.yaml")
    assert len(config.arms) >= 12
    assert len(config.seeds) >= 3
    assert len(Path("configs/study-entropy.yaml").read_text().splitlines()) <= 70
    runs = {arm: run_config(config, arm, 0) for arm in config.arms}
    assert all(run.problems.source == "countdown" for run in runs.values())
    assert all(run.cotrain.updates_per_rollout >= 2 for run in runs.values())
    assert all(run.abstraction.loss == run.solution.loss for run in runs.values())
    assert runs["ppo-clip"].solution.of("ppo_clip") == ClipKeys(clip_low=0.2, clip_high=0.2)
    # A confidence is words of its own: that base cannot be shared. Refinements are shown to every base.
    assert {arm for arm in config.arms if config.arms[arm].start == "own"} == {"rlcr"}
    assert runs["ppo-clip"].warmstart.mixture.refine > 0
    assert page.chart_groups({"meta": as_dict(config), "arms": config.arms})[0][0] == "clip bounds"


def test_the_shipped_comparison_can_be_run(monkeypatch):
    monkeypatch.chdir(FAKE.parents[3])
    config = load_compare("configs/compare.yaml")
    assert len(config.seeds) >= 3
    sets, credit = {"solver-only-set", "one-pass-set"}, {"by-problem", "adaptive", "vote", "belief"}
    assert set(config.arms) == {"rlad", "rlad-published", "solver-only", "one-pass", "plain-warmstart"} | sets | credit
    assert {arm for arm in config.arms if config.arms[arm].group == "credit"} == credit
    run = {arm: run_config(config, arm, 0) for arm in config.arms}
    assert run["rlad"].cotrain.abstractions > 0
    assert run["solver-only"].cotrain.abstractions == run["one-pass"].cotrain.abstractions == 0
    assert run["one-pass"].cotrain.one_pass
    assert not run["solver-only"].cotrain.one_pass
    assert len({run[arm].cotrain.max_tokens for arm in ("rlad", "solver-only", "one-pass")}) == 1
    published = run["rlad-published"].cotrain
    assert (published.set_credit, published.adherence) == (0, False) and run["rlad"].cotrain.set_credit > 0
    for arm in ("solver-only", "one-pass"):  # the rivals' own objective is all that their second arm changes
        paid = run[f"{arm}-set"]
        assert paid.solution.advantage == "pass_at_k" and paid.solution.of("pass_at_k").k == 8
        paid.solution.advantage = run[arm].solution.advantage
        paid.solution.methods = run[arm].solution.methods
        assert replace(paid, name=arm) == run[arm]
    plain = run["plain-warmstart"].warmstart
    assert (plain.mixture.propose, plain.mixture.guided, plain.mixture.one_pass) == (0, 0, 0)
    assert (plain.steps, plain.batch) == (run["rlad"].warmstart.steps, run["rlad"].warmstart.batch)


def test_words_change_the_comparison_or_all_its_runs(setting):
    config = load_compare("compare.yaml", ["seeds=[4]", "warmstart.steps=50"])
    assert config.seeds == [4]
    run = run_config(config, "solver-only", 4)
    assert (run.warmstart.steps, run.seed, run.problems.seed, run.cotrain.abstractions) == (50, 4, 4, 0)
    assert (run.cotrain.max_tokens, run.runs_dir, run.name) == (5000, "runs/trial/seed4", "solver-only")


def test_as_many_jobs_as_the_cores_hold(setting):
    config = load_compare("compare.yaml", ["jobs=0", "launch.ranks=2", "launch.threads_per_rank=2"])
    run = run_config(config, "rlad", 0)
    assert [jobs_of(config, run, cores) for cores in (2, 4, 15)] == [1, 1, 3]
    assert jobs_of(load_compare("compare.yaml", ["jobs=5"]), run, 2) == 5
