"""What the configuration of a model engine says to DeepSpeed."""

from contextlib import contextmanager
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


class Managed:
    """A model engine whose gradients are those that it has seen; whatever ends the block, DeepSpeed scatters them."""

    def __init__(self, managed=True):
        self.gradients, self.scattered, self.managed = [], [], managed
        self.module = SimpleNamespace(zero_grad=lambda: self.gradients.clear())

    def managed_gradient_accumulation(self):
        return self.managed

    @contextmanager
    def coalesce_grad_reduction(self):
        try:
            yield
        finally:
            self.scattered += self.gradients


def test_gradients_stay_until_the_end_of_the_step_only_with_reduce_once():
    managed, other = Managed(), Managed(managed=False)
    for engine in (managed, other):
        with zero3.accumulated(engine):
            engine.gradients += [1, 2]
            assert not engine.scattered
    assert managed.scattered == [1, 2] and not other.scattered


def test_behind_an_error_nothing_is_scattered_that_would_wait_for_the_other_ranks():
    engine = Managed()
    engine.gradients.append(1)
    with pytest.raises(ValueError, match="seven"), zero3.accumulated(engine):
        int("seven")
    assert not engine.scattered
