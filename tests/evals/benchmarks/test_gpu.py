"""The GPU benchmark without a GPU: what is begun, what is read of a run, and that no stage is left out silently."""

import json

import pytest

from evals.benchmarks import gpu
from evals.benchmarks.__main__ import run_benchmark
from evals.benchmarks.device import stages as device_stages
from evals.benchmarks.device.stages import RUN, Place, StageFailed, of_a_run, run_words
from evals.benchmarks.gpu import Stage, refusal, stages
from evals.benchmarks.harness.random_run import write_questions
from rlad.cli import PlainError
from rlad.config import load_config
from rlad.players.shapes import forward_flops

NAMES = ["prepare", "engines", "colocated", "server", "nccl"]


def test_every_stage_of_every_model_is_planned_and_can_be_run():
    planned = stages(["0.6b", "1.7b"])
    assert {(stage.name, stage.model) for stage in planned} == {(n, m) for n in NAMES for m in ("0.6b", "1.7b")}
    assert set(RUN) == set(NAMES)
    assert [stage.name for stage in planned[:3]] == ["prepare", "engines", "colocated"]  # the clock may cut the rest


def test_a_stage_that_cannot_run_or_fails_says_why_in_its_place(monkeypatch, tmp_path):
    def fails(place, limit):
        raise StageFailed("CUDA out of memory")

    monkeypatch.setattr(gpu, "machine", lambda device: {"gpus": ["NVIDIA H200"], "cpus": 16, "memory": 150e9})
    monkeypatch.setattr(gpu, "Watch", lambda device: device_stages.Watch("cpu"))
    fine = {name: lambda place, limit: {"parameters": 1} for name in NAMES}
    monkeypatch.setattr(gpu, "RUN", fine | {"engines": fails})
    found = run_benchmark("gpu", [f"logs={tmp_path}", "models=[0.6b]"])["stages"]
    assert list(found) == [f"{name} 0.6b" for name in NAMES]
    assert found["engines 0.6b"]["failed"] == "CUDA out of memory" and "peak_gb" in found["engines 0.6b"]
    assert "2 GPUs" in found["nccl 0.6b"]["not_run"]
    assert found["colocated 0.6b"]["parameters"] == 1  # others go on
    late = run_benchmark("gpu", [f"logs={tmp_path}", "models=[0.6b]", "minutes=0.5"])["stages"]
    assert list(late) == list(found) and all("not_run" in one for one in late.values())


def test_without_a_gpu_the_reason_is_a_sentence(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(PlainError, match="rehearse with device=cpu"):
        run_benchmark("gpu", [])
    with pytest.raises(PlainError, match="not '9b'"):
        run_benchmark("gpu", ["models=[9b]"])


def test_the_clock_counts_what_a_stage_may_take():
    assert refusal(Stage("engines", "0.6b", 2), 121, 1, {}) is None
    assert "119 s are left" in refusal(Stage("engines", "0.6b", 2), 119, 1, {})
    assert "there are 0" in refusal(Stage("nccl", "tiny", 2, gpus=2), 999, 0, {})


def test_what_is_read_of_a_run():
    """By hand: steps 2 to 4 count, 100 tokens in 2 + 3 s, 80 learnt in 4 s."""
    rows = [
        {"seconds": {"propose": 2.0 * k, "solve": 3.0 * k, "update": 4.0 * k, "publish": 0.5}, "tokens_generated": 100,
         "parity": 1e-6 * k, "abstraction": {"trained_tokens": 30}, "solution": {"trained_tokens": 50}}
        for k in (9, 1, 1, 1)
    ]  # fmt: skip
    shape = gpu.SHAPES["tiny"]
    found = of_a_run(rows, shape, context=40, peak=1e9)
    assert found["written_tokens_per_second"] == 20.0 and found["learnt_tokens_per_second"] == 20.0
    assert found["utilisation"] == round(3 * 80 * forward_flops(shape, 40) / 4e9, 4)
    assert found["parity_nats"] == [9e-6, 1e-6, 1e-6, 1e-6]  # every publish
    assert of_a_run(rows, shape, context=40, peak=None)["utilisation"] is None


@pytest.mark.parametrize("memory, offloaded", [(80e9, True), (150e9, False)])
def test_the_runs_configuration_is_one(tmp_path, memory, offloaded):
    """Both players learn, every publish is probed, and a small GPU keeps two optimisers of 1.7B elsewhere."""
    place = Place("cuda", tmp_path, tmp_path / "1.7b", gpu.SHAPES["1.7b"], ["NVIDIA H100"], memory)
    place.folder.mkdir()
    write_questions(place.folder / "problems.jsonl", 4, 16)
    words = [word for word in run_words(place, ranks=1) if not word.startswith("base.path=")]  # there is no model here
    run = load_config(None, [*words, "base.max_positions=4096"])
    assert run.cotrain.parity_every == 1 and run.zero.offload_optimizer is offloaded
    assert run.cotrain.check_proposals == 0  # none of a random model ends
    assert set(run.players) >= {"abstraction", "solution"} and run.base.dtype == "bfloat16"
    given = json.loads(place.given("engines", gpus=["1"])[-1])
    assert given["do"] == "engines" and given["gpus"] == ["1"] and given["shape"]["hidden"] == 2048


def test_a_process_that_ends_while_memory_is_counted_counts_nothing():
    import subprocess

    import psutil

    from evals.benchmarks.device.program import resident

    with subprocess.Popen(["true"]) as child:
        there = psutil.Process(child.pid)
    assert resident(there) == 0 and resident(psutil.Process()) > 0
