"""Every method on the embedded pair, through the real two-rank loop, in one launch."""

import json
import math
import re

import pytest
import torch
from numbers_in import numbers
from safetensors.torch import load_file
from teachers import teacher
from two_ranks import ROOT, SMALL
from warm_base import EASY, FOLDER, TRIO, give

from rlad.config import load_config, save_config
from rlad.config.registry import advantage, loss, reward, shaping
from trainers.methods.hooks import OFFLINE

METHODS = ("rlcr", "hill", "r3", "shaped", "critique-verifier", "critique-self", "critique-teacher", "joint", "offline")
METHODS += ("pope", "bands")


@pytest.fixture(scope="module")
def runs(ranks, tmp_path_factory):
    """A few steps of every method, all in one launch; a folder of run folders."""
    folder = tmp_path_factory.mktemp("methods")
    start = folder / "start"
    start.mkdir()
    save_config(load_config(None, [*SMALL, *EASY]), start / "config.yaml")
    give(start)
    with teacher("<wrong> 2 max") as (url, asked):
        ranks.run("methods_program.py", str(start), str(folder / "runs"), url)
        assert len(asked) > 0
    return folder / "runs"


def metrics(folder, file="metrics.jsonl"):
    return [json.loads(line) for line in (folder / file).read_text().splitlines()]


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.ranks
def test_steps_of_every_method(runs, name):
    rows = metrics(runs / name)
    assert [row["step"] for row in rows] == ([1, 2, 3, 4] if name == "offline" else [1, 2])
    assert all(math.isfinite(number) for row in rows for number in numbers(row))
    assert all(row["solution"]["updated"] == 1 for row in rows)
    assert (runs / name / "export" / "solution" / "model.safetensors").is_file()


@pytest.mark.ranks
def test_parts_of_worked_solutions_stand_in_for_a_player(runs):
    for row in metrics(runs / "pope"):
        assert "abstraction" not in row and row["rollout"]["abstractions_per_problem"] > 1
        assert row["rollout"]["distinct"] is None  # nothing was drawn
    assert not (runs / "pope" / "export" / "abstraction").exists()


@pytest.mark.ranks
def test_bands_move_with_what_is_solved_and_are_resumed(runs):
    rows = metrics(runs / "bands")
    measured = [json.loads(line) for line in (runs / "bands" / "curriculum.jsonl").read_text().splitlines()[1:]]
    assert all(sum(row["bands"].values()) == len(measured) == 200 for row in rows)
    state = json.loads((runs / "bands" / "checkpoints" / "step_00002" / "state.json").read_text())
    counts = state["parts"]["curriculum"]
    trained = [new for new, old in zip(counts, measured, strict=True) if new != [old["right"], old["sampled"]]]
    assert 8 <= len(trained) <= 64 and all(sampled > 2 for _, sampled in trained)  # two steps, and what was added
    assert rows[0]["rollout"]["abstractions_per_problem"] <= 2  # hard problems have two
    assert rows[0]["solution"]["length"] <= 7 < rows[1]["solution"]["length"]  # by stage


@pytest.mark.ranks
def test_confidence_is_stated_and_paid(runs):
    for row in metrics(runs / "rlcr"):
        assert row["rewards"]["stated"] > 0.5
        assert 0 <= row["rewards"]["brier"] <= 1
        assert row["solution"]["reward"] < row["rollout"]["accuracy"]  # a random level costs something


@pytest.mark.ranks
def test_rewards_of_the_abstraction_player(runs):
    for row in metrics(runs / "hill"):
        assert 0 <= row["rewards"]["hint_pays"] <= 1
        assert row["abstraction"]["reward"] <= 0.5  # the signal of a group of two is at most one half
    for row in metrics(runs / "r3"):
        assert row["rewards"]["r3"] < 0
        assert 0 < row["rewards"]["filtered"] <= 1
    for row in metrics(runs / "shaped"):
        assert 0 <= row["rewards"]["vote_right"] <= row["rollout"]["coverage"]
        assert 0 <= row["rollout"]["vote_proposer"] <= 1 and row["rollout"]["proposal_evenness"] > 0


@pytest.mark.ranks
def test_lists_of_abstractions_are_learnt_from(runs):
    for row in metrics(runs / "joint"):
        assert row["abstraction"]["updated"] == 1 and row["rollout"]["abstractions_per_problem"] > 1
        assert "proposal_auroc" not in row["rollout"] or row["rollout"]["proposal_auroc"] is None


@pytest.mark.ranks
def test_shaping_keeps_its_averages_and_rates_alternate(runs):
    rows = metrics(runs / "shaped")
    rates = [[row[role]["lr"] for role in ("abstraction", "solution")] for row in rows]
    assert rates == [[1e-4, 2e-8], [2e-8, 1e-4]]
    state = json.loads((runs / "shaped" / "checkpoints" / "latest" / "state.json").read_text())
    for role in ("abstraction", "solution"):
        assert state["parts"]["credit"][role]["er"] > 1


@pytest.mark.parametrize("source", ["verifier", "self", "teacher"])
@pytest.mark.ranks
def test_refinements_join_their_groups(runs, source):
    for row in metrics(runs / f"critique-{source}"):
        assert 0 < row["rewards"]["refined_groups"] <= 1
        assert 0 <= row["rewards"]["refined_correct"] <= 1


@pytest.mark.ranks
def test_offline_phases_and_exact_resume(runs):
    rows = metrics(runs / "offline")
    assert [sorted(row.get("offline", {})) for row in rows] == [["rft"], [], ["sft_phase"], ["rft"]]
    first, shown = rows[0]["offline"]["rft"], rows[2]["offline"]["sft_phase"]
    assert first["rows"] > 0 and first["last_loss"] < first["first_loss"] and 0 < first["kept"] < 1
    assert shown["solution"]["rows"] == 2 * shown["abstraction"]["rows"] > 0
    assert rows[0]["tokens_generated_total"] == rows[0]["tokens_generated"] + first["tokens"]
    again = metrics(runs / "resumed")
    for row in [*rows, *again]:
        del row["seconds"]
        row.pop("overlapped", None)  # seconds too
    assert again == rows
    for role in ("abstraction", "solution"):
        one, two = (load_file(runs / name / "export" / role / "model.safetensors") for name in ("offline", "resumed"))
        assert all((one[key] == two[key]).all() for key in one)
    state = json.loads((runs / "offline" / "checkpoints" / "latest" / "state.json").read_text())
    assert state["parts"]["methods"] == {"cursors": {"rft": 16, "sft_phase": 5}, "lagged_solver": 4}


@pytest.mark.ranks
def test_a_warm_start_of_an_adapter_goes_on_and_leaves_a_plain_base(runs):
    whole, again = (load_file(runs / name / "base" / "model.safetensors") for name in ("warm-whole", "warm-broken"))
    base = load_file(FOLDER / "model.safetensors")
    assert whole.keys() == again.keys() == base.keys()
    moved = {name for name in base if not torch.equal(whole[name], base[name])}
    assert moved == {name for name in base if name.endswith("_proj.weight")}  # lora.targets, nothing else
    assert all(torch.linalg.matrix_rank(whole[name] - base[name], atol=1e-5) <= 4 for name in moved)
    assert all(torch.equal(whole[name], again[name]) for name in base)
    assert [line["step"] for line in metrics(runs / "warm-broken", "warmstart.jsonl")] == [1, 2, 3, 4]
    shards = list((runs / "warm-checkpoint").rglob("*_model_states.pt"))
    assert shards and all(b"lora_A" in file.read_bytes() for file in shards)
    held = sum(file.stat().st_size for file in (runs / "warm-checkpoint").rglob("*.pt"))
    assert held < 12 * sum(tensor.numel() for tensor in base.values())  # all weights would take as much


@pytest.mark.ranks
def test_a_warm_start_demonstrates_every_task_of_its_mixture(ranks, tmp_path):
    words = ["warmstart.steps=2", "warmstart.warmup=1", "warmstart.batch=64"]  # a line tells of its own step alone
    packed = ["warmstart.packing=true", "warmstart.share_prompts=true", "warmstart.micro_tokens=300"]
    folders = [tmp_path / "plain", tmp_path / "packed"]
    for folder, more in zip(folders, ([], packed), strict=True):
        folder.mkdir()
        save_config(load_config(None, [*SMALL, *EASY, *TRIO, *words, *more]), folder / "config.yaml")
    ranks.run("runs_program.py", *(word for folder in folders for word in ("warmstart", str(folder))))
    (last,), (other,) = (metrics(folder, "warmstart.jsonl") for folder in folders)
    assert set(last["loss_by_task"]) == {"plain", "propose", "guided", "critique", "refine", "propose_set", "select"}
    # Packed, counted by tokens and dealt over the ranks by length, the same demonstrations teach the same.
    assert other["loss_by_task"] == pytest.approx(last["loss_by_task"], rel=1e-4)
    assert (other["loss"], other["tokens"]) == (pytest.approx(last["loss"], rel=1e-5), last["tokens"])
    one, two = (load_file(folder / "base" / "model.safetensors") for folder in folders)
    assert all(torch.allclose(one[name], two[name], atol=1e-3) for name in one)


def test_the_loop_names_no_method():
    """Methods are chosen by name in their registries; the loop calls four places, and an update one loss."""
    names = {*reward.names(), *shaping.names(), *OFFLINE, "critique", "refine", "lagged", "brier"}
    names |= {*loss.names(), *advantage.names(), "forking", "hicra", "mismatch", "opsm", "shaped"}
    names -= {"verdict", "none", "mean"}
    for file in ("cotrain.py", "learner/update.py"):
        text = (ROOT / "trainers" / file).read_text()
        assert [name for name in names if re.search(rf"\b{name}\b", text)] == [], file
