"""What stands on padding reaches no token: other numbers there give the same losses and gradients."""

import pytest
import torch

from rlad.config import PlayerConfig
from rlad.config.methods import MismatchConfig
from rlad.config.registry import loss as losses
from trainers.losses import LossTensors
from trainers.losses.mismatch import mismatch_weights, off_policy_mask

MASK = torch.tensor([[1.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]])


def padded(values, garbage):
    """(3, 4): `values` on tokens, `garbage` on padding."""
    return torch.where(MASK > 0, torch.tensor(values), torch.tensor(garbage))


def on_tokens(name, garbage):
    """The loss and its gradient where there are tokens."""
    method = losses[name]
    logp = padded([[-1.0, -2.0, -0.5, 0], [-0.7, 0, 0, 0], [-1.1, -0.1, -3.0, -0.4]], -garbage).requires_grad_()
    old = padded([[-1.1, -1.7, -0.6, 0], [-0.4, 0, 0, 0], [-1.1, -0.2, -2.9, -0.3]], -7.0)
    advantage = padded([[1.0, 1.0, 1.0, 0], [-1.0, 0, 0, 0], [-0.5, -0.5, -0.5, -0.5]], garbage)
    chosen = padded([[0.0, 1.0, 0.0, 0], [1.0, 0, 0, 0], [0.0, 0.0, 0.5, 0.0]], 1.0)
    filtered = padded([[-0.9, -1.5, -0.6, 0], [-0.5, 0, 0, 0], [-1.0, -0.2, -2.0, -0.3]], garbage)
    given = (own if fact in method.facts else None for fact, own in (("choose", chosen), ("filtered", filtered)))
    tokens = LossTensors(logp, old, advantage, MASK, *given)
    loss, _ = method.bound(PlayerConfig().of(name))(tokens)
    (loss * MASK).sum().backward()
    return loss.detach()[MASK > 0], logp.grad[MASK > 0]


@pytest.mark.parametrize("name", losses.names())
def test_no_loss_reads_padding(name):
    (loss, gradient), (same, alike) = (on_tokens(name, garbage) for garbage in (7.0, 3.0))
    assert torch.equal(loss, same) and torch.equal(gradient, alike)
    assert gradient.abs().sum() > 0


@pytest.mark.parametrize("level", ["token", "sequence", "geometric"])
@pytest.mark.parametrize("kind", ["truncated", "masked"])
def test_no_importance_weight_reads_padding(kind, level):
    sampler = padded([[-1.1, -1.7, -0.6, 0], [-0.4, 0, 0, 0], [-1.1, -0.2, -2.9, -0.3]], 0.0)
    config = MismatchConfig(kind=kind, level=level, low=0.1, high=9.0)
    found = []
    for garbage in (0.0, -5.0, 4.0):
        logp = padded([[-1.0, -2.0, -0.5, 0], [-0.7, 0, 0, 0], [-1.1, -0.1, -3.0, -0.4]], garbage)
        found.append(mismatch_weights(logp, sampler, MASK, config)[MASK > 0])
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])
    # The second row is one token: on every level its weight is that token's.
    assert found[0][3].item() == pytest.approx(torch.tensor(-0.3).exp().item())


@pytest.mark.parametrize(("threshold", "kept"), [(0.2, [1, 0, 0]), (0.45, [1, 0, 1]), (0.55, [1, 1, 1])])
def test_drift_is_the_mean_over_a_sequences_own_tokens(threshold, kept):
    """Drifts of .3, .5 and .4 nats a token; padding would add to the sums of the first two or to their lengths."""
    now = padded([[-1.3, -1.3, -1.3, 0], [-1.5, 0, 0, 0], [-1.4, -1.4, -1.4, -1.4]], -90.0)
    advantage = torch.tensor([[1.0], [-1.0], [-1.0]]).expand(3, 4)
    for then in (padded([[-1.0] * 4] * 3, -1.0), padded([[-1.0] * 4] * 3, -99.0)):
        assert off_policy_mask(now, then, advantage, MASK, threshold)[:, 0].tolist() == kept
