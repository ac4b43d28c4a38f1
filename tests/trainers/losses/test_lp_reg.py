"""Lp-Reg: which tokens are held and at what, its gradient against the formula, and PPO's clip where it does nothing."""

import math

import pytest
import torch

from trainers.losses import LossTensors
from trainers.losses.lp_reg import LpRegKeys, lp_reg, lp_reg_tokens, without_noise
from trainers.losses.ppo_clip import ppo_clip
from trainers.losses.selection import TokenTable


def given(seed=0, rows=4, length=5, words=9):
    """Tokens of random distributions; the policy has moved a little since."""
    generator = torch.Generator().manual_seed(seed)
    old = torch.log_softmax(2 * torch.randn(rows, length, words, generator=generator, dtype=torch.float64), -1)
    ids = torch.randint(words, (rows, length), generator=generator)
    logp_old = old.gather(-1, ids[..., None])[..., 0]
    logp = (logp_old + 0.1 * torch.randn(rows, length, generator=generator, dtype=torch.float64)).requires_grad_()
    advantage = torch.randn(rows, 1, generator=generator, dtype=torch.float64).expand(rows, length)
    chosen = torch.rand(rows, length, generator=generator, dtype=torch.float64).round()
    mask = torch.ones(rows, length, dtype=torch.float64)
    return old, ids, LossTensors(logp, logp_old, advantage, mask, chosen, without_noise(old, ids, LpRegKeys(min_p=0.2)))


def test_a_policy_without_its_noise_in_plain_python():
    old, ids, tokens = given()
    for i in range(4):
        for t in range(5):
            p = old[i, t].exp().tolist()
            kept = [x for x in p if x >= 0.2 * max(p)]
            own = p[ids[i, t]]
            expected = math.log(own / sum(kept)) if own in kept else -math.inf
            assert tokens.filtered[i, t].item() == pytest.approx(expected)
    assert torch.isinf(tokens.filtered).any() and torch.isfinite(tokens.filtered).any()


def test_gradient_is_that_of_ppo_and_of_k3_where_a_token_is_held():
    _, _, tokens = given(1)
    keys = LpRegKeys(beta=0.7)
    lp_reg(tokens, keys)[0].sum().backward()
    got, tokens.logp.grad = tokens.logp.grad.clone(), None
    ppo_clip(tokens, keys)[0].sum().backward()
    logp, q = tokens.logp.detach(), tokens.filtered
    held = tokens.chosen * (logp < q)
    pull = torch.where(held > 0, 0.7 * (1 - (q - logp).exp()), 0.0)
    assert torch.allclose(got, tokens.logp.grad + pull)
    assert torch.equal(lp_reg(tokens, keys)[1]["held"], held) and 0 < held.sum() < tokens.chosen.sum()
    assert (pull <= 0).all()  # it only ever raises a token


def test_without_weight_or_without_a_chosen_token_it_is_ppos_clip_bit_for_bit():
    _, _, tokens = given(2)
    parent, stats = ppo_clip(tokens, LpRegKeys())
    none = LossTensors(tokens.logp, tokens.logp_old, tokens.advantage, tokens.mask, 0 * tokens.chosen, tokens.filtered)
    for got, same in (lp_reg(tokens, LpRegKeys(beta=0)), lp_reg(none, LpRegKeys())):
        assert torch.equal(got, parent) and torch.equal(same["clip_fraction"], stats["clip_fraction"])


def test_the_least_likely_of_the_penalised_are_chosen_wherever_they_stand():
    generator = torch.Generator().manual_seed(3)
    logp, advantage = -torch.rand(60, generator=generator), torch.randn(60, generator=generator)
    order = torch.randperm(60, generator=generator)
    table = TokenTable(logp, logp, advantage, -logp)
    chosen = lp_reg_tokens(table, LpRegKeys(share=0.2), 0)
    count = int(0.2 * int((advantage < 0).sum()))
    lowest = sorted((i for i in range(60) if advantage[i] < 0), key=lambda i: logp[i].item())[:count]
    assert sorted(chosen.nonzero()[:, 0].tolist()) == sorted(lowest)
    turned = lp_reg_tokens(
        TokenTable(logp[order], logp[order], advantage[order], -logp[order]), LpRegKeys(share=0.2), 0
    )
    assert torch.equal(turned, chosen[order])
    assert lp_reg_tokens(TokenTable(logp, logp, advantage.abs(), -logp), LpRegKeys(), 0).sum() == 0
