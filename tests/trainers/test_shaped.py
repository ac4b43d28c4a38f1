"""The shaped objective p / (p + gamma) of refined rows, against numpy and against autograd through a real update."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainers.losses.shaped import shaped_ratio


@given(st.floats(-12, 0), st.floats(-2, 2), st.floats(0.01, 1))
def test_value_and_gradient_are_the_papers(logp, advantage, gamma):
    leaf = torch.tensor([[logp]], dtype=torch.float64, requires_grad=True)
    loss = shaped_ratio(leaf, torch.tensor([[advantage]]), torch.tensor([[gamma]], dtype=torch.float64))
    loss.sum().backward()
    p = np.exp(logp)
    assert loss.item() == pytest.approx(-advantage * p / (p + gamma), abs=1e-6)
    step = 1e-5  # d/dlogp of the paper's p/(p+gamma), by central differences
    slope = (
        np.exp(logp + step) / (np.exp(logp + step) + gamma) - np.exp(logp - step) / (np.exp(logp - step) + gamma)
    ) / (2 * step)
    assert leaf.grad.item() == pytest.approx(-advantage * slope, abs=1e-5)


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
