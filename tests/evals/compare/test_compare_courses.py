"""Comparisons that are judged by their trainings: what runs, what is told, and the two that are shipped."""

import json
import sys
from pathlib import Path

import pytest

from evals.compare import __main__ as command
from evals.compare.config import load_compare, run_config
from rlad.config import ConfigError

FAKE = Path(__file__).parent / "fake_commands.py"
VERBS = {verb: [sys.executable, "-I", "-S", str(FAKE), verb] for verb in ("warmstart", "train")}
COMPARISON = """
name: trial
base: run.yaml
focus: rlad
seeds: [0, 1]
max_tokens: 90_000
judged_by: training
arms:
  rlad: {description: both players}
  solver-only: {description: one player, overrides: [cotrain.abstractions=0]}
  still: {start: own, train: false}
"""


@pytest.fixture
def setting(tmp_path, monkeypatch):
    """A comparison's file in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "calls"))
    monkeypatch.setattr("evals.dynamics.products.plot", lambda records, path: path)
    Path("run.yaml").write_text("cotrain: {problems: 8}\n")
    Path("compare.yaml").write_text(COMPARISON)


def compare(*words):
    return command.main(["compare.yaml", *words], VERBS)


@pytest.mark.process
def test_nothing_is_swept_and_every_finished_training_is_told(setting, capsys):
    """An arm that does not train has no course."""
    with pytest.raises(ConfigError, match="'still' does not train, and judged_by=training"):
        compare("name=other")
    Path("compare.yaml").write_text(Path("compare.yaml").read_text().replace("  still:", "  # still:"))
    with pytest.raises(ConfigError, match="judged_by is 'luck'; it must be one of: sweep, training"):
        compare("judged_by=luck")
    compare("--seeds", "1", "--only", "rlad", "solver-only", "--out", "told")
    made = (("warmstart", "base"), ("train", "rlad"), ("train", "solver-only"))
    assert Path("calls").read_text().splitlines() == [f"{verb} runs/trial/seed1/{arm}" for verb, arm in made]
    found = json.loads(Path("told/dynamics.json").read_text())
    runs = [(one["arm"], one["seed"], one["steps"]) for one in found["runs"]]
    assert runs == [("rlad", 1, 90), ("solver-only", 1, 90)]
    assert found["arms"]["rlad"] == "both players" and "--only rlad solver-only" in found["command"]
    assert "Written: told/dynamics.json, told/dynamics.md, told/dynamics.png" in capsys.readouterr().out


def test_the_comparisons_of_courses_change_one_thing_an_arm_and_let_the_clip_act(monkeypatch):
    monkeypatch.chdir(FAKE.parents[3])
    phases, coins = (load_compare(f"configs/{name}.yaml") for name in ("two-phases", "random-rewards"))
    assert {phases.judged_by, coins.judged_by} == {"training"} and len(phases.seeds) >= 3 <= len(coins.seeds)
    run = {arm: run_config(phases, arm, 0) for arm in phases.arms}
    found = {arm: (one.cotrain.shared_weights, one.cotrain.shared_norm) for arm, one in run.items()}
    assert found == {"isolated": (False, "role"), "shared": (True, "role"), "isolated-joint": (False, "joint"),
                     "shared-joint": (True, "joint")}  # fmt: skip
    one, step = run["isolated"], run["isolated"].cotrain
    longest = step.abstractions * step.solutions * one.solution.max_new_tokens
    longest += step.draws * one.abstraction.max_new_tokens
    assert phases.max_tokens >= 1000 * step.problems * longest  # 1,000 steps and more, however long the texts
    run = {arm: run_config(coins, arm, 0) for arm in coins.arms}
    for arm, one in run.items():
        assert one.solution.reward == ("random" if arm.startswith("random") else "verdict")
        clip = one.solution.of("ppo_clip")
        assert (clip.clip_low, clip.dual_clip) == ((0.2, 3.0) if arm.endswith("clip") else (1, None))
        assert one.cotrain.updates_per_rollout > 1 and one.solution.kl_coef == one.solution.entropy_coef == 0
