"""Every baseline of configs/baselines takes two steps from the tiny warm-started base."""

import json
import math

import pytest
import torch
from numbers_in import numbers
from safetensors.torch import load_file
from two_ranks import ROOT, SMALL
from warm_base import EASY, FOLDER, give

from rlad.config import load_config, save_config
from rlad.config.rules import learning_roles

pytestmark = pytest.mark.ranks
BASELINES = sorted((ROOT / "configs" / "baselines").glob("*.yaml"))
TINY = [  # sizes alone; what makes a baseline stays
    *(
        "cotrain.steps=2",
        "cotrain.problems=8",
        "cotrain.draws=4",
        "cotrain.abstractions=2",
        "cotrain.checkpoint_every=9",
    ),
    *("cotrain.parity_every=1", "instruments.every=0", "cotrain.drop_constant_groups=true"),
]
SIZES = {
    "solver-only": ["cotrain.solutions=4"],
    "solver-only-pass-at-k": ["cotrain.solutions=4", "solution.pass_at_k.k=3"],
    "dapo": ["cotrain.solutions=4", "solution.overlong=7"],
    "one-pass": ["cotrain.solutions=4", "solution.max_new_tokens=48"],
}

BOTH = ["abstraction", "solution"]
LEARNING = {"generator-only": BOTH[:1], "hill": BOTH, "rlad-published": BOTH, "shared-weights": BOTH}
"""Who learns where it is not the solution player alone."""


@pytest.fixture(scope="module")
def runs(ranks, tmp_path_factory):
    """All of them in one launch; a folder of run folders."""
    folder, words = tmp_path_factory.mktemp("baselines"), []
    save_config(load_config(None, [*SMALL, *EASY, *TINY]), folder / "tiny.yaml")
    for file in BASELINES:
        run = folder / file.stem
        run.mkdir()
        give(run)
        tiny = [f"extends={folder / 'tiny.yaml'}", f"runs_dir={folder}", *SIZES.get(file.stem, [])]
        save_config(load_config(file, tiny), run / "config.yaml")
        words += ["train", str(run)]
    ranks.run("runs_program.py", *words)
    return folder


@pytest.mark.parametrize("name", [file.stem for file in BASELINES])
def test_those_who_learn_move_and_the_others_stand_still(runs, name):
    rows = [json.loads(line) for line in (runs / name / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2]
    learning = learning_roles(load_config(runs / name / "config.yaml"))
    assert learning == LEARNING.get(name, ["solution"])
    base = load_file(FOLDER / "model.safetensors")
    exported = [folder.name for folder in (runs / name / "export").iterdir() if folder.is_dir()]
    assert set(learning) <= set(exported)
    for row in rows:
        assert row["parity"] < 1e-4 and all(math.isfinite(number) for number in numbers(row))
        for role in exported:
            assert row[role]["updated"] == (role in learning)
    for role in exported:
        own = load_file(runs / name / "export" / role / "model.safetensors")
        assert any(not torch.equal(own[part], base[part]) for part in base) == (role in learning), role
