"""Losses: gradient weights against the table of the methods reference, KL gradients against closed forms."""

import pytest
import torch

from rlad.config import PlayerConfig
from rlad.validation import LOSSES as KNOWN
from trainers.losses import LOSSES
from trainers.losses.aggregate import MODES, row_weights
from trainers.losses.kl import kl_penalty
from trainers.losses.ppo_clip import ppo_clip

RATIOS = [0.5, 0.9, 1.0, 1.1, 1.5, 4.0]


def gradient_weights(sign: float, player: PlayerConfig) -> list[float]:
    """g with dL/dlogp = -g * A."""
    logp = torch.tensor([RATIOS]).log().requires_grad_()
    advantage = torch.full((1, 6), sign)
    loss, _ = ppo_clip(logp, torch.zeros(1, 6), advantage, torch.ones(1, 6), player)
    loss.sum().backward()
    return [round(-g / sign, 4) for g in logp.grad[0].tolist()]


@pytest.mark.parametrize(
    "dual, positive, negative",
    [
        (None, [0.5, 0.9, 1, 1.1, 0, 0], [0, 0.9, 1, 1.1, 1.5, 4]),
        (3.0, [0.5, 0.9, 1, 1.1, 0, 0], [0, 0.9, 1, 1.1, 1.5, 0]),
    ],
)
def test_clip_gradients(dual, positive, negative):
    player = PlayerConfig(clip_low=0.2, clip_high=0.2, dual_clip=dual)
    assert gradient_weights(1.0, player) == positive
    assert gradient_weights(-1.0, player) == negative


def test_clip_higher_moves_only_the_upper_bound():
    logp = torch.tensor([[1.25]]).log()
    args = (torch.zeros(1, 1), torch.ones(1, 1), torch.ones(1, 1))
    assert ppo_clip(logp, *args, PlayerConfig(clip_high=0.2))[1]["clip_fraction"].item() == 1
    assert ppo_clip(logp, *args, PlayerConfig(clip_high=0.28))[1]["clip_fraction"].item() == 0


def expected_gradient(logits, reference, estimator):
    """Exact expectation over tokens of the estimator's gradient, the sampling weights held fixed."""
    logits = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
    logp = torch.log_softmax(logits, -1)
    per_token = kl_penalty(logp, torch.tensor(reference, dtype=torch.float64), estimator)
    (logp.detach().exp() * per_token).sum().backward()
    return logits.grad.tolist()


@pytest.mark.parametrize("estimator, gradient", [("k1", (0, 0)), ("k2", (-0.3466, 0.3466)), ("k3", (-0.3, 0.3))])
def test_expected_kl_gradients(estimator, gradient):
    reference = torch.tensor([0.8, 0.2], dtype=torch.float64).log().tolist()
    assert expected_gradient([0.0, 0.0], reference, estimator) == pytest.approx(gradient, abs=1e-4)


def test_the_anchor_acts_only_after_drift():
    reference = torch.log_softmax(torch.tensor([2.0, 0, 0], dtype=torch.float64), -1).tolist()
    assert expected_gradient([2.0, 0, 0], reference, "k3") == pytest.approx([0, 0, 0], abs=1e-9)
    assert expected_gradient([1.0, 0, 0], reference, "k3") == pytest.approx([-0.2109, 0.1054, 0.1054], abs=1e-4)


def test_k3_is_never_negative_and_never_overflows():
    logp = torch.linspace(-300, 0, 200)
    assert (kl_penalty(logp, torch.flip(logp, (0,)), "k3") >= 0).all()
    assert torch.isfinite(kl_penalty(logp, torch.zeros(200), "k3")).all()


@pytest.mark.parametrize("mode", MODES)
def test_aggregation_is_the_same_however_the_batch_is_split(mode):
    generator = torch.Generator().manual_seed(0)
    lengths = [3, 1, 7, 2, 5, 4, 6]
    prompts = [0, 0, 1, 1, 2, 2, 2]
    losses = [torch.rand(n, generator=generator, dtype=torch.float64) for n in lengths]
    of_prompt = [sum(n for n, q in zip(lengths, prompts, strict=False) if q == p) for p in prompts]

    def total(split):
        parts = [range(start, len(lengths), split) for start in range(split)]
        value = 0.0
        for part in parts:
            weights = row_weights([lengths[i] for i in part], [of_prompt[i] for i in part], mode, 28, 7, 3, 10)
            value += sum(w * losses[i].sum().item() for w, i in zip(weights, part, strict=True))
        return value

    direct = {
        "token-mean": sum(x.sum() for x in losses) / 28,
        "sequence-mean": sum(x.mean() for x in losses) / 7,
        "prompt-mean": sum(x.sum() / n for x, n in zip(losses, of_prompt, strict=True)) / 3,
        "constant": sum(x.sum() for x in losses) / 70,
    }
    assert [total(split) for split in (1, 2, 7)] == pytest.approx([direct[mode].item()] * 3, abs=1e-9)


def test_the_configuration_knows_exactly_the_registered_losses():
    assert set(KNOWN) == set(LOSSES)
