"""KL estimators against closed forms, and the entropy bonus's adaptive coefficient."""

import math

import pytest
import torch

from rlad.config import PlayerConfig
from trainers.losses.entropy import adapt_entropy, bonus
from trainers.losses.kl import kl_penalty

HALF, SKEWED = [0.5, 0.5], [0.8, 0.2]


def expected_gradient(logits, reference, estimator):
    """Exact expectation over tokens of the estimator's gradient, the sampling weights held fixed."""
    logits = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
    logp = torch.log_softmax(logits, -1)
    per_token = kl_penalty(logp, torch.tensor(reference, dtype=torch.float64), estimator)
    (logp.detach().exp() * per_token).sum().backward()
    return logits.grad.tolist()


@pytest.mark.parametrize("estimator, mean", [("k1", 0.2231), ("k2", 0.2651), ("k3", 0.2231)])
def test_expected_values_by_hand(estimator, mean):
    logp, reference = (torch.tensor(p, dtype=torch.float64).log() for p in (HALF, SKEWED))
    assert (logp.exp() * kl_penalty(logp, reference, estimator)).sum().item() == pytest.approx(mean, abs=1e-4)
    exact = sum(p * math.log(p / q) for p, q in zip(HALF, SKEWED, strict=True))
    reverse = sum(q * math.log(q / p) for p, q in zip(HALF, SKEWED, strict=True))
    assert (exact, reverse) == pytest.approx((0.2231, 0.1927), abs=1e-4)
    assert estimator == "k2" or mean == pytest.approx(exact, abs=1e-4)


@pytest.mark.parametrize("estimator, gradient", [("k1", (0, 0)), ("k2", (-0.3466, 0.3466)), ("k3", (-0.3, 0.3))])
def test_expected_kl_gradients(estimator, gradient):
    reference = torch.tensor(SKEWED, dtype=torch.float64).log().tolist()
    assert expected_gradient([0.0, 0.0], reference, estimator) == pytest.approx(gradient, abs=1e-4)


@pytest.mark.parametrize("estimator, order", [("k2", "forward"), ("k3", "reverse")])
def test_which_kl_an_estimator_as_a_loss_descends(estimator, order):
    """Against central differences of KL(pi || ref) and KL(ref || pi) in plain Python."""

    def kl(logits):
        norm = sum(math.exp(x) for x in logits)
        pi = [math.exp(x) / norm for x in logits]
        pairs = zip(pi, SKEWED, strict=True) if order == "forward" else zip(SKEWED, pi, strict=True)
        return sum(p * math.log(p / q) for p, q in pairs)

    logits = [0.3, -0.4]
    slopes = [(kl([x + 1e-6 * (i == j) for j, x in enumerate(logits)])
               - kl([x - 1e-6 * (i == j) for j, x in enumerate(logits)])) / 2e-6 for i in range(2)]  # fmt: skip
    reference = torch.tensor(SKEWED, dtype=torch.float64).log().tolist()
    assert expected_gradient(logits, reference, estimator) == pytest.approx(slopes, abs=1e-6)


def test_the_anchor_acts_only_after_drift():
    reference = torch.log_softmax(torch.tensor([2.0, 0, 0], dtype=torch.float64), -1).tolist()
    assert expected_gradient([2.0, 0, 0], reference, "k3") == pytest.approx([0, 0, 0], abs=1e-9)
    assert expected_gradient([1.0, 0, 0], reference, "k3") == pytest.approx([-0.2109, 0.1054, 0.1054], abs=1e-4)


def test_k3_is_never_negative_and_never_overflows():
    logp = torch.linspace(-300, 0, 200)
    assert (kl_penalty(logp, torch.flip(logp, (0,)), "k3") >= 0).all()
    assert torch.isfinite(kl_penalty(logp, torch.zeros(200), "k3")).all()


def test_the_adaptive_coefficient_climbs_to_its_ceiling_and_falls_again():
    player = PlayerConfig(entropy_target=0.2, entropy_step=1e-4, entropy_max=0.005)
    seen, coefficient = [], 0.0
    for entropy in [0.1] * 60 + [0.3] * 10:
        coefficient = adapt_entropy(coefficient, entropy, player)
        seen.append(round(coefficient, 6))
    assert (seen[48], seen[49], seen[59], seen[69]) == (0.0049, 0.005, 0.005, 0.004)


def test_the_bonus_acts_only_below_its_target():
    player = PlayerConfig(entropy_target=0.2)
    assert [bonus(0.004, entropy, player) for entropy in (None, 0.1, 0.2, 0.3)] == [0.004, 0.004, 0, 0]
