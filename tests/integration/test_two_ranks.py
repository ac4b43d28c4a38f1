"""The real thing, small: two CPU ranks, two ZeRO-3 engines, the real launcher."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer
from two_ranks import LIMIT, ROOT, SMALL, environment

from rlad.cli import PlainError
from rlad.config import load_config, save_config
from rlad.config.registry import loss
from rlad.players.adapters import FOLDER, is_adapters
from trainers.launching.folder import prepared_folder
from trainers.learner.exporting import export

pytestmark = pytest.mark.ranks
PLAYERS = ("abstraction", "solution")
DATA = ROOT / "tests" / "data"


def launch(verb, folder, *words, **popen):
    command = [sys.executable, "-m", "trainers.launching", verb, str(folder), *words]
    return subprocess.Popen(command, cwd=ROOT, env=environment(), text=True, start_new_session=True, **popen)


@pytest.fixture(scope="module")
def warm(tmp_path_factory, ranks):
    """A run folder with a warm-started base."""
    runs = tmp_path_factory.mktemp("runs")
    folder = runs / "warm"
    folder.mkdir()
    config = load_config(
        None, [f"runs_dir={runs}", "name=warm", "cotrain.steps=4", "cotrain.checkpoint_every=2", *SMALL]
    )
    save_config(config, folder / "config.yaml")
    ranks.run("runs_program.py", "warmstart", str(folder))
    return folder


def copy_of(warm, name):
    folder = warm.with_name(name)
    shutil.copytree(warm, folder)
    text = (folder / "config.yaml").read_text().replace("name: warm", f"name: {name}")
    (folder / "config.yaml").write_text(text)
    return folder


def metrics(folder):
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for row in rows:
        del row["seconds"]
        row.pop("overlapped", None)  # seconds too
    return rows


def test_warm_start_learns_and_exports(warm):
    rows = [json.loads(line) for line in (warm / "warmstart.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [2, 4, 6]
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert set(rows[0]["loss_by_task"]) == {"plain", "propose", "guided"}
    assert AutoModelForCausalLM.from_pretrained(warm / "base").config.model_type == "qwen3"


STATEFUL = [  # schedules and methods whose state must survive: a snapshot, cursors, moving averages, phases
    *("cotrain.schedule.lag=3", "cotrain.rft.every=3", "cotrain.rft.problems=4", "cotrain.rft.solutions=2"),
    *(
        "cotrain.rft.lr=0.001",
        "cotrain.sft_phase.every=2",
        "cotrain.sft_phase.problems=4",
        "cotrain.sft_phase.lr=0.001",
    ),
    *("cotrain.schedule.kind=rates", "cotrain.schedule.abstraction_steps=1", "cotrain.schedule.solution_steps=2"),
    *("solution.shaping=effective_rank", "solution.effective_rank.stride=2"),
    *("abstraction.shaping=autopilot", "abstraction.autopilot.first=3"),
]


def test_killed_and_resumed_training_is_bit_for_bit_the_uninterrupted_one(warm, ranks):
    whole, broken = copy_of(warm, "whole"), copy_of(warm, "broken")
    for folder in (whole, broken):
        save_config(load_config(folder / "config.yaml", STATEFUL), folder / "config.yaml")
    ranks.run("runs_program.py", "train", str(whole))
    process = launch("train", broken, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + LIMIT
    lines, saved = broken / "metrics.jsonl", broken / "checkpoints" / "step_00002"  # written beside step 3, or 4
    while not (lines.exists() and len(lines.read_text().splitlines()) >= 3 and (saved / "COMPLETE").exists()):
        assert process.poll() is None and time.monotonic() < deadline, "the run ended or hung before step 3"
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)  # its own session: launcher and ranks, nothing else
    process.wait()
    assert (broken / "checkpoints" / "latest").resolve().name in ("step_00002", "step_00004")
    shutil.rmtree(broken / "checkpoints" / "step_00004", ignore_errors=True)  # had the kill come late
    (broken / "checkpoints" / "step_00003" / "solution").mkdir(parents=True)  # a kill when saving had just begun,
    half = shutil.copytree(saved, broken / "checkpoints" / "step_00004")  # and while one rank still wrote: no COMPLETE
    for name in ("COMPLETE", "state.json", "rng_rank1.pt"):
        (half / name).unlink()
    with prepared_folder(load_config(broken / "config.yaml"), "train"):  # as a launcher's: the dead one holds nothing
        ranks.run("runs_program.py", "train", str(broken))
    assert metrics(whole) == metrics(broken)
    assert len(metrics(whole)) == 4
    again = export(load_config(whole / "config.yaml"), whole)
    assert again == whole / "exports" / "step_00004" and (again / "base" / "config.json").is_file()
    with pytest.raises(PlainError, match="no checkpoint of step 3; it has those of 2, 4"):
        export(load_config(whole / "config.yaml"), whole, step=3)
    for role in ("abstraction", "solution"):
        first, second = (load_file(f / "export" / role / "model.safetensors") for f in (whole, broken))
        assert all((first[name] == second[name]).all() for name in first)
        moved = load_file(whole / "base" / "model.safetensors")
        assert any((first[name] != moved[name]).any() for name in first)
        kept = load_file(again / "export" / role / "model.safetensors")  # out of the checkpoint, without ranks
        assert kept.keys() == first.keys() and all((first[name] == kept[name]).all() for name in first)
        model = AutoModelForCausalLM.from_pretrained(whole / "export" / role)
        tokenizer = AutoTokenizer.from_pretrained(whole / "export" / role)
        assert model.config.vocab_size == len(tokenizer) and tokenizer.chat_template
    state = json.loads((whole / "checkpoints" / "latest" / "state.json").read_text())
    assert state["step"] == 4 and state["parts"]["cursor"] == 4 * 8
    assert state["parts"]["methods"] == {"cursors": {"rft": 8, "sft_phase": 4}, "lagged_solver": 4}
    assert state["parts"]["credit"]["solution"]["er"] > 1
    assert len(state["parts"]["credit"]["abstraction"]["entropy"]) == 3 and "pull" in metrics(whole)[3]["abstraction"]
    assert [sorted(row.get("offline", {})) for row in metrics(whole)] == [["rft"], [], ["sft_phase"], ["rft"]]
    row = json.loads((whole / "metrics.jsonl").read_text().splitlines()[-1])
    phases = {"draw", "propose", "gate", "solve", "judge", "credit", "update", "publish", "instruments", "record"}
    assert set(row["seconds"]) == phases | {"total", "offline", "checkpoint", "checkpoint_wait"}
    for role in ("abstraction", "solution"):
        assert {"reward", "entropy", "kl", "grad_norm", "lr", "length"} <= set(row[role])
    assert row["rollout"]["distinct_abstractions"] == pytest.approx(row["rollout"]["abstractions_per_problem"])
    assert json.loads((whole / "strategic_grams.json").read_text())["symbols"]
    probed = [row["parity"] for row in metrics(whole)]  # the first three times, and then every tenth
    assert probed[3] is None and max(probed[:3]) < 1e-4
    check_instruments(metrics(whole))
    check_fallback(whole, broken, ranks)


def check_fallback(whole, broken, ranks):
    """A newest checkpoint that one rank cannot read: training goes on from the one before it, to the same bits."""
    damaged = next((broken / "checkpoints" / "step_00004").glob("solution/zero/*rank_1_*optim_states.pt"))
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 255
    damaged.write_bytes(data)
    output = ranks.run("runs_program.py", "train", str(broken))
    assert "step_00004 cannot be read and is passed over" in output and "step    3/4" in output
    assert metrics(whole) == metrics(broken)
    for role in PLAYERS:
        first, second = (load_file(f / "export" / role / "model.safetensors") for f in (whole, broken))
        assert all((first[name] == second[name]).all() for name in first)


def check_instruments(rows):
    assert sum(row[role]["updated"] for row in rows for role in ("abstraction", "solution")) >= 4
    for row in rows:
        for role in ("abstraction", "solution"):
            measured = row[role]["instruments"]
            assert {"formats", "length", "repetition", "planning"} <= set(measured)
            assert ("rank" in measured) == ("forking" in measured) == (row["step"] % 2 == 0)
            if row[role]["updated"]:  # two ways to one number: sums over micro-batches, and tokens gathered over ranks
                assert measured["token_entropy"]["mean"] == pytest.approx(row[role]["entropy"], rel=1e-4)
                # An untrained proposer may finish nothing, and then bare anchors are all there is to update on.
                assert ("covariance" in measured) == (row[role]["reward"] is not None)


def test_ragged_updates_equal_the_single_process_ones(warm, ranks):
    assert "WORST" in ranks.run("updates_program.py", str(copy_of(warm, "updates")))


def test_every_mode_of_the_loop_runs_and_stale_weights_stop_it(warm, ranks, tmp_path):
    output = ranks.run("loops_program.py", str(warm), str(tmp_path / "loops"))
    stale = [line for line in output.splitlines() if line.startswith("STALE")]
    assert "'model.embed_tokens.weight' and 24 other tensors of 25 differ" in stale[0]
    assert "'model.layers.1.self_attn.k_norm.weight' of 25 differ" in stale[1]
    assert "is of lora.alpha=32.0; resume with that" in output
    found = {folder.name: metrics(folder) for folder in (tmp_path / "loops").iterdir() if folder.name != "stale"}
    assert "is of steering.layers=all; resume with that" in output
    kinds = {"lora": ("_proj.weight", "lora.rank=4"), "steering": ("o_proj.bias", "steering.layers=all")}
    for kind, (moved, word) in kinds.items():
        resumed = found.pop(f"{kind}-resumed")
        assert found.pop(f"{kind}-whole") == resumed
        check_adapters(warm, tmp_path / "loops", resumed, kind, moved, word)
    assert "is of cotrain.shared_weights=true; resume with that" in output
    resumed = found.pop("shared-resumed")
    assert found.pop("shared-whole") == resumed
    check_shared(warm, tmp_path / "loops", resumed)
    resumed = found.pop("ahead-resumed")  # interrupted with the trees of step 4 growing, which a checkpoint has not
    assert found.pop("ahead-whole") == resumed
    assert all([row[role]["staleness"] for row in resumed] == [0, 1, 0, 1] for role in PLAYERS)
    assert all(row[role]["updated"] for row in resumed for role in PLAYERS)
    assert len(found) == 10
    for row in found["adaptive"]:
        assert row["rollout"]["teaching_tokens"] == sum(row[role]["teaching_tokens"] for role in PLAYERS)
    unmeasured = found["mini-batches"][0]
    assert "instruments" not in unmeasured["solution"] and "planning_share" not in unmeasured["abstraction"]
    assert 0 <= unmeasured["solution"]["planning_share"] <= 1
    assert "token_entropy" not in found["frozen"][0]["solution"]["instruments"]  # it stands still: texts only
    assert found["solver-only"][1]["solution"]["instruments"]["rank"]["er"] > 1
    assert found["set-credit"][1]["validation"]["coverage"] is not None
    assert len(found.pop("token-budget")) == 1
    assert all(len(rows) == 2 for rows in found.values())
    learned = {name: [(r.get("abstraction", {}).get("updated"), r["solution"]["updated"]) for r in rows]
               for name, rows in found.items()}  # fmt: skip
    assert learned["alternating"] == [(1, 0), (0, 1)]
    assert learned["frozen"] == [(1, 0), (1, 0)]
    assert learned["solver-only"] == learned["one-pass-set"] == [(None, 1), (None, 1)]
    assert learned["entropy"] == [(1, 1), (1, 1)]
    assert found["entropy"][1]["abstraction"]["entropy_coefficient"] == 0.02  # 0.01 at first
    for row in found["entropy"]:  # a coin pays, and nothing is right
        assert row["rewards"]["agreement"] == pytest.approx(1 - row["rewards"]["random"])
    assert found["iid-baseline"][0]["rollout"]["bare_accuracy"] is not None
    assert found["set-credit"][1]["rollout"]["abstractions_per_problem"] <= 3


def check_adapters(warm, folder, rows, kind, moved, word):
    """Both players learnt beside one frozen base; a checkpoint holds adapters, an export the whole model."""
    assert [row["step"] for row in rows] == [1, 2, 3]
    assert all(row[role]["updated"] == 1 and row[role]["grad_norm"] > 0 for row in rows for role in PLAYERS)
    assert all(row["parity"] < 1e-4 for row in rows) and rows[-1]["solution"]["kl"] > 0
    base = load_file(warm / "base" / "model.safetensors")
    exports = [load_file(folder / f"{kind}-whole" / "export" / role / "model.safetensors") for role in PLAYERS]
    model = AutoModelForCausalLM.from_pretrained(folder / f"{kind}-whole" / "export" / "solution")
    names = set(dict(model.named_parameters()))
    run = load_config(warm / "config.yaml", [word])
    made = export(run, folder / f"{kind}-whole")
    if kind == "lora":
        check_adapter_folders(base, [place / "export" for place in (folder / "lora-whole", made)], exports)
    for name in names:
        moves = name.endswith(moved)
        before = base.get(name, torch.zeros(()))  # a plain model's bias of a vector, or nothing
        assert all(set(export) == names and (export[name] != before).any() == moves for export in exports)
    assert any((exports[0][name] != exports[1][name]).any() for name in names)
    kept = load_file(made / "export" / "solution" / "model.safetensors")
    assert kept.keys() == exports[1].keys() and all(torch.equal(kept[name], exports[1][name]) for name in kept)
    resumed = load_file(folder / f"{kind}-resumed" / "export" / "solution" / "model.safetensors")
    assert all((resumed[name] == exports[1][name]).all() for name in names)
    saved = list((folder / f"{kind}-whole" / "checkpoints" / "latest" / "solution").rglob("*model_states.pt"))
    names = [name for file in saved for name in torch.load(file, weights_only=False)["module"]]
    assert len(saved) == 2 and names and all(is_adapters(name) for name in names)


def check_adapter_folders(base, places, exports):
    """An export has each player's adapter by itself, and base and adapter together are the export, to the last bit."""
    for role, whole in zip(PLAYERS, exports, strict=True):
        own, again = (load_file(place / role / FOLDER / "adapter_model.safetensors") for place in places)
        assert own.keys() == again.keys() and all(torch.equal(own[name], again[name]) for name in own)
        form = json.loads((places[0] / role / FOLDER / "adapter_config.json").read_text())
        assert form["r"] == 4 and own
        for layer in {name.split(".lora_")[0] for name in own}:
            a, b = (own[f"{layer}.lora_{part}.weight"] for part in "AB")
            name = f"{layer.removeprefix('base_model.model.')}.weight"
            assert torch.equal(base[name] + form["lora_alpha"] / form["r"] * (b @ a), whole[name])


def check_shared(warm, folder, rows):
    """One model learnt from the rows of both roles; a checkpoint holds it once, an export once for each player."""
    assert [row["step"] for row in rows] == [1, 2, 3]
    assert all(row[role]["updated"] == 1 and row[role]["trained_tokens"] > 0 for row in rows for role in PLAYERS)
    assert all(row["abstraction"]["grad_norm"] == row["solution"]["grad_norm"] > 0 for row in rows)
    assert all(row["abstraction"]["entropy"] != row["solution"]["entropy"] for row in rows)
    whole, resumed = folder / "shared-whole", folder / "shared-resumed"
    again = export(load_config(warm / "config.yaml", ["cotrain.shared_weights=true"]), whole)
    places = [run / "export" / role for run in (whole, resumed, again) for role in PLAYERS]
    first, *others = [load_file(place / "model.safetensors") for place in places]
    assert all(torch.equal(other[name], first[name]) for other in others for name in first)
    base = load_file(warm / "base" / "model.safetensors")
    assert any((first[name] != base[name]).any() for name in first)
    held = {path.parts[-3] for path in (whole / "checkpoints" / "latest").resolve().glob("*/zero/*optim_states.pt")}
    assert held == {"abstraction"}


def test_every_mode_of_learning_runs_and_gives_the_same_gradients_for_every_split(warm, ranks, tmp_path):
    """All methods in one launch: full gradients of different splits of the same rows, then the real loop."""
    output = ranks.run("learning_program.py", str(warm), str(tmp_path / "loops"))
    assert output.count("SAME") == len(loss.names()) + 14
    found = {folder.name: metrics(folder) for folder in (tmp_path / "loops").iterdir()}
    assert len(found) == 8
    for name, rows in found.items():
        assert len(rows) == 2, name
        for row in rows:
            for role in ("abstraction", "solution"):
                assert row[role]["updated"] == 1, (name, role)
                assert math.isfinite(row[role]["loss"]) and row[role]["grad_norm"] > 1e-4, (name, role)
                assert row[role]["trained_tokens"] > 0 and row[role]["kl"] > 0, (name, role)
    for role in ("abstraction", "solution"):
        assert all(row[role]["chosen_share"] > 0 for row in found["clip_cov-kl_cov"])
        assert all(row[role]["covariance_p99"] > row[role]["covariance_p50"] for row in found["clip_cov-kl_cov"])
    assert 0.1 < found["dr_grpo-rloo"][1]["abstraction"]["kept_share"] < 0.4
    steered = found["steered"][1]
    assert steered["abstraction"]["kept_sign"] == 1 and steered["solution"]["entropy_coefficient"] == 0.01
    # The sampler holds the trainer's weights: before the second update nothing is weighed.
    assert found["mismatch"][0]["solution"]["mismatch"] < 1e-4
    sampled = found["scalerl"][1]["dynamic_sampling"]
    assert sampled["problems_generated"] >= sampled["problems_used"] > 0
    assert sampled["tokens_generated"] >= sampled["tokens_used"]
    assert all(row["rollout"]["bare_accuracy"] is not None for row in found["scalerl"])  # anchors stay
    state = json.loads((tmp_path / "loops" / "scalerl" / "checkpoints" / "latest" / "state.json").read_text())
    assert state["parts"]["pass_rates"] and all(
        solved <= sampled for _, solved, sampled in state["parts"]["pass_rates"]
    )


def test_real_rows_train_a_hugging_face_model(tiny_chat_model, ranks, tmp_path):
    words = []
    for name, rows, mixture in (
        ("gsm8k", "gsm8k_rows.jsonl", ["warmstart.mixture.propose=0", "warmstart.mixture.guided=0"]),
        ("math", "math_rows.jsonl", ["warmstart.mixture.plain=0"]),  # answers only: no warm start
    ):
        overrides = [*SMALL, f"name={name}", f"base.path={tiny_chat_model}", "problems.source=jsonl"]
        overrides += [f"problems.path={DATA / rows}", "problems.train=0", "problems.validation=0", "problems.test=0"]
        overrides += ["cotrain.steps=2", "cotrain.problems=4", "warmstart.steps=3", "warmstart.batch=4", *mixture]
        folder = tmp_path / name
        folder.mkdir()
        save_config(load_config(None, overrides), folder / "config.yaml")
        words += ["warmstart", str(folder)] if name == "gsm8k" else []
        words += ["train", str(folder)]
    ranks.run("runs_program.py", *words)
    for name in ("gsm8k", "math"):
        assert len(metrics(tmp_path / name)) == 2
        assert AutoTokenizer.from_pretrained(tmp_path / name / "export" / "solution").chat_template
    assert (tmp_path / "gsm8k" / "base" / "model.safetensors").is_file()
