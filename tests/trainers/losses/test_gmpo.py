"""GMPO: the gradient is that of the sequence's objective, and a held token counts without moving."""

import math

import pytest
import torch

from rlad.config import ConfigError, load_config
from trainers.losses import LossTensors
from trainers.losses.gmpo import GmpoKeys, gmpo


def objective(logs, advantage, keys):
    """The paper's: sign(A) times the geometric mean of |min(r A, clip(r) A)| over the tokens, in plain Python."""
    low, high = math.exp(-keys.clip_low), math.exp(keys.clip_high)
    terms = [min(math.exp(x) * advantage, min(max(math.exp(x), low), high) * advantage) for x in logs]
    return math.copysign(math.prod(abs(term) for term in terms) ** (1 / len(terms)), advantage)


@pytest.mark.parametrize("advantage", [1.3, -0.7])
def test_value_and_gradient_are_those_of_the_paper(advantage):
    keys, logs = GmpoKeys(clip_low=0.3, clip_high=0.5), [0.7, -0.6, 0.1, -0.2, 0.9, 0.3, -0.4]
    logp = torch.tensor([[*logs, 9.0]], dtype=torch.float64, requires_grad=True)  # the last one is padding
    mask = torch.tensor([[1.0] * 7 + [0.0]], dtype=torch.float64)
    tokens = LossTensors(logp, torch.zeros_like(logp), torch.full_like(logp, advantage), mask)
    loss, stats = gmpo(tokens, keys)
    value = (loss * mask).sum() / 7
    value.backward()
    assert value.item() == pytest.approx(-objective(logs, advantage, keys))
    for t in range(7):
        up, down = ([x + h * (i == t) for i, x in enumerate(logs)] for h in (1e-6, -1e-6))
        slope = (objective(down, advantage, keys) - objective(up, advantage, keys)) / 2e-6
        assert logp.grad[0, t].item() == pytest.approx(slope, abs=1e-6)
    held = [x > 0.5 if advantage > 0 else x < -0.3 for x in logs]
    assert 0 < sum(held) < 7
    assert stats["clip_fraction"][0].tolist() == [*map(float, held), 0.0]


def test_the_mean_over_the_sequence_is_part_of_it():
    load_config(None, ["solution.loss=gmpo", "solution.gmpo.clip_high=0.6"])
    with pytest.raises(ConfigError, match="use sequence-mean or auto"):
        load_config(None, ["solution.loss=gmpo", "solution.aggregation=token-mean"])
