"""Effective rank and VERL's shaping: the checks of the methods reference, and other ways to the same numbers."""

import math

import numpy as np
import pytest
import torch

from rlad.entropy.rank import (
    deviation,
    effective_rank,
    exploration_bonus,
    rank_dynamics,
    rank_scan,
    shaped_advantage,
    velocity_and_acceleration,
)


def test_effective_rank_check_3_11():
    assert effective_rank(torch.eye(6), centred=False) == pytest.approx(6)
    assert effective_rank(torch.eye(6)) == pytest.approx(5)
    line = torch.arange(5.0)[:, None] * torch.tensor([[1.0, 2.0, 3.0]])
    assert effective_rank(line) == pytest.approx(1, abs=1e-6)
    assert effective_rank(torch.diag(torch.tensor([3.0, 1.0])), centred=False) == pytest.approx(1.7548, abs=1e-4)
    p = np.array([0.9, 0.1])  # squared singular values would give another number
    assert math.exp(-(p * np.log(p)).sum()) == pytest.approx(1.3841, abs=1e-4)


def test_effective_rank_from_the_eigenvalues_of_the_gram_matrix():
    states = torch.randn(9, 5, generator=torch.Generator().manual_seed(3)).double()
    gram = np.cov(states.numpy().T, ddof=0) * 9
    sigma = np.sqrt(np.clip(np.linalg.eigvalsh(gram), 0, None))
    p = sigma / sigma.sum()
    assert effective_rank(states) == pytest.approx(math.exp(-(p * np.log(p)).sum()))
    assert effective_rank(states + 7) == pytest.approx(effective_rank(states))  # centred
    assert effective_rank(states * 3) == pytest.approx(effective_rank(states))
    assert effective_rank(torch.ones(4, 3)) == 0.0


def test_velocity_and_acceleration_check_3_12():
    assert velocity_and_acceleration([1, 2, 3, 4]) == (1.5, 0.5)
    assert velocity_and_acceleration([2, 2, 2]) == (0, 0)
    assert velocity_and_acceleration([1, 2, 2, 2]) == pytest.approx((0.6111, -0.3333), abs=1e-4)
    assert velocity_and_acceleration([3]) == velocity_and_acceleration([]) == (0, 0)
    ranks = np.random.default_rng(0).random(7)
    running = np.cumsum(ranks)[:-1] / np.arange(1, 7)
    deltas = ranks[1:] - running
    # The mean of differences telescopes.
    assert velocity_and_acceleration(ranks) == pytest.approx((deltas.mean(), (deltas[-1] - deltas[0]) / 5))


def test_scan_reads_the_last_512_tokens_and_needs_two_strides():
    states = torch.randn(600, 4, generator=torch.Generator().manual_seed(0))
    scan = rank_scan(states, 256)
    assert scan == [effective_rank(states[88 : 88 + 256]), effective_rank(states[88:])]
    assert rank_scan(states[:15], 8) == []
    found = rank_dynamics(states[:15], 8)
    assert (found.erv, found.era) == (0, 0)
    assert found.er > 1


def test_shaping_check_3_13():
    pairs = {(1, 0.3): 1.3, (1, 0.9): 1.5, (1, -0.4): 1, (-1, 0.9): -0.5, (0, 0.9): 0}
    for (advantage, bonus), expected in pairs.items():
        assert shaped_advantage(advantage, bonus) == pytest.approx(expected)
    assert exploration_bonus(0.5, 0.2, 0.0) == pytest.approx(0.3297, abs=1e-4)
    assert exploration_bonus(0.5, 0.2, 9.0) == pytest.approx(math.tanh(0.5), abs=1e-6)
    assert exploration_bonus(0.5, 0.2, -9.0) == pytest.approx(math.tanh(0.2), abs=1e-6)
    assert (deviation(3, 2), deviation(-100, 2), deviation(1, 0)) == (pytest.approx(0.5), -5, 5)
