"""A model with dropout co-trains: its samplers agree with it, and what was switched off is said."""

import json
import subprocess
import sys

import pytest
from gpt2_here import save_gpt2
from two_ranks import ROOT, SMALL, environment

pytestmark = pytest.mark.ranks


def test_gpt2_trains_two_steps_in_agreement_with_its_samplers(tmp_path):
    base = save_gpt2(tmp_path / "gpt2")
    words = [word for word in SMALL if not word.startswith("base.")]
    words += [f"base.path={base}", f"runs_dir={tmp_path}", "name=r", "cotrain.steps=2", "cotrain.updates_per_rollout=2"]
    (tmp_path / "config.yaml").write_text("")
    command = [sys.executable, "-m", "trainers.launching", "train", str(tmp_path / "config.yaml"), *words]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert done.stdout.count(f"The dropout of '{base}'") == 1 and "attn_pdrop=0.1" in done.stdout
    rows = [json.loads(line) for line in (tmp_path / "r" / "metrics.jsonl").read_text().splitlines()]
    assert [row["solution"]["updated"] for row in rows] == [1, 1]
    assert all(0 <= row["parity"] < 1e-4 for row in rows)
