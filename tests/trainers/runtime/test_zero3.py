"""What the configuration of a model engine says to DeepSpeed."""

from types import SimpleNamespace

import pytest
import torch
from deepspeed.runtime.config import get_managed_gradient_accumulation
from deepspeed.runtime.zero.config import DeepSpeedZeroConfig

from rlad.config import ZeroConfig
from trainers.runtime import zero3


def settings(**keys):
    return zero3.model_engine_config(ZeroConfig(**keys), torch.bfloat16, 1e-4, 0.0, (0.9, 0.95), 1.0)


@pytest.mark.parametrize("streams", [True, False])
def test_communication_goes_on_beside_the_arithmetic_where_the_device_has_streams(monkeypatch, streams):
    accelerator = SimpleNamespace(is_synchronized_device=lambda: not streams)  # as DeepSpeed's of a GPU, of a CPU
    monkeypatch.setattr(zero3, "get_accelerator", lambda: accelerator)
    for config in (settings(), zero3.partitioned(ZeroConfig(), torch.bfloat16)):
        read = DeepSpeedZeroConfig(**config["zero_optimization"])
        assert read.overlap_comm is streams and read.contiguous_gradients and read.reduce_scatter


def test_deepspeed_keeps_count_of_backward_passes_only_where_they_are_reduced_once():
    for once in (True, False):
        config = settings(reduce_once=once)
        assert get_managed_gradient_accumulation(config) is once and config["gradient_accumulation_steps"] == 1


def test_gradients_stay_until_the_end_of_the_step_only_with_reduce_once():
    def engine(managed):
        return SimpleNamespace(
            managed_gradient_accumulation=lambda: managed, coalesce_grad_reduction=lambda: "DeepSpeed's"
        )

    assert zero3.accumulated(engine(True)) == "DeepSpeed's"
    with zero3.accumulated(engine(False)):
        pass
