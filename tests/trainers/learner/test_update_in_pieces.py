"""An update whose logits are cut into pieces is the one that holds them all: every loss, and what composes with it."""

from types import SimpleNamespace

import pytest
import torch
from one_process import OneProcess, pretend_one_rank
from torch.testing import assert_close

from rlad.config import ModelConfig, RunConfig
from rlad.config.registry import loss as losses
from rlad.players import pieces
from rlad.players.policy import tiny_model
from trainers.data.rows import Row
from trainers.learner.learner import Learner
from trainers.learner.update import update

TINY = ModelConfig(hidden_size=16, layers=1, heads=2, kv_heads=1, intermediate_size=16, max_positions=32)
WORDS = 140
ROWS = [
    Row((3, 4), (5, 100, 7), 1.0, sampler_logprobs=(-5.0, -4.2, -4.9), copies=2),
    Row((3, 4), (5, 2), 1.0, sampler_logprobs=(-4.5, -5.2)),
    Row((3, 4), (8, 3, 7), -1.0, sampler_logprobs=(-5.0, -5.2, -4.9)),
    Row((3, 4), (9, 139, 7, 1), -1.0, sampler_logprobs=(-5.0, -5.2, -4.9, -5.1)),
    Row((6,), (5, 1), 0.0, pg_weight=0.0, bare=True, sampler_logprobs=(-5.0, -5.1)),
    Row((6,), (70, 2, 2), 0.5, kl_weight=0.0, shaping=0.1, sampler_logprobs=(-5.0, -5.1, -4.0)),
]
BESIDE = {
    "alone": {},
    "anchored, entropy bonus": {"kl_coef": 0.3, "entropy_coef": 0.2},
    "80/20, corrected": {"old_logprobs": "sampler", "forking.share": 0.4, "mismatch.kind": "truncated"},
}


@pytest.fixture(autouse=True)
def one_rank(monkeypatch):
    pretend_one_rank(monkeypatch)


def outcome(name, keys, monkeypatch, cut):
    monkeypatch.setattr(pieces, "WHOLE", 0 if cut else 10**9)
    monkeypatch.setattr(pieces, "PIECE", {"cpu": 1})
    torch.manual_seed(0)
    model, reference = tiny_model(TINY, WORDS, 1, 0).eval(), tiny_model(TINY, WORDS, 1, 0).eval()
    run = RunConfig()
    run.cotrain.micro_batch, run.cotrain.updates_per_rollout = 4, 2
    player = run.solution
    player.loss, player.temperature, player.kl_coef = name, 0.7, 0.0
    for key, value in keys.items():
        *section, key = key.split(".")
        setattr(getattr(player, section[0]) if section else player, key, value)
    policy = SimpleNamespace(tokenizer=SimpleNamespace(pad_token_id=0))
    learner = Learner(policy, player, OneProcess(model), reference, None, torch.device("cpu"), player.entropy_coef)
    stats = update(learner, ROWS, run)
    return stats, torch.cat([parameter.grad.flatten() for parameter in model.parameters()]), learner.record


@pytest.mark.parametrize("keys", BESIDE.values(), ids=BESIDE)
@pytest.mark.parametrize("name", losses.names())
def test_loss_gradient_and_statistics_are_the_same(name, keys, monkeypatch):
    stats, gradient, record = outcome(name, keys, monkeypatch, cut=True)
    expected, whole, seen = outcome(name, keys, monkeypatch, cut=False)
    assert gradient.abs().max() > 1e-3
    assert_close(gradient, whole, rtol=1e-5, atol=1e-6)
    assert stats == pytest.approx(expected, rel=1e-5, abs=1e-6)
    for one, other in zip((*record.logp, *record.entropy), (*seen.logp, *seen.entropy), strict=True):
        assert_close(one, other, rtol=0, atol=2e-6)
