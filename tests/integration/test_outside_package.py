"""A package outside the project, installed beside it: its loss, reward, world and rule train and sweep on two ranks."""

import json
import os
import pickle
import shutil
import subprocess
import sys

import pytest
import yaml
from two_ranks import ROOT, SMALL, environment

from rlad.config import ConfigError, load_config
from rlad.selection import Candidate, select

PACKAGE = ROOT / "tests" / "integration" / "outside"
WORDS = [
    "problems.source=my_pkg.world:Sums",
    "problems.sums.largest=25",
    "solution.loss=my_pkg.losses:reinforce",
    "solution.reinforce.scale=0.5",
    "abstraction.reward=my_pkg.rewards:brevity",
    "abstraction.brevity.price=0.2",
    "sweep.select=[majority,my_pkg.rules:first]",
    "cotrain.steps=2",
    *("sweep.problems=4", "sweep.grid=[[2, 1]]", "sweep.plain_samples=2", "sweep.plain_temperatures=[1.0]"),
    *("sweep.iid_abstractions=2", "sweep.iid_solutions=2", "sweep.bootstrap=50"),
]


def run(path, module, *words):
    env = environment()
    env["PYTHONPATH"] = f"{env['PYTHONPATH']}{os.pathsep}{path}"
    command = [sys.executable, "-m", module, *words]
    done = subprocess.run(command, cwd=path, env=env, capture_output=True, text=True, timeout=900)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.ranks
def test_a_package_of_ones_own_trains_and_sweeps(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "my_pkg")
    words = [*SMALL, *WORDS, f"runs_dir={tmp_path}", "name=own"]
    (tmp_path / "empty.yaml").write_text("{}\n")
    for verb in ("warmstart", "train"):
        code, output = run(tmp_path, "trainers.launching", verb, "empty.yaml", *words)
        assert code == 0, output[-4000:]
    rows = [json.loads(line) for line in (tmp_path / "own" / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2]
    assert all(row["solution"]["size"] >= 0 and row["rewards"]["words"] > 0 for row in rows)
    written = yaml.safe_load((tmp_path / "own" / "config.yaml").read_text())
    assert (written["problems"]["sums"], written["solution"]["reinforce"]) == ({"largest": 25}, {"scale": 0.5})
    code, output = run(tmp_path, "evals.sweep", str(tmp_path / "own"), "launch.ranks=1")
    assert code == 0, output[-4000:]
    cells = json.loads((tmp_path / "own" / "sweep.json").read_text())["cells"]
    assert "my_pkg.rules:first" in {cell["select"] for cell in cells}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["solution.loss=my_pkg.losses:reinfroce"], "solution.loss='my_pkg.losses:reinfroce' cannot be imported: "),
        (["solution.loss=my_pkg.losses:reinforce", "solution.reinforce.scale=0"], "scale=0.0 is out of range"),
        (["solution.loss=my_pkg.losses:reinforce", "solution.reinforce.sclae=1"], "Unknown configuration key"),
        (["solution.reward=my_pkg.rewards:brevity"], "is made for another player (abstraction)"),
        (["solution.loss=my_pkg.rules:first"], "is not declared as one of the losses"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(tmp_path, monkeypatch, words, sentence):
    shutil.copytree(PACKAGE, tmp_path / "my_pkg")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError) as refused:
        load_config(None, words)
    assert sentence in str(refused.value) and "\n" not in str(refused.value)


def test_a_rule_of_ones_own_selects(tmp_path, monkeypatch):
    shutil.copytree(PACKAGE, tmp_path / "my_pkg")
    monkeypatch.syspath_prepend(tmp_path)
    drawn = [Candidate("A"), Candidate("B"), Candidate("B")]
    assert select("my_pkg.rules:first", drawn) == 0
    run = load_config(None, ["sweep.select=[my_pkg.rules:first]", "solution.loss=my_pkg.losses:reinforce"])
    assert pickle.loads(pickle.dumps(run)) == run  # as worker processes get it
