"""A package outside the project, installed beside it: its loss, reward, world and rule train and sweep on two ranks."""

import json
import pickle
import random
import shutil
from dataclasses import replace

import pytest
import yaml
from simulated_jobs import InThisProcess
from two_ranks import ROOT, SMALL
from voted import voted

from evals.samples import workers
from evals.sweep import sweep_run
from rlad.config import ConfigError, load_config, save_config
from rlad.generation import Completion
from rlad.players.policy import format_tokens, load_tokenizer, make_prompts
from rlad.players.roles import role_of
from rlad.problems import load_problems, world_of
from rlad.selection import Candidate, select
from trainers.launching.command import main

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


@pytest.mark.ranks
def test_a_package_of_ones_own_trains_and_sweeps(tmp_path, ranks, monkeypatch):
    shutil.copytree(PACKAGE, tmp_path / "my_pkg")
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / "own"
    folder.mkdir()
    save_config(load_config(None, [*SMALL, *WORDS, f"runs_dir={tmp_path}", "name=own"]), folder / "config.yaml")
    assert main(["train", str(folder), "--dry-run"]) == 0
    ranks.run("runs_program.py", "warmstart", str(folder), "train", str(folder))
    rows = [json.loads(line) for line in (tmp_path / "own" / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2]
    assert all(row["solution"]["size"] >= 0 and row["rewards"]["words"] > 0 for row in rows)
    written = yaml.safe_load((tmp_path / "own" / "config.yaml").read_text())
    assert (written["problems"]["sums"], written["solution"]["reinforce"]) == ({"largest": 25}, {"scale": 0.5})
    monkeypatch.setattr(workers, "ProcessPoolExecutor", InThisProcess)
    sweep_run(str(folder))
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


def test_a_role_of_ones_own_reads_trees_is_paid_and_warmed_up(tmp_path, monkeypatch):
    shutil.copytree(PACKAGE, tmp_path / "my_pkg")
    monkeypatch.syspath_prepend(tmp_path)
    run = load_config(None, ["roles=[abstraction,solution,my_pkg.roles:Referee]", "referee.lr=3e-5"])
    assert (run.players["referee"].lr, run.players["referee"].max_new_tokens) == (3e-5, 4)
    referee = role_of("my_pkg.roles:Referee")
    prompts = make_prompts(load_tokenizer(run.base, run.problems, format_tokens(run)), run)
    trees = [voted([(0.5, ["1"]), (0.5, ["1"])]), voted([(0.9, ["2"])]), voted([(1.0, [None])])]
    asked = []

    def says_right(rows):
        asked.extend(prompts.decode(row) for row in rows)
        return [Completion(tuple(prompts.completion_ids("1")), (), "stop", 0) for _ in rows]

    referee.act(trees, prompts, says_right, run)
    assert len(asked) == 2 * run.cotrain.selections and asked[0].endswith("<sep> 1 <sep>")
    rewards = [[sample.reward for group in referee.groups(tree, None) for sample in group.samples] for tree in trees]
    assert rewards == [[1.0] * 4, [0.0] * 4, []]
    world, (problem,) = world_of(run.problems), load_problems(replace(run.problems, train=1), "train")
    shown = referee.demonstrate("approve", problem, world, lambda *_: True, random.Random(0))
    assert shown.world == "1" and shown.parts["answer"] != "?"
