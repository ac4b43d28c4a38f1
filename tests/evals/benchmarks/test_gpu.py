"""The GPU benchmark without a GPU: what is begun, what is read of a run, and that no stage is left out silently."""

import io
import json
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from evals.benchmarks import gpu
from evals.benchmarks.__main__ import run_benchmark
from evals.benchmarks.device import stages as device_stages
from evals.benchmarks.device.stages import RUN, Place, StageFailed, of_a_run, run_words
from evals.benchmarks.gpu import ENOUGH, plan, refusal, share, stages
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
    assert 60 < found["engines 0.6b"]["share_seconds"] < 12 * 60 * 2 / 7 + 1
    late = run_benchmark("gpu", [f"logs={tmp_path}", "models=[0.6b]", "minutes=0.5"])["stages"]
    assert list(late) == list(found) and all("not_run" in one for one in late.values())


def test_without_a_gpu_the_reason_is_a_sentence(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(PlainError, match="rehearse with device=cpu"):
        run_benchmark("gpu", [])
    with pytest.raises(PlainError, match="not '9b'"):
        run_benchmark("gpu", ["models=[9b]"])


@pytest.mark.parametrize(("gpus", "last"), [(1, "server 1.7b"), (4, "nccl 1.7b")])
def test_every_stage_of_both_models_has_its_share_of_twelve_minutes(gpus, last):
    """Even where all take as long as they may, each is given enough to be begun, and together no more than there is."""
    planned, out = plan(["0.6b", "1.7b"], NAMES, gpus, 12)
    wanted = [stage.title for stage in stages(["0.6b", "1.7b"]) if stage.gpus <= gpus]
    assert [stage.title for stage in planned] == wanted and wanted[-1] == last
    assert set(out) == {stage.title for stage in stages(["0.6b", "1.7b"])} - set(wanted)
    assert all("2 GPUs" in reason for reason in out.values())
    left, given = 720.0, {}
    for number, stage in enumerate(planned):
        given[stage.title] = share(stage, planned[number + 1 :], left)
        left -= given[stage.title]
        assert refusal(stage, given[stage.title], {}) is None
    assert left == pytest.approx(0)
    wants = sum(stage.minutes for stage in planned)
    assert given == pytest.approx({stage.title: 720 * stage.minutes / wants for stage in planned})


def test_what_a_stage_leaves_is_the_later_ones_and_what_it_takes_too_much_is_shared_too():
    engines, *later = plan(["0.6b"], ["engines", "server"], 1, 12)[0][1:]
    assert share(engines, later, 450) == 200 and share(later[0], [], 430) == 430
    assert refusal(later[0], 76, {}) is None
    assert "it wants 150 s, and its share of what is left is 74 s" in refusal(later[0], 74, {})
    assert refusal(later[0], -3, {}).endswith("is 0 s")


def test_where_minutes_are_few_the_last_stages_stay_out_and_a_model_that_nothing_runs_with_too():
    def titles(minutes, models=("0.6b", "1.7b"), asked=NAMES):
        return [stage.title for stage in plan(models, asked, 1, minutes)[0]]

    whole = titles(12)
    assert titles(16 * ENOUGH) == whole and titles(16 * ENOUGH - 0.1) == whole[:-1]
    few, out = plan(["0.6b", "1.7b"], NAMES, 1, 3)
    assert [stage.title for stage in few] == ["prepare 0.6b", "engines 0.6b", "colocated 0.6b"]
    assert out["prepare 1.7b"] == "the clock: it wants 60 s, and 3 minutes are not enough for all"
    assert titles(0.5) == [] and titles(12, ["tiny"], ["prepare"]) == ["prepare tiny"]
    assert plan(["tiny"], ["engines"], 0, 12)[1]["server tiny"] == "not asked for"
    assert "there are 0" in plan(["tiny"], NAMES, 0, 12)[1]["nccl tiny"]


@pytest.mark.parametrize(("rows", "told"), [(1, None), (3, "ended by the clock after 3 of 4 steps"), (4, None)])
def test_a_run_that_the_clock_cuts_says_so_beside_what_its_steps_told(rows, told, monkeypatch, tmp_path):
    """Its first step does not count, so one is nothing."""
    row = {"seconds": {"propose": 1.0, "solve": 1.0, "update": 1.0}, "tokens_generated": 9, "parity": 0.0}

    @contextmanager
    def running(words, log):
        (tmp_path / "server" / "run").mkdir()
        (tmp_path / "server" / "run" / "metrics.jsonl").write_text((json.dumps(row) + "\n") * rows)
        yield SimpleNamespace(stdout=io.StringIO(), poll=lambda: None)

    monkeypatch.setattr(device_stages, "program", running)
    place = Place("cpu", tmp_path, tmp_path, gpu.SHAPES["tiny"], [], 0)
    if rows == 1:
        with pytest.raises(StageFailed, match="after 1 of 4 steps"):
            device_stages._trained(place, "server", [], 1, 0)
        return
    found = device_stages._trained(place, "server", [], 1, 0)
    assert found.get("cut") == told and found["steps"] == rows - 1


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
