"""The shaped objective p / (p + gamma) of refined rows, against numpy and against autograd through a real update."""

import math

import numpy as np
import pytest
import torch

from rlad.config import PlayerConfig
from trainers.data.rows import Row
from trainers.learner.batches import collate
from trainers.learner.policy_loss import policy_loss
from trainers.losses.shaped import shaped_ratio


def test_value_and_gradient_are_the_papers():
    logp, advantage, gamma = np.meshgrid(np.linspace(-12, 0, 25), [-2.0, -0.25, 0.75], [0.01, 0.1, 1.0])
    leaf = torch.tensor(logp, requires_grad=True)
    loss = shaped_ratio(leaf, torch.tensor(advantage), torch.tensor(gamma))
    loss.sum().backward()

    def objective(values):
        return np.exp(values) / (np.exp(values) + gamma)

    assert loss.detach().numpy() == pytest.approx(-advantage * objective(logp))
    slope = (objective(logp + 1e-5) - objective(logp - 1e-5)) / 2e-5  # of the paper's objective, by differences
    assert leaf.grad.numpy() == pytest.approx(-advantage * slope, abs=1e-8)


def test_the_weight_peaks_at_a_quarter_where_p_is_gamma():
    p = torch.tensor([0.001, 0.01, 0.05, 0.1, 0.5, 1.0], dtype=torch.float64)
    logp = p.log().requires_grad_()
    shaped_ratio(logp, torch.tensor(1.0), torch.tensor(0.1)).sum().backward()
    assert (-logp.grad).tolist() == pytest.approx([0.0098, 0.0826, 0.2222, 0.25, 0.1389, 0.0826], abs=1e-4)


def test_ordinary_rows_are_untouched_even_where_their_probability_underflows():
    logp = torch.tensor([[-200.0], [-200.0]], requires_grad=True)
    loss = shaped_ratio(logp, torch.ones(2, 1), torch.tensor([[0.0], [0.1]]))
    loss.sum().backward()
    assert loss.tolist() == [[0.0], [0.0]]
    assert all(math.isfinite(g) for g in logp.grad.flatten().tolist())


def test_a_refined_row_is_learnt_by_the_shaped_objective_whatever_the_loss():
    """Through the term that an update uses, beside an ordinary row of the same text; dL/dlogp by hand."""
    rows = [Row((1,), (2, 3), 0.75, shaping=0.1, kl_weight=0.0), Row((1,), (2, 3), -0.5)]
    batch, p = collate(rows, [0, 1, -1], 0, torch.device("cpu")), [0.1, 0.5]
    for name in ("ppo_clip", "cispo", "gspo"):
        player = PlayerConfig(loss=name)
        logp = torch.tensor([p, p, p]).log().requires_grad_()
        loss, _ = policy_loss(player, batch, logp)
        (loss * batch.mask).sum().backward()
        shaped = [-0.75 * 0.1 * x / (x + 0.1) ** 2 for x in p]
        assert logp.grad.flatten().tolist() == pytest.approx([*shaped, 0.5, 0.5, 0, 0], abs=1e-6)
        assert loss[0].tolist() == pytest.approx([-0.75 * 0.5, -0.75 * 0.5 / 0.6])
