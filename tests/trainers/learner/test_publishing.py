"""When published weights are probed, and what a probe does not let pass."""

import math
from types import SimpleNamespace

import pytest
import torch

from rlad.config import RunConfig
from rlad.generation import Completion
from trainers.learner import publishing
from trainers.learner.publishing import StaleWeights, check_parity, publish


def learner(version=3, sampled=-0.5, holds=3):
    """A player whose sampler says `sampled` of each of two tokens, with weights of version `holds`."""
    completions = [Completion((5, 6), (sampled, sampled), "length", holds)]
    made = SimpleNamespace(
        version=version, first_gaps=[], probe=[[1, 2]], pad_id=0, device=torch.device("cpu"), model_engine=None,
        config=SimpleNamespace(temperature=1.0), policy=SimpleNamespace(role="solution"),
        sampler=SimpleNamespace(generate=lambda prompts, sampling: completions),
    )  # fmt: skip
    made.owner = made
    return made


@pytest.fixture
def trained(monkeypatch):
    """What the trainer says of each token, settable; one rank."""
    said = SimpleNamespace(logp=-0.5)
    monkeypatch.setattr(
        publishing, "token_logprobs", lambda engine, batch, *_, **__: (torch.full(batch.mask.shape, said.logp), None)
    )
    monkeypatch.setattr(publishing.zero3, "largest", lambda value, device: value)
    return said


def test_the_gap_is_the_mean_difference_of_log_probs(trained):
    trained.logp = -0.75
    assert check_parity(learner(), threshold=0.3) == pytest.approx(0.25)
    with pytest.raises(StaleWeights, match="2.50e-01"):
        check_parity(learner(), threshold=0.2)


@pytest.mark.parametrize("logp", [math.nan, -math.inf])
def test_a_gap_that_is_no_number_does_not_pass(trained, logp):
    trained.logp = logp
    with pytest.raises(StaleWeights):
        check_parity(learner(), threshold=1e9)


def test_an_older_version_does_not_pass_though_its_log_probs_agree(trained):
    with pytest.raises(StaleWeights, match=r"weight version 2 \(expected 3\)"):
        check_parity(learner(holds=2), threshold=1.0)


def test_first_publishes_are_probed_and_then_every_so_many(monkeypatch):
    probed, own = [], learner(version=0)
    monkeypatch.setattr(publishing.zero3, "send_weights", lambda *_: None)
    monkeypatch.setattr(publishing, "check_weights", lambda *_: None)
    monkeypatch.setattr(publishing, "check_parity", lambda learner, limit: probed.append(learner.version) or 1e-6)
    run = RunConfig()
    run.cotrain.parity_every = 5
    gaps = [publish([own], run, probe=step == 13) for step in range(1, 17)]
    assert probed == [1, 2, 3, 5, 10, 13, 15]
    assert [step for step, gap in enumerate(gaps, 1) if gap is not None] == probed and len(own.first_gaps) == 3
