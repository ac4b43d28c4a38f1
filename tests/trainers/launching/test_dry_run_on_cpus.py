"""What --dry-run says where ranks are on CPUs, whose memory is the machine's."""

import re

from rlad.config import load_config
from rlad.players.shapes import model_shape, parameters
from trainers.launching.dry_run import describe
from trainers.launching.memory import EXPORT, TRAINING, memory
from trainers.launching.nodes import Placement
from trainers.launching.warm_memory import warm_peak

CHECKPOINT = "checkpoint: its copy, and the next rollout"
KINDS = ("transformers", "vllm")


def test_a_cpu_has_no_other_memory_to_offload_into():
    """Weights, optimisers and references that leave a GPU are where they were on a CPU, in training and warm start."""
    words = ["zero.offload_optimizer=true", "zero.offload_params=true", "zero.shard_references=true"]
    for device, changes in (("cpu", False), ("cuda", True)):
        for more in ([], ["lora.rank=8"]):
            inside = load_config(None, [f"launch.device={device}", words[2], *more])
            outside = load_config(None, [f"launch.device={device}", *words, *more])
            assert (memory(inside, 2) != memory(outside, 2)) == changes
            assert (warm_peak(inside, 2) != warm_peak(outside, 2)) == changes
    moved = memory(outside, 2)
    assert moved["frozen references"] == moved[TRAINING] == moved["step: Adam's gradients"] == 0


def test_on_a_cpu_machine_memory_is_the_ranks_wherever_it_samples():
    """A checkpoint's copy and the player that is written are a CPU rank's, and no GPU's, with either kind of engine."""
    own, apart = (memory(load_config(None, ["launch.device=cpu", f"engine.kind={kind}"]), 2) for kind in KINDS)
    assert own[EXPORT] == apart[EXPORT] > 0
    beside = own["rollout: keys and values of a batch"]
    assert own[CHECKPOINT] == apart[CHECKPOINT] + beside
    for kind in KINDS:
        run = load_config(None, ["launch.device=cuda", f"engine.kind={kind}"])
        assert not {EXPORT, CHECKPOINT} & set(memory(run, 2))
        assert "machine memory of a rank: a checkpoint" in describe(run, Placement(slots=(2,)))


def test_vllm_engines_on_a_cpu_never_sleep_and_are_said_beside_the_ranks():
    words = ["launch.device=cpu", "engine.kind=vllm", "engine.kv_cache_gb=2"]
    run = load_config(None, words)
    text, whole = describe(run, Placement(slots=(2,))), 4 * parameters(model_shape(run.base, run))
    assert f"{(whole + 2 * 2**30) / 1e9:9.3f} GB" in text and "one for each player and node" in text
    assert not re.search("sleeps|GPU, vLLM|modelled on .* writes", text, re.DOTALL)
    shared = load_config(None, [*words, "cotrain.shared_weights=true", "engine.placement=colocated"])
    assert "one for each rank." in describe(shared, Placement(slots=(2,)))
    unknown = ["base.path=somebody/something", "problems.source=hub", "problems.path=x/y"]
    assert "never sleep" in describe(load_config(None, [*words, *unknown]), Placement(slots=(2,)))
