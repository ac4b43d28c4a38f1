"""Variance between samples along a training, by hand: two checkpoints of four problems, and what is refused."""

import doctest
import json
import shutil

import pytest
import simulated_jobs

from evals.collapse import __main__ as command
from evals.collapse import changes, points, spread
from evals.samples.trees import NAME, Condition, Draws, Grown, Guided, Sampled, Samples
from evals.sweep import sweep_run
from rlad.cli import PlainError
from rlad.config import ConfigError, load_config, save_config
from rlad.problems import load_problems

WORDS = ["sweep.grid=[[2,1]]", "sweep.select=[majority]", "sweep.bootstrap=200", "sweep.plain_temperatures=[1.0]"]


def samples(answers, tokens):
    """Solutions that give these answers; 0 is right."""
    count, verdicts = len(answers), ["incorrect" if answer else "correct" for answer in answers]
    logprobs = [-1.0] * count
    return Samples([f"s{i}" for i in range(count)], [tokens] * count, logprobs, verdicts, answers, logprobs)


def grown(answers, draws):
    """A solution of 8 tokens under each of some abstractions of 2 tokens, in this order of drawing."""
    branches = [Guided(f"z{i}", False, samples([answer], 8)) for i, answer in enumerate(answers)]
    return Grown(Draws([f"z{i}" for i in draws], [2] * len(draws), list(draws), [-1.0] * len(draws)), branches)


BASE = {"plain": [[0, 1, 0, 1], [0, 0, 1, 1], [1, 1, 0, 1], [1, 1, 1, 1]], "distinct": [[0, 1], [1, 0], [1, 1], [0, 0]]}
LAST = {"plain": [[0, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1]], "distinct": [[0], [0], [1], [0]]}
"""Answers of four problems: four plain samples, and one under each abstraction; at the end both draws are the same."""


def conditions(checkpoint, of):
    label = "base" if checkpoint == "warmstart" else "co-trained"
    return {
        Condition(checkpoint, label, "plain", 1.0): [samples(row, 5) for row in of["plain"]],
        Condition(checkpoint, label, "distinct", 0.3, depth=(1, 1)): [
            grown(row, [0, 1] if len(row) == 2 else [0, 0]) for row in of["distinct"]
        ],
    }


@pytest.fixture
def run(tmp_path):
    """A run of 20 steps that was swept with its base, and an export of step 10 that is as the base."""
    config = load_config(None, [f"runs_dir={tmp_path}", "name=run", *WORDS])
    folder, export = tmp_path / "run", tmp_path / "run" / "exports" / "step_00010"
    export.mkdir(parents=True)
    problems = {"test": load_problems(config.problems, "test")[:4]}
    for place, kept in (
        (folder, conditions("warmstart", BASE) | conditions("cotrained", LAST)),
        (export, conditions("cotrained", BASE)),
    ):
        save_config(config, place / "config.yaml")
        Sampled(problems, kept).write(place / NAME)
    rows = [{"step": s, "abstraction": {"entropy": 1.0}, "solution": {"entropy": (20 - s) / 20}} for s in range(1, 21)]
    rows[0]["abstraction"] = {"reward": 0.0}  # nothing to learn from
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_worked_examples_in_docstrings():
    for module in (changes, points, spread):
        assert doctest.testmod(module).failed == 0


def test_a_training_that_buys_single_answers_with_variance_by_hand(run, capsys):
    """Base: 2, 2, 1 and 0 of four are right, so variances 1/3, 1/3, 1/4 and 0; 2 x 1 costs 2 + 2 + 8 + 8 = 20 tokens,
    four plain samples too. At the end all or none of a problem's samples are right, and one abstraction is left: 2 + 2
    + 8 = 12 tokens, to which the others are held: 2.4 plain samples, and of the base a mixture of 1 x 1 and 2 x 1."""
    command.main([str(run)])
    found = json.loads((run / "collapse.json").read_text())
    assert (found["tokens"], found["samples"], found["temperature"], found["problems"]) == (12, 4, 1, 4)
    base, middle, last = found["points"]
    assert [row["step"] for row in (base, middle, last)] == [0, 10, 20]
    assert base["plain"]["pass_at_1"] == 5 / 16
    assert base["plain"]["variance"] == pytest.approx((1 / 3 + 1 / 3 + 1 / 4) / 4, abs=1e-5)
    assert base["plain"]["within"] == pytest.approx((11 / 48) / (5 / 16 * 11 / 16), abs=1e-5)
    assert (base["plain"]["all_right"], base["plain"]["all_wrong"]) == (0, 0.25)
    assert (last["plain"]["pass_at_1"], last["plain"]["variance"], last["plain"]["all_right"]) == (0.5, 0, 0.5)
    # pass@2 of 2, 2, 1, 0 in four: 5/6, 5/6, 1/2, 0; pass@3: 1, 1, 3/4, 0; at 2.4 samples between them
    two, three = (5 / 6 + 5 / 6 + 1 / 2) / 4, (1 + 1 + 3 / 4) / 4
    assert base["plain"]["covered"] == pytest.approx(0.6 * two + 0.4 * three, abs=1e-5)
    assert last["plain"]["covered"] == last["plain"]["selected"] == 0.5
    assert (base["breadth"]["pass_at_1"], base["breadth"]["variance"]) == (0.5, 0.25)  # of two solutions 1/2, 1/2, 0, 0
    # 1 x 1 covers 2 of 4 for 10 tokens, 2 x 1 covers 3 of 4 for 20: at 12 a fifth of the problems has the latter
    assert base["breadth"]["covered"] == pytest.approx(0.5 + 0.25 / 5, abs=1e-5)
    assert last["breadth"]["covered"] == 0.75 and last["breadth"]["variance"] == 0
    assert (base["distinct"], last["distinct"]) == (1, 0.5)
    assert base["entropy"] == {"abstraction": 1, "solution": 0.95}
    assert last["entropy"]["solution"] == pytest.approx((4 + 3 + 2 + 1 + 0) / 100)  # the last five steps
    assert middle["plain"] == base["plain"] and middle["entropy"]["solution"] == pytest.approx(0.6)
    gap = found["changes"]["plain_variance"]
    assert gap["difference"] == pytest.approx(-11 / 48, abs=1e-5) and gap["ci95"][1] < 0
    assert found["verdict"][1].startswith("plain: variance between samples fell without a gain in pass@1; coverage")
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines()[:-1])) <= 80 and "What training leaves to test time, 4 problems" in printed
    assert (run / "plots" / "collapse.png").stat().st_size > 10_000


def test_what_cannot_be_compared_is_refused(run):
    for name in (run / NAME, run / "exports" / "step_00010" / NAME):
        kept = name.read_text()
        first, rest = kept.split("\n", 1)
        name.write_text(json.dumps(json.loads(first) | {"question": "another"}) + "\n" + rest)
        with pytest.raises(PlainError, match="different problems"):
            command.collapse_of(str(run))
        name.write_text(kept)
    (run / NAME).unlink()
    with pytest.raises(PlainError, match="has the sweeps of 1 of its checkpoints, and two are needed"):
        command.collapse_of(str(run))
    with pytest.raises(ConfigError, match="There is no run folder"):
        command.collapse_of(str(run / "nowhere"))


def test_a_configuration_means_its_runs_folder_and_a_copy_of_an_export_is_none(run, tmp_path):
    shutil.copytree(run / "exports" / "step_00010", run / "exports" / "step_00010.old")
    shutil.copy(run / "config.yaml", tmp_path / "mine.yaml")
    command.main([str(tmp_path / "mine.yaml")])
    assert [row["step"] for row in json.loads((run / "collapse.json").read_text())["points"]] == [0, 10, 20]


def test_a_solver_alone_is_followed_too(run):
    for name in (run / NAME, run / "exports" / "step_00010" / NAME):
        lines = [json.loads(line) for line in name.read_text().splitlines()]
        for line in lines:
            line["trees"] = [one for one in line["trees"] if one["mode"] == "plain"]
        name.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = command.collapse_of(str(run))
    assert found["tokens"] == 20 and "breadth" not in found["points"][0] and len(found["verdict"]) == 1


def test_a_sweep_of_some_checkpoints_leaves_the_others_out(tmp_path, monkeypatch):
    done = simulated_jobs.simulate(monkeypatch)
    folder = simulated_jobs.run_folder(tmp_path / "run", "sweep.checkpoints=[cotrained]")
    found = sweep_run(str(folder))
    assert {row["checkpoint"] for row in found["cells"]} == {"cotrained"} and found["selection"] is not None
    assert {pair.checkpoint for _, _, _, pair, *_ in done} == {"cotrained"}
    other = simulated_jobs.run_folder(tmp_path / "other", "sweep.checkpoints=[pretrained]")
    with pytest.raises(
        ConfigError, match=r"sweep.checkpoints=\[pretrained\] names no model .* it has warmstart, cotrained"
    ):
        sweep_run(str(other))
