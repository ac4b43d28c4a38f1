"""Token entropies and covariances against other ways to compute them; the checks of the methods reference by number."""

import math
from itertools import combinations

import numpy as np
import pytest
import torch

from rlad.entropy.covariance import covariance_profile, entropy_change, predicted_entropy_change, token_covariance
from rlad.entropy.tokens import (
    entropy_profile,
    forking_count,
    forking_overlap,
    forking_set,
    forking_tokens,
    mean_entropies,
    token_entropy,
)


def test_entropy_check_3_1():
    assert token_entropy(torch.zeros(4)).item() == pytest.approx(1.3863, abs=1e-4)
    assert mean_entropies([[1.0, 1.0], [0.0] * 8]) == (0.5, 0.2)


def test_entropy_is_that_of_torchs_distribution_in_any_chunks():
    logits = torch.randn(3, 5, 11, generator=torch.Generator().manual_seed(0)) * 4
    expected = torch.distributions.Categorical(logits=logits / 0.7).entropy()
    for chunk in (1, 4, 99):
        assert torch.allclose(token_entropy(logits, 0.7, chunk), expected, atol=1e-6)


def test_forbidden_tokens_do_not_make_the_entropy_nan():
    logits = torch.tensor([0.0, 0.0, -math.inf])
    assert token_entropy(logits).item() == pytest.approx(math.log(2))


def test_profile_by_sorting_in_plain_python():
    rng = np.random.default_rng(1)
    values = rng.exponential(0.4, 103) * (rng.random(103) < 0.5)
    found = entropy_profile(values, threshold=0.5)
    ranked = sorted(values.tolist(), reverse=True)
    assert found["top20_share"] == pytest.approx(sum(ranked[:21]) / sum(ranked))
    assert found["quiet_share"] == sum(v < 0.01 for v in ranked) / 103
    assert found["forking_share"] == sum(v > 0.5 for v in ranked) / 103
    assert found["p50"] == ranked[51]
    assert found["mean"] == pytest.approx(sum(ranked) / 103)
    assert entropy_profile(np.zeros(4))["top20_share"] is None


def test_forking_tokens_check_2_10():
    assert [forking_count(n) for n in (1, 5, 10, 11, 12)] == [1, 1, 2, 3, 3]
    values = np.array([0.3, 0.9, 0.1, 0.8, 0.7, 0.2, 0.0, 0.0, 0.0, 0.0])
    best = max(combinations(range(10), 2), key=lambda pair: sum(values[i] for i in pair))
    assert forking_set(values) == set(best) == {1, 3}
    assert forking_overlap(values, values) == 1.0
    assert forking_overlap(values, values[::-1]) == 0.0
    assert forking_tokens([5, 6, 5, 6, 5, 5, 5, 5, 5, 5], values) == [(6, 2)]


def test_covariance_is_numpys_and_check_2_7():
    logp, advantage = np.array([-0.1, -0.1, -0.1, -3.7]), np.array([1.0, 1.0, -1.0, -1.0])
    assert token_covariance(logp, advantage) == pytest.approx([0.9, 0.9, -0.9, 2.7])
    rng = np.random.default_rng(2)
    logp, advantage = rng.normal(size=5000), rng.normal(size=5000)
    found = covariance_profile(logp, advantage)
    assert found["mean"] == pytest.approx(np.cov(logp, advantage, ddof=0)[0, 1])
    by_hand = sorted(((a - logp.mean()) * (b - advantage.mean()) for a, b in zip(logp, advantage, strict=True)))
    assert found["top_share"] == pytest.approx(sum(by_hand[-10:]) / sum(v for v in by_hand if v > 0))
    assert found["p99"] == pytest.approx(by_hand[4949] + 0.01 * (by_hand[4950] - by_hand[4949]), abs=1e-9)
    assert covariance_profile(logp, np.ones(5000))["top_share"] is None


def test_entropy_change_check_3_4():
    policy, advantage = np.array([0.7, 0.2, 0.1]), np.array([1.0, 0.0, -7.0])
    assert policy @ advantage == pytest.approx(0)
    for change, exact, predicted in (
        (1e-3 * advantage, -0.00136141, -0.00136214),
        (1e-3 * policy * advantage, -0.00032319, -0.00032317),
    ):
        assert entropy_change(policy, change) == pytest.approx(exact, rel=1e-4)
        assert predicted_entropy_change(policy, change) == pytest.approx(predicted, rel=1e-4)
        assert predicted_entropy_change(policy, change) == pytest.approx(exact, rel=0.01)


def test_prediction_is_the_gradient_of_entropy_that_torch_takes():
    logits = torch.tensor([0.3, -1.2, 0.8, 0.1], dtype=torch.float64, requires_grad=True)
    entropy = torch.distributions.Categorical(logits=logits).entropy()
    (gradient,) = torch.autograd.grad(entropy, logits)
    change = torch.tensor([0.2, 0.5, -0.1, 0.7], dtype=torch.float64)
    policy = torch.softmax(logits, -1).detach().numpy()
    assert predicted_entropy_change(policy, change.numpy()) == pytest.approx(float(gradient @ change))
