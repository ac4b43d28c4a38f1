"""A model with dropout co-trains: its samplers agree with it, and what was switched off is said."""

import json

import pytest
from gpt2_here import save_gpt2
from two_ranks import SMALL

from rlad.config import load_config, save_config
from trainers.launching.command import main

pytestmark = pytest.mark.ranks


def test_gpt2_trains_two_steps_in_agreement_with_its_samplers(tmp_path, ranks, capsys):
    base, folder = save_gpt2(tmp_path / "gpt2"), tmp_path / "r"
    words = [word for word in SMALL if not word.startswith("base.")]
    words += [f"base.path={base}", f"runs_dir={tmp_path}", "name=r", "cotrain.steps=2", "cotrain.updates_per_rollout=2"]
    folder.mkdir()
    save_config(load_config(None, words), folder / "config.yaml")
    assert main(["train", str(folder), "--dry-run"]) == 0
    told = capsys.readouterr().out + ranks.run("runs_program.py", "train", str(folder))
    assert told.count(f"The dropout of '{base}'") == 1 and "attn_pdrop=0.1" in told
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [row["solution"]["updated"] for row in rows] == [1, 1]
    assert all(0 <= row["parity"] < 1e-4 for row in rows)
