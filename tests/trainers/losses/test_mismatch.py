"""Importance weights between sampler and trainer, and what reaches the loss."""

import math
from dataclasses import replace

import pytest
import torch

from rlad.config import MismatchConfig, PlayerConfig
from trainers.data.rows import Row
from trainers.learner.batches import collate
from trainers.learner.policy_loss import policy_loss
from trainers.losses.mismatch import mismatch_weights, off_policy_mask


def weights(w, **keys):
    w = torch.tensor([w])
    return mismatch_weights(w.log(), torch.zeros_like(w), torch.ones_like(w), MismatchConfig(**keys))[0].tolist()


def test_weights_by_hand():
    assert weights([0.5, 1.0, 3.0], kind="truncated") == pytest.approx([0.5, 1, 2])
    assert weights([0.4, 0.5, 1.0, 2.0, 3.0], kind="masked") == pytest.approx([0, 0.5, 1, 2, 0])
    assert weights([1.5] * 4, kind="truncated", level="sequence", high=9.0) == pytest.approx([5.0625] * 4)
    assert weights([1.5] * 4, kind="truncated", level="geometric", high=9.0) == pytest.approx([1.5] * 4)
    assert weights([1.5] * 4, kind="truncated", level="sequence") == pytest.approx([2] * 4)
    assert weights([1.5] * 4, kind="masked", level="sequence") == [0] * 4
    assert weights([1.5, 1 / 1.5], kind="masked", level="sequence") == pytest.approx([1, 1])
    assert weights([1.0005, 1.0005], kind="masked", level="geometric") == pytest.approx([1.0005] * 2)
    assert weights([1.005, 1.005], kind="masked", level="geometric") == [0, 0]
    assert weights([0.3, 7.0]) == [1, 1]


def test_truncation_biases():
    trainer, sampler = (0.9, 0.1), (0.3, 0.7)
    ratios = [p / q for p, q in zip(trainer, sampler, strict=True)]
    assert sum(q * w for q, w in zip(sampler, ratios, strict=True)) == pytest.approx(1)
    truncated = weights(ratios, kind="truncated")
    assert sum(q * w for q, w in zip(sampler, truncated, strict=True)) == pytest.approx(0.7)


def test_padding_takes_no_part_in_a_sequence():
    trainer, mask = torch.tensor([[1.5, 1.5, 100.0]]).log(), torch.tensor([[1.0, 1.0, 0.0]])
    config = MismatchConfig(kind="truncated", level="geometric", high=9.0)
    assert mismatch_weights(trainer, torch.zeros(1, 3), mask, config)[0, 0].item() == pytest.approx(1.5)


def test_sequences_that_have_become_unlikely_are_dropped_only_when_they_were_bad():
    now, then = torch.full((3, 2), math.log(0.1)), torch.full((3, 2), math.log(0.2))
    advantage = torch.tensor([[-1.0], [1.0], [-1.0]]).expand(3, 2)
    then[2] = math.log(0.11)
    assert off_policy_mask(now, then, advantage, torch.ones(3, 2), 0.5)[:, 0].tolist() == [0, 1, 1]


def micro_batch():
    rows = [
        Row((1,), (2, 3), 1.0, sampler_logprobs=(-1.0, -2.0)),
        Row((1,), (4,), -1.0, sampler_logprobs=(-3.0,)),
        Row((1,), (5,), 0.0, pg_weight=0.0, bare=True, sampler_logprobs=(-1.0,)),
    ]
    return collate(rows, [0, 1, 2, -1], 0, torch.device("cpu"))


def test_weights_multiply_the_policy_loss_and_carry_no_gradient():
    batch = micro_batch()
    player = PlayerConfig()
    player.mismatch = MismatchConfig(kind="truncated")
    logp = torch.tensor([[-0.5, -2.5], [-1.0, 0.0], [-1.0, 0.0], [-7.0, 0.0]]).requires_grad_()
    loss, stats = policy_loss(player, batch, logp)
    (loss * batch.mask).sum().backward()
    w = [min(math.exp(0.5), 2), math.exp(-0.5), 2.0]
    assert logp.grad.flatten().tolist() == pytest.approx([-w[0], -w[1], w[2], 0, 0, 0, 0, 0])
    assert stats["mismatch"].flatten().tolist() == pytest.approx([0.5, 0.5, 2, 0, 0, 0, 0, 0])


def test_opsm_drops_a_failure_that_the_trainer_would_hardly_write_and_nothing_else():
    batch = micro_batch()
    player = PlayerConfig()
    player.mismatch = MismatchConfig(kind="truncated", opsm=1.5)
    logp = torch.tensor([[-4.0, -6.0], [-5.0, 0.0], [-9.0, 0.0], [-7.0, 0.0]]).requires_grad_()
    loss, _ = policy_loss(player, batch, logp)
    (loss * batch.mask).sum().backward()
    # The first row is as far off (3 and 4 nats), but it was a success; the second was none and is off by 2.
    expected = [-math.exp(-3), -math.exp(-4), 0, 0, 0, 0, 0, 0]
    assert logp.grad.flatten().tolist() == pytest.approx(expected, abs=1e-7)
    player.mismatch.opsm = 2.5
    logp.grad = None
    policy_loss(player, batch, logp)[0][1, 0].backward()
    assert logp.grad[1, 0].item() == pytest.approx(math.exp(-2))


def test_samples_of_older_weights_give_the_gradient_of_the_newer_ones():
    """Tokens 2 and 3, sampled with (.3, .7), now at (.5, .5): what E[A grad log p] is, is no longer their frequency."""
    older, newer, advantage = (0.3, 0.7), (0.5, 0.5), (1.0, -2.0)
    rows = [
        Row((1,), (token,), a, sampler_logprobs=(math.log(p),))
        for token, p, a in zip((2, 3), older, advantage, strict=True)
    ]
    batch = collate(rows, [0, 1], 0, torch.device("cpu"))
    for player, expected in (
        (PlayerConfig(), (-0.3, 1.4)),  # uncorrected: the older weights' own
        (PlayerConfig(mismatch=MismatchConfig(kind="truncated")), (-0.5, 1.0)),  # w = 5/3 and 5/7
        (PlayerConfig(loss="cispo", old_logprobs="sampler"), (-0.5, 1.0)),  # the same as the loss's own ratio
        (PlayerConfig(old_logprobs="sampler"), (0.0, 0.0)),  # which PPO clips at 1.2 and .8
    ):
        logp = torch.tensor(newer).log()[:, None].requires_grad_()
        loss, _ = policy_loss(player, batch, logp)
        (loss[:, 0] * torch.tensor(older)).sum().backward()
        assert logp.grad[:, 0].tolist() == pytest.approx(expected)


def test_the_ratio_can_be_measured_against_the_sampler_itself():
    batch = micro_batch()
    player = PlayerConfig(loss="cispo", old_logprobs="sampler")
    player.of("cispo").cap = 1.5
    logp = torch.tensor([[-0.5, -2.5], [-1.0, 0.0], [-1.0, 0.0], [-7.0, 0.0]]).requires_grad_()
    loss, _ = policy_loss(player, batch, logp)
    (loss * batch.mask).sum().backward()
    assert logp.grad.flatten().tolist() == pytest.approx([-1.5, -math.exp(-0.5), 1.5, 0, 0, 0, 0, 0])


def test_forking_tokens_mask_any_loss():
    batch = micro_batch()
    logp = torch.full((4, 2), -1.0).requires_grad_()
    kept = torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    player = PlayerConfig(loss="gppo")
    loss, _ = policy_loss(player, replace(batch, kept=kept, kept_factor=torch.full((4, 1), 5.0)), logp)
    (loss * batch.mask).sum().backward()
    assert logp.grad.flatten().tolist() == [0, -5, 5, 0, 0, 0, 0, 0]
