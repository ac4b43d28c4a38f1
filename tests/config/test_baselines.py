"""Configurations on top of each other, and the baselines: each differs in what its name says and in nothing else."""

from pathlib import Path

import pytest

from evals.compare.config import ArmConfig, load_compare, run_config
from rlad.config import ConfigError, as_tree, changes_of, load_config

FOLDER = Path(__file__).parents[2] / "configs" / "baselines"
ALONE = {"cotrain.abstractions", "cotrain.solutions"}
FROZEN = {"cotrain.schedule.kind"}
UNPAID = {"cotrain.bare.share", "cotrain.bare.paid"}
CHANGES = {
    "rlad-published": set(),
    "solver-only": ALONE,
    "solver-only-pass-at-k": ALONE | {"solution.advantage", "solution.pass_at_k.k"},
    "dapo": ALONE
    | {f"solution.{key}" for key in ("kl_coef", "entropy_coef", "overlong", "aggregation")}
    | {"solution.ppo_clip.clip_high", "solution.ppo_clip.dual_clip", "cotrain.dynamic_sampling"},
    "one-pass": ALONE | {"cotrain.one_pass", "solution.max_new_tokens"},
    "shared-weights": {"cotrain.shared_weights"},
    "prompt-only": FROZEN,
    "generator-only": FROZEN | {"cotrain.schedule.train"},
    "hill": {"abstraction.reward", "abstraction.hill.temperature", "cotrain.gate.enabled"}
    | {"cotrain.bare.paid", "cotrain.bare.baseline_samples"},
    "pope": {"cotrain.proposals", *UNPAID},
    "nudge": {*FROZEN, *UNPAID, "cotrain.solution_group", "solution.distillation"}
    | {"solution.advantage", "solution.nudge.inter", "solution.nudge.whiten"},
}
"""Baseline -> the keys in which it differs from RLAD with its published rewards, its name aside."""


def flat(tree, prefix=""):
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def settings(name):
    return dict(flat(as_tree(load_config(FOLDER / f"{name}.yaml"))))


def test_every_baseline_is_listed_and_documented():
    names = {path.stem for path in FOLDER.glob("*.yaml")}
    assert names == set(CHANGES)
    page = (FOLDER.parents[1] / "docs" / "baselines.md").read_text()
    assert all(f"`{name}`" in page for name in names)


@pytest.mark.parametrize("name", CHANGES)
def test_a_baseline_differs_in_what_its_name_says(name):
    published, own = settings("rlad-published"), settings(name)
    assert own.pop("name") == name and published.pop("name")
    assert {key for key in published | own if published.get(key) != own.get(key)} == CHANGES[name]


def test_the_published_rewards_are_success_alone():
    run = load_config(FOLDER / "rlad-published.yaml")
    assert (run.abstraction.reward, run.solution.reward) == ("verdict", "verdict")
    assert (run.cotrain.set_credit, run.cotrain.adherence, run.cotrain.bare.paid) == (0, False, False)
    assert not run.cotrain.gate.enabled and run.cotrain.proposals == "iid"


def test_another_base_takes_the_place_of_the_lowest_file():
    run = load_config(FOLDER / "nudge.yaml", ["extends=configs/algebra.yaml", "cotrain.steps=3"])
    assert (run.problems.source, run.name, run.cotrain.steps) == ("algebra", "nudge", 3)
    assert (run.cotrain.schedule.kind, run.solution.advantage) == ("frozen", "nudge")  # of both files in between


def test_files_that_extend_nothing_or_themselves_are_refused(tmp_path):
    (tmp_path / "a.yaml").write_text("extends: b.yaml\n")
    (tmp_path / "b.yaml").write_text("extends: a.yaml\n")
    with pytest.raises(ConfigError, match=r"a\.yaml' ends up extending itself"):
        load_config(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").write_text("extends: missing.yaml\n")
    with pytest.raises(ConfigError, match=r"There is no configuration file '.*missing\.yaml'"):
        load_config(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").write_text("[1, 2]\n")
    with pytest.raises(ConfigError, match=r"b\.yaml' must hold a mapping"):
        load_config(tmp_path / "a.yaml")
    with pytest.raises(ConfigError, match="extends no other configuration"):
        load_config("configs/demo.yaml", ["extends=configs/algebra.yaml"])


def test_an_arm_takes_over_what_a_configuration_changes():
    comparison = load_compare("configs/baselines.yaml", ["seeds=[0]"])
    assert set(CHANGES) <= set(comparison.arms)
    comparison.arms = {"nudge": ArmConfig(config=str(FOLDER / "nudge.yaml"), overrides=["solution.distillation=0.3"])}
    run = run_config(comparison, "nudge", 0)
    assert (run.problems.source, run.cotrain.abstractions) == ("induction", 8)  # of the comparison's base
    assert (run.solution.advantage, run.solution.distillation) == ("nudge", 0.3)


def test_changes_are_words_that_mean_the_same_anywhere(tmp_path):
    (tmp_path / "below.yaml").write_text("name: below\nseed: 3\n")
    (tmp_path / "top.yaml").write_text(
        "extends: below.yaml\nname: top\nsweep: {grid: [[4, 1], [8, 1]], plain_temperatures: [0.5]}\n"
        "verifier: {workers: 1}\nserving: {vllm_arguments: '--swap-space 4'}\n"
    )
    words = changes_of(tmp_path / "top.yaml")
    assert "sweep.grid=[[4, 1], [8, 1]]" in words and not any(word.startswith(("name", "seed")) for word in words)
    whole = load_config(tmp_path / "top.yaml")
    again = load_config(tmp_path / "below.yaml", ["name=top", *words])
    assert again == whole
