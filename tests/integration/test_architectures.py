"""Tiny models of many architectures, with tokenizers of many kinds, take two steps of the ordinary loop."""

import json
import math

import pytest
import torch
from safetensors.torch import load_file
from tiny_models import MODELS, save_sums, save_tiny
from transformers import AutoModelForCausalLM, AutoTokenizer
from two_ranks import SMALL

from rlad.config import load_config, save_config
from trainers.launching.command import main

pytestmark = pytest.mark.ranks
PLAYERS = ("abstraction", "solution")
FEW = [
    *(word for word in SMALL if not word.startswith(("base.", "problems."))),
    *("problems.source=jsonl", "problems.train=0", "problems.validation=4", "problems.test=4"),
    *("cotrain.steps=2", "cotrain.problems=4", "cotrain.abstractions=2", "cotrain.draws=2", "instruments.every=0"),
    *("cotrain.parity_every=1", "cotrain.checkpoint_every=9", "abstraction.lr=0.01", "solution.lr=0.01"),
]


def trained(folder, ranks, name, *words):
    """(base's folder, run's folder, its lines) of a run that `--dry-run` lets pass."""
    base, run = save_tiny(folder / "base", name), folder / "r"
    run.mkdir()
    data = save_sums(folder / "sums.jsonl")
    config = load_config(
        None, [*FEW, f"base.path={base}", f"problems.path={data}", f"runs_dir={folder}", "name=r", *words]
    )
    save_config(config, run / "config.yaml")
    assert main(["train", str(run), "--dry-run"]) == 0
    ranks.run("runs_program.py", "train", str(run))
    return base, run, [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", MODELS)
def test_a_tiny_model_takes_two_steps(tmp_path, ranks, name):
    base, run, rows = trained(tmp_path, ranks, name)
    thinks = MODELS[name][1] in ("thinker", "r1")  # no random model ends its thought, so it proposes nothing
    learnt = PLAYERS[thinks:]
    assert len(rows) == 2
    for row in rows:
        assert 0 <= row["parity"] < 1e-4
        for role in learnt:
            assert row[role]["updated"] == 1 and math.isfinite(row[role]["loss"]) and row[role]["grad_norm"] > 0
    for role in learnt:
        before, after = (load_file(place / "model.safetensors") for place in (base, run / "export" / role))
        assert before.keys() == after.keys()
        still = [name for name in before if torch.equal(before[name], after[name])]
        assert not [name for name in still if "vision" not in name and "multi_modal" not in name]  # nothing is seen
    model = AutoModelForCausalLM.from_pretrained(run / "export" / "solution")
    assert type(model) is type(AutoModelForCausalLM.from_pretrained(base))
    assert AutoTokenizer.from_pretrained(run / "export" / "solution").eos_token


@pytest.mark.parametrize(
    "name, targets",
    [("phi3", "[qkv_proj, o_proj, gate_up_proj, down_proj]"), ("qwen3-moe", "[q_proj, k_proj, v_proj, o_proj]")],
)
def test_adapters_stand_beside_fused_projections_and_experts(tmp_path, ranks, name, targets):
    base, run, rows = trained(tmp_path, ranks, name, "lora.rank=2", f"lora.targets={targets}")
    before = load_file(base / "model.safetensors")
    for role in PLAYERS:
        assert all(row[role]["updated"] == 1 and row["parity"] < 1e-4 for row in rows)
        after = load_file(run / "export" / role / "model.safetensors")
        moved = {part.split(".")[-2] for part in before if not torch.equal(before[part], after[part])}
        assert before.keys() == after.keys() and moved == set(targets.strip("[]").split(", "))
