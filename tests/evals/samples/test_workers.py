"""The processes that sample for a sweep."""

import os

import pytest

from evals.samples.workers import SamplingPool
from rlad.config import load_config


@pytest.mark.parametrize("given", [None, "3"])
def test_threads_of_workers_are_no_longer_in_the_environment_when_they_have_ended(given, monkeypatch):
    """A program that sweeps goes on in its own; pools may stand in each other, as one that pilots does."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if given:
        monkeypatch.setenv("OMP_NUM_THREADS", given)
    before, run = dict(os.environ), load_config(None, ["launch.threads_per_rank=2"])
    with SamplingPool(run, {"test": []}):
        with SamplingPool(run, {"test": []}, pilot=True):
            assert os.environ["OMP_NUM_THREADS"] == (given or "2")
        assert os.environ["OMP_NUM_THREADS"] == (given or "2")
    assert dict(os.environ) == before
