"""Where engines that ranks share get their GPUs."""

import pytest

from rlad.config import EngineConfig
from rlad.generation import SamplerFailed
from rlad.generation.vllm.setup import SPARE
from trainers.runtime.samplers import shared_gpus


@pytest.mark.parametrize(
    "spare,each,where,before,expected",
    [("6,7", 1, "shared", 1, "7"), ("4,5,6,7", 2, "lora", 0, "4,5"), ("", 1, "lora", 0, "")],
)
def test_shared_engines_take_gpus_that_no_rank_has(monkeypatch, spare, each, where, before, expected):
    monkeypatch.setenv(SPARE, spare)
    assert shared_gpus(EngineConfig(tensor_parallel=each), where, before) == expected


@pytest.mark.parametrize("spare,each,where", [("7", 1, "shared"), ("6,7", 2, "shared"), ("7", 2, "lora")])
def test_too_few_are_told(monkeypatch, spare, each, where):
    monkeypatch.setenv(SPARE, spare)
    with pytest.raises(SamplerFailed, match="lower launch.ranks"):
        shared_gpus(EngineConfig(tensor_parallel=each), where, 1)
