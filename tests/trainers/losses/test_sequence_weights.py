"""VESPO and LUSPO: gradients against the formulas in plain Python, and what they are where their keys do nothing."""

import math
import random

import pytest
import torch

from rlad.config import ConfigError, load_config
from trainers.losses import LossTensors
from trainers.losses.cispo import CispoKeys, cispo
from trainers.losses.gspo import GspoKeys, gspo
from trainers.losses.luspo import LuspoKeys, luspo
from trainers.losses.vespo import VespoKeys, vespo


def ragged(seed, spread):
    """Six sequences of up to five tokens, padded with what must not count."""
    rng = random.Random(seed)
    lengths, advantages = [1, 2, 5, 3, 4, 5], [1.3, -0.7, 0.4, -1.0, 0.0, 2.0]
    logp, old, mask = torch.full((6, 5), 7.0), torch.full((6, 5), -9.0), torch.zeros(6, 5)
    for i, length in enumerate(lengths):
        for t in range(length):
            old[i, t] = -rng.uniform(0.1, 3)
            logp[i, t], mask[i, t] = old[i, t] + rng.gauss(0, spread), 1.0
    advantage = torch.tensor(advantages)[:, None].expand(6, 5)
    return LossTensors(logp.double().requires_grad_(), old.double(), advantage.double(), mask.double())


def test_vespo_weighs_a_sequence_by_its_whole_ratio():
    tokens, keys = ragged(1, 0.3), VespoKeys(k_positive=1.5, lambda_positive=2.5, k_negative=0.5, lambda_negative=4.0)
    loss, stats = vespo(tokens, keys)
    (loss * tokens.mask).sum().backward()
    for i in range(6):
        log_ratios = ((tokens.logp - tokens.logp_old) * tokens.mask)[i].tolist()
        w, a = math.exp(sum(log_ratios)), tokens.advantage[i, 0].item()
        k, decay = (1.5, 2.5) if a >= 0 else (0.5, 4.0)
        phi = w**k * math.exp(decay * (1 - w))
        assert tokens.logp.grad[i].tolist() == pytest.approx([-phi * a * m for m in tokens.mask[i].tolist()])
        assert stats["weight"][i].tolist() == pytest.approx([phi * m for m in tokens.mask[i].tolist()])


@pytest.mark.parametrize("far", [30.0, -30.0])
def test_vespo_lets_go_of_sequences_that_are_far_off(far):
    logp = torch.full((1, 4), far / 4, requires_grad=True)
    loss, _ = vespo(LossTensors(logp, torch.zeros(1, 4), torch.ones(1, 4), torch.ones(1, 4)), VespoKeys())
    loss.sum().backward()
    assert torch.isfinite(logp.grad).all() and logp.grad.abs().max() < 1e-12


def test_vespo_without_powers_and_decays_is_the_plain_policy_gradient():
    """Bit for bit CISPO with all weights cut to 1: -A * log p."""
    tokens = ragged(2, 0.5)
    zero = VespoKeys(k_positive=0, lambda_positive=0, k_negative=0, lambda_negative=0)
    assert torch.equal(vespo(tokens, zero)[0], cispo(tokens, CispoKeys(floor=1.0, cap=1.0))[0])


def test_luspo_is_gspo_times_the_length():
    tokens = ragged(3, 4e-3)
    bounds = {"clip_low": 4e-4, "clip_high": 6e-4}
    loss, stats = luspo(tokens, LuspoKeys(**bounds))
    parent, same = gspo(tokens, GspoKeys(**bounds))
    assert torch.equal(loss, parent * tokens.mask.sum(1, keepdim=True))
    assert torch.equal(stats["clip_fraction"], same["clip_fraction"]) and 0 < stats["clip_fraction"].sum() < 20


def test_luspo_of_single_tokens_is_gspo():
    logp = torch.tensor([[0.01], [-0.2], [0.0]])
    tokens = LossTensors(logp, torch.zeros(3, 1), torch.tensor([[1.0], [-1.0], [0.5]]), torch.ones(3, 1))
    bounds = {"clip_low": 2e-3, "clip_high": 2.5e-3}
    assert torch.equal(luspo(tokens, LuspoKeys(**bounds))[0], gspo(tokens, GspoKeys(**bounds))[0])


def test_luspo_wants_sequence_means():
    load_config(None, ["solution.loss=luspo", "solution.luspo.clip_high=0.01"])
    for word, why in (("aggregation=token-mean", "undoes solution.loss=luspo"), ("mismatch.kind=masked", "luspo has")):
        with pytest.raises(ConfigError, match=why):
            load_config(None, ["solution.loss=luspo", f"solution.{word}"])
