"""A third player beside the pair: the selector on two real ranks, through a checkpoint."""

import json
import shutil

import pytest
from safetensors.torch import load_file
from two_ranks import SMALL
from warm_base import EASY, TRIO, give

from evals.samples.choosing import choose_job
from evals.samples.trees import ModelPair
from evals.samples.workers import distinct_job
from rlad.config import load_config, save_config
from rlad.problems import load_problems
from trainers.launching.command import main

pytestmark = pytest.mark.ranks

WORDS = [*SMALL, *EASY, *TRIO, "cotrain.steps=2", "cotrain.selections=3", "cotrain.samples_every=1"]
WORDS += ["cotrain.checkpoint_every=1", "selector.max_new_tokens=4", "selector.entropy_coef=0.01"]


def metrics(folder):
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name not in ("seconds", "overlapped")} for row in rows]


def chosen_by(export):
    """Tokens with which the exported selector chooses among the answers of a few trees of the exported pair."""
    run = load_config(export.parent / "config.yaml", ["sweep.grid=[[4,1]]"])
    pair = ModelPair(
        "cotrained", "co-trained", str(export / "abstraction"), str(export / "solution"), "plain",
        (("selector", str(export / "selector")),),
    )  # fmt: skip
    problems = load_problems(run.problems, "test")[:4]
    choices = choose_job(run, problems, 1, pair, "selector", distinct_job(run, problems, 1, pair, 1.0))
    return sum(sum(one.tokens) for one in choices)


def test_the_selector_trains_and_goes_on_bit_for_bit_from_a_checkpoint(tmp_path, ranks):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    save_config(load_config(None, [f"runs_dir={tmp_path}", "name=whole", *WORDS]), whole / "config.yaml")
    give(whole)
    shutil.copytree(whole, broken, symlinks=True)
    halves = [["train", str(broken), "name=broken", f"cotrain.steps={steps}"] for steps in (1, 2)]
    assert main([*halves[1], "--dry-run"]) == 0
    output = ranks.run("runs_program.py", "train", str(whole), *halves[0], *halves[1])
    assert "π_sel reward" in output
    rows = metrics(whole)
    assert rows == metrics(broken) and len(rows) == 2
    # A tree with one answer asks nothing of it.
    chosen = [row["selector"] for row in rows if row["selector"]["updated"]]
    assert chosen and all(0 <= one["reward"] <= 1 and one["length"] > 0 for one in chosen)
    before = load_file(whole / "base" / "model.safetensors")
    for role in ("abstraction", "solution", "selector"):
        first, second = (load_file(folder / "export" / role / "model.safetensors") for folder in (whole, broken))
        assert all((first[name] == second[name]).all() for name in first)
        assert any((first[name] != before[name]).any() for name in first), f"the {role} player did not move"
    assert (whole / "checkpoints" / "latest" / "selector").is_dir()
    trees = [json.loads(line) for line in (whole / "samples.jsonl").read_text().splitlines()]
    assert all(set(text) == {"text", "correct"} for tree in trees for text in tree.get("selector", []))
    assert chosen_by(whole / "export"), "the exported player is asked in a sweep"
