"""The selected answer of every arm by its own rule: measured from kept trees and paired with the focus."""

import json
from pathlib import Path

import pytest
import simulated_jobs

from evals import sweep
from evals.compare import answers
from evals.compare.config import load_compare
from evals.compare.show import answer_lines, tables
from evals.compare.trials import plan
from evals.samples.trees import NAME, ModelPair

PAIRS = {
    "base": [ModelPair("warmstart", "base", "models/base", "models/base", "plain")],
    "rlad": [ModelPair("cotrained", "co-trained", "models/abstraction", "models/solution", "plain")],
    "one-pass": [ModelPair("cotrained", "one-pass RL", None, "models/solution", "one_pass")],
}


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A comparison of two seeds whose arms have been swept without models; its file's configuration and trials."""
    folder = tmp_path_factory.mktemp("compared")
    (folder / "run.yaml").write_text("cotrain: {problems: 8}\n")
    (folder / "compare.yaml").write_text(
        f"name: trial\nbase: {folder}/run.yaml\nfocus: rlad\nseeds: [0, 1]\nmax_tokens: 5000\nruns_dir: {folder}/runs\n"
        f"overrides: {json.dumps([*simulated_jobs.WORDS, 'sweep.guided_temperatures=[]', 'sweep.plain_samples=12'])}\n"
        "arms:\n  rlad: {}\n  one-pass: {overrides: [cotrain.abstractions=0, cotrain.one_pass=true]}\n"
    )
    config = load_compare(folder / "compare.yaml")
    trials = {trial.key: trial for trial in plan(config)}
    with pytest.MonkeyPatch.context() as patch:
        simulated_jobs.simulate(patch)
        for trial in trials.values():
            trial.folder.mkdir(parents=True)
            patch.setattr("evals.sweep.pairs_of", lambda run, folder, arm=trial.arm: PAIRS[arm])
            stage = trial.stages[-1]
            sweep.main(stage.command[3:])
            trial.record(stage, 1.0)
    return config, trials


def answered(config, trials, arms):
    """The rows at the tokens of the focus arm's largest cell."""
    cells = {s: json.loads((trials[s, "rlad"].folder / "sweep.json").read_text())["cells"] for s in config.seeds}
    budgets = {s: max(cell["tokens_per_problem"] for cell in own if cell["n"]) for s, own in cells.items()}
    return answers.answers(config, arms, trials, budgets)


def test_every_arm_has_its_own_rule_and_is_paired_with_the_focus(swept):
    config, trials = swept
    rows = answered(config, trials, ["rlad", "one-pass", "base"])
    ways = {(row["arm"], row["way"]): row for row in rows}
    assert set(ways) == {(arm, way) for arm in ("rlad", "base") for way in ("abstractions", "plain")} | {
        ("one-pass", "one-pass")
    }
    own = ways["rlad", "abstractions"]
    assert own["difference_by_seed"] == [0, 0] and len(own["rules"]) == 2
    for row in rows:
        gaps = [a - b for a, b in zip(own["right_by_seed"], row["right_by_seed"], strict=True)]
        assert row["difference_by_seed"] == pytest.approx(gaps, abs=2e-4)
        assert row["tokens"] == pytest.approx(own["tokens"], rel=0.25 if row["way"] == "abstractions" else 0.01)
    assert {*ways["one-pass", "one-pass"]["temperatures"]} <= {0.7, 1.0}


def test_a_solver_alone_chooses_on_validation_problems_too(swept):
    _, trials = swept
    lines = (trials[0, "one-pass"].folder / NAME).read_text().splitlines()
    assert [json.loads(line)["split"] for line in lines] == ["test"] * 11 + ["validation"] * 5


def test_nothing_is_measured_twice_until_it_is_swept_anew(swept, monkeypatch):
    config, trials = swept
    first = answered(config, trials, ["rlad", "base"])
    measured = []
    real = answers.cells_of
    monkeypatch.setattr(answers, "cells_of", lambda *rest: measured.append(1) or real(*rest))
    assert answered(config, trials, ["rlad", "base"]) == first and not measured
    kept = trials[0, "base"].folder / answers.NAME
    kept.write_text(kept.read_text().replace('"budget"', '"other"'))
    assert answered(config, trials, ["rlad", "base"]) == first and measured == [1]


def test_what_cannot_be_said_is_left_out(swept, tmp_path):
    config, trials = swept
    gone = Path(trials[1, "one-pass"].folder / NAME)
    gone.rename(tmp_path / NAME)
    try:
        assert {row["arm"] for row in answered(config, trials, ["rlad", "one-pass"])} == {"rlad"}
    finally:
        (tmp_path / NAME).rename(gone)
    own = trials[1, "rlad"].folder / NAME
    own.rename(tmp_path / NAME)
    try:
        assert answered(config, trials, ["rlad", "base"]) == []
    finally:
        (tmp_path / NAME).rename(own)


def test_tables_name_rule_and_temperature(swept):
    config, trials = swept
    result = {
        "meta": {"name": "trial", "focus": "rlad", "seeds": [0, 1], "missing": []},
        "arms": {
            arm: {"reference": False, "description": "", "seeds": {"0": {"warmstart_tokens": 1, "training_tokens": 1}}}
            for arm in ("rlad", "base")
        },
        "budgets": [],
        "answers": answered(config, trials, ["rlad", "base"]),
    }
    own = next(line for line in answer_lines(result) if line[0] == "rlad, with abstractions")
    assert own[3] == "" and own[1].split()[0] in ("majority", "proposer", "unguided")
    assert len(tables(result)) == 1
    assert not answer_lines({"answers": []})
