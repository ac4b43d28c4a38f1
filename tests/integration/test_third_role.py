"""A third player beside the pair: the selector on two real ranks, through a checkpoint."""

import json
import shutil

import pytest
from safetensors.torch import load_file
from two_ranks import SMALL

from rlad.config import load_config, save_config
from trainers.launching.command import main

pytestmark = pytest.mark.ranks

TRIO = [
    "roles=[abstraction, solution, selector]",
    *("warmstart.mixture.select=0.2", "warmstart.steps=200", "warmstart.warmup=10", "warmstart.batch=32"),
    *(
        "cotrain.selections=3",
        "cotrain.samples_every=1",
        "cotrain.checkpoint_every=1",
        "solution.max_new_tokens=30",
        "selector.max_new_tokens=4",
        "selector.entropy_coef=0.01",
    ),
]


def metrics(folder):
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def test_the_selector_trains_and_goes_on_bit_for_bit_from_a_checkpoint(tmp_path, ranks):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    words = [f"runs_dir={tmp_path}", "name=whole", "cotrain.steps=2", *SMALL, *TRIO]
    save_config(load_config(None, words), whole / "config.yaml")
    ranks.run("runs_program.py", "warmstart", str(whole))
    assert "select" in json.loads((whole / "warmstart.jsonl").read_text().splitlines()[-1])["loss_by_task"]
    shutil.copytree(whole, broken)
    halves = [["train", str(broken), "name=broken", f"cotrain.steps={steps}"] for steps in (1, 2)]
    assert main([*halves[1], "--dry-run"]) == 0
    output = ranks.run("runs_program.py", "train", str(whole), *halves[0], *halves[1])
    assert "π_sel reward" in output
    rows = metrics(whole)
    assert rows == metrics(broken) and len(rows) == 2
    chosen = [
        row["selector"] for row in rows if row["selector"]["updated"]
    ]  # a tree with one answer asks nothing of it
    assert chosen and all(0 <= one["reward"] <= 1 and one["length"] > 0 for one in chosen)
    before = load_file(whole / "base" / "model.safetensors")
    for role in ("abstraction", "solution", "selector"):
        first, second = (load_file(folder / "export" / role / "model.safetensors") for folder in (whole, broken))
        assert all((first[name] == second[name]).all() for name in first)
        assert any((first[name] != before[name]).any() for name in first), f"the {role} player did not move"
    assert (whole / "checkpoints" / "latest" / "selector").is_dir()
    trees = [json.loads(line) for line in (whole / "samples.jsonl").read_text().splitlines()]
    assert all(set(text) == {"text", "correct"} for tree in trees for text in tree.get("selector", []))
