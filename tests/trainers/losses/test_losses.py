"""Every policy-gradient loss: gradients against plain-Python formulas of the papers, and a table worked out by hand."""

import math
import random

import pytest
import torch

from rlad.config import PlayerConfig
from rlad.config.registry import loss as losses
from trainers.losses import LossTensors
from trainers.losses.hicra import hicra

KNOWN = ("ppo_clip", "dr_grpo", "gspo", "cispo", "sapo", "dppo", "gppo", "ce_gppo", "clip_cov", "kl_cov")
"""The losses whose formulas stand here; every other one has a test file of its own."""
RATIOS = [0.5, 0.9, 1.0, 1.1, 1.5, 4.0]


def player_with(**keys) -> PlayerConfig:
    """`cispo__cap=1.28` sets a key of a method, `clip_high=0.2` that of every loss that clips as PPO does."""
    player = PlayerConfig()
    for key, value in keys.items():
        *section, name = key.split("__")
        for method in section or [one for one in CLIPPING if hasattr(player.of(one), name)]:
            setattr(player.of(method), name, value)
    return player


CLIPPING = ("ppo_clip", "dr_grpo", "gppo", "ce_gppo")


def run_loss(name, player, logp, old, advantage, mask=None, chosen=None):
    """The loss and its statistics; what it would choose or filter is only handed to one that does."""
    facts = losses[name].facts
    given, filtered = chosen if "choose" in facts else None, old if "filtered" in facts else None
    mask = torch.ones_like(old) if mask is None else mask
    return losses[name].bound(player.of(name))(LossTensors(logp, old, advantage, mask, given, filtered))


def gradient_weights(name, ratios, advantages, player, old=None, chosen=None) -> list[float]:
    """g with dL/dlogp = -g * A, token by token (every token a row of its own)."""
    old = torch.zeros(len(ratios), 1) if old is None else torch.tensor(old).log()[:, None]
    logp = (torch.tensor(ratios).log()[:, None] + old).requires_grad_()
    advantage = torch.tensor(advantages)[:, None]
    choice = torch.tensor(chosen or [0.0] * len(ratios))[:, None]
    loss, stats = run_loss(name, player, logp, old, advantage, chosen=choice)
    assert loss.shape == old.shape and all(value.shape == old.shape for value in stats.values())
    loss.sum().backward()
    return [-g / a for g, a in zip(logp.grad[:, 0].tolist(), advantages, strict=True)]


NO_DUAL = {"dual_clip": None}
TABLE = [
    ("ppo_clip", {"clip_high": 0.2, **NO_DUAL}, [0.5, 0.9, 1, 1.1, 0, 0], [0, 0.9, 1, 1.1, 1.5, 4]),
    ("ppo_clip", NO_DUAL, [0.5, 0.9, 1, 1.1, 0, 0], [0, 0.9, 1, 1.1, 1.5, 4]),
    ("ppo_clip", {"clip_high": 0.2}, [0.5, 0.9, 1, 1.1, 0, 0], [0, 0.9, 1, 1.1, 1.5, 0]),
    ("gppo", NO_DUAL, [0.5, 0.9, 1, 1.1, 1.28, 1.28], [0.8, 0.9, 1, 1.1, 1.5, 4]),
    ("ce_gppo", {}, [0.5, 0.9, 1, 1.1, 1.28, 1.28], [0.6, 0.9, 1, 1.1, 1.5, 4]),
    ("cispo", {"cispo__cap": 1.28}, [0.5, 0.9, 1, 1.1, 1.28, 1.28], [0.5, 0.9, 1, 1.1, 1.28, 1.28]),
    ("sapo", {}, [0.47, 0.8978, 1, 1.0973, 1.41, 0.7228], [0.4671, 0.8975, 1, 1.097, 1.4012, 0.6304]),
]


@pytest.mark.parametrize("name, keys, positive, negative", TABLE)
def test_gradient_weights_by_hand(name, keys, positive, negative):
    player = player_with(**keys)
    assert gradient_weights(name, RATIOS, [1.0] * 6, player) == pytest.approx(positive, abs=1e-4)
    assert gradient_weights(name, RATIOS, [-1.0] * 6, player) == pytest.approx(negative, abs=1e-4)


@pytest.mark.parametrize("name", losses.names())
def test_with_one_update_per_rollout_they_are_all_the_same(name):
    for a in (1.0, -1.0, 0.3):
        assert gradient_weights(name, [1.0], [a], PlayerConfig()) == pytest.approx([1.0], abs=1e-6)


def plain_gradient_weight(name, r, a, player, old, chosen) -> float:
    """g from the papers' formulas, without tensors."""
    low, high = 1 - player.of("ppo_clip").clip_low, 1 + player.of("ppo_clip").clip_high
    too_high, too_low = a > 0 and r > high, a < 0 and r < low
    if name in ("ppo_clip", "dr_grpo"):
        dual = a < 0 and r > player.of("ppo_clip").dual_clip
        return 0.0 if too_high or too_low or dual else r
    if name == "gspo":  # one token is its own sequence
        s_low, s_high = 1 - player.of("gspo").clip_low, 1 + player.of("gspo").clip_high
        return 0.0 if (a > 0 and r > s_high) or (a < 0 and r < s_low) else r
    if name == "cispo":
        return min(max(r, player.of("cispo").floor), player.of("cispo").cap)
    if name == "sapo":
        tau = player.of("sapo").tau_positive if a > 0 else player.of("sapo").tau_negative
        q = 1 / (1 + math.exp(-tau * (r - 1)))
        return 4 * q * (1 - q) * r
    if name == "dppo":
        moved = r * old - old
        dropped = moved > player.of("dppo").delta if a > 0 else moved < -player.of("dppo").delta
        return 0.0 if dropped else min(r, player.of("dppo").ratio_cap)
    if name == "gppo":
        return high if too_high else low if too_low else 0.0 if a < 0 and r > player.of("ppo_clip").dual_clip else r
    if name == "ce_gppo":
        return (
            player.of("ce_gppo").beta_high * high if too_high else player.of("ce_gppo").beta_low * low if too_low else r
        )
    if name == "clip_cov":
        return 0.0 if chosen or (a > 0 and r > 2) else r
    assert name == "kl_cov"
    return r - (math.copysign(player.of("kl_cov").beta, r - 1) / a if chosen else 0.0)


@pytest.mark.parametrize("name", KNOWN)
def test_gradients_against_the_papers_formulas(name):
    generator = random.Random(name)
    old = [generator.uniform(0.001, 0.9) for _ in range(300)]
    ratios = [min(math.exp(generator.gauss(0, 1)), 0.99 / p) for p in old]
    advantages = [generator.choice((-1, 1)) * generator.uniform(0.1, 2) for _ in range(300)]
    chosen = [float(generator.random() < 0.3) for _ in range(300)]
    player = player_with(cispo__floor=0.3, cispo__cap=2.5, dppo__ratio_cap=3.0)
    expected = [
        plain_gradient_weight(name, r, a, player, p, c)
        for r, a, p, c in zip(ratios, advantages, old, chosen, strict=True)
    ]
    got = gradient_weights(name, ratios, advantages, player, old, chosen)
    assert got == pytest.approx(expected, rel=2e-5, abs=1e-5)
    assert len({round(value, 3) for value in expected}) > 50


def plain_clipped(name, r, a, player, old, chosen) -> bool:
    """Whether a token's gradient weight isn't its ratio because of a bound, from the definitions."""
    if name in ("gppo", "ce_gppo"):
        return (a > 0 and r > 1 + player.of("ppo_clip").clip_high) or (a < 0 and r < 1 - player.of("ppo_clip").clip_low)
    if name == "clip_cov":
        return bool(chosen) or (a > 0 and r > 1 + player.of("clip_cov").clip_high)
    if name == "dppo":  # a capped ratio still learns
        return (r - 1) * old * math.copysign(1, a) > player.of("dppo").delta
    return plain_gradient_weight(name, r, a, player, old, chosen) != r


@pytest.mark.parametrize("name", [name for name in KNOWN if name not in ("sapo", "kl_cov")])
def test_clip_fraction_counts_what_a_bound_holds_back(name):
    generator, player = random.Random(name), player_with(cispo__floor=0.3, cispo__cap=2.5)
    old = [generator.uniform(0.001, 0.9) for _ in range(120)]
    ratios = [min(math.exp(generator.gauss(0, 1)), 0.99 / p) for p in old]
    advantages = [generator.choice((-1.0, 0.0, 1.0)) for _ in range(120)]
    chosen = [float(generator.random() < 0.3) for _ in range(120)]
    before = torch.tensor(old, dtype=torch.float64).log()[:, None]
    logp = before + torch.tensor(ratios, dtype=torch.float64).log()[:, None]
    mask = torch.tensor([float(i % 5 > 0) for i in range(120)])[:, None]  # every fifth is padding
    choice, advantage = torch.tensor(chosen, dtype=torch.float64)[:, None], torch.tensor(advantages)[:, None].double()
    _, stats = run_loss(name, player, logp, before, advantage, mask, choice)
    expected = [
        float(
            i % 5 > 0 and (a != 0 or (name == "clip_cov" and c > 0)) and plain_clipped(name, r, a or 1.0, player, p, c)
        )
        for i, (r, a, p, c) in enumerate(zip(ratios, advantages, old, chosen, strict=True))
    ]
    assert stats["clip_fraction"][:, 0].tolist() == expected
    assert 0 < sum(expected) < 90
    if "chosen_share" in stats:
        assert stats["chosen_share"][:, 0].tolist() == [c * m for c, m in zip(chosen, mask[:, 0].tolist(), strict=True)]


def test_the_gate_that_sapo_logs_is_its_gradient_weight():
    player = PlayerConfig()
    logp = torch.tensor(RATIOS).log()[:, None]
    gate = run_loss("sapo", player, logp, torch.zeros(6, 1), torch.ones(6, 1))[1]["gate"][:, 0].tolist()
    assert gate == pytest.approx(gradient_weights("sapo", RATIOS, [1.0] * 6, player))


def test_gspo_gradient_is_that_of_the_sequence_form():
    """Central differences of mean over sequences of max(-sA, -clip(s)A), s a geometric mean, in plain Python."""
    ratios = [[1.2, 1.0, 0.9], [0.9998, 1.0001, 1.0, 1.0002]]
    advantages, player = [-0.7, 1.3], PlayerConfig()

    def objective(logs):
        total = 0.0
        for row, a in zip(logs, advantages, strict=True):
            s = math.exp(sum(row) / len(row))
            clipped = min(max(s, 1 - player.of("gspo").clip_low), 1 + player.of("gspo").clip_high)
            total += max(-s * a, -clipped * a) / len(logs)
        return total

    logs = [[math.log(r) for r in row] for row in ratios]
    width = 4
    logp = torch.zeros(2, width, dtype=torch.float64)
    mask = torch.zeros(2, width)
    for i, row in enumerate(logs):
        logp[i, : len(row)], mask[i, : len(row)] = torch.tensor(row, dtype=torch.float64), 1
    logp.requires_grad_()
    advantage = torch.tensor(advantages)[:, None].expand(2, width)
    loss, _ = run_loss("gspo", player, logp, torch.zeros_like(logp), advantage, mask)
    ((loss * mask).sum(1) / mask.sum(1)).mean().backward()
    for i, row in enumerate(logs):
        for t in range(len(row)):
            up, down = ([list(r) for r in logs] for _ in range(2))
            up[i][t] += 1e-6
            down[i][t] -= 1e-6
            slope = (objective(up) - objective(down)) / 2e-6
            assert logp.grad[i, t].item() == pytest.approx(slope, abs=1e-6)
    assert logp.grad[1, 0].item() != 0


def test_gspo_spreads_one_sequence_evenly():
    logp = torch.zeros(1, 4, requires_grad=True)
    loss, _ = run_loss("gspo", PlayerConfig(), logp, torch.zeros(1, 4), torch.ones(1, 4))
    (loss.sum() / 4).backward()
    assert logp.grad[0].tolist() == [-0.25] * 4


def test_dual_clip_by_hand():
    logp = torch.tensor([[2.0, 4.0]]).log().requires_grad_()
    loss, _ = run_loss("ppo_clip", PlayerConfig(), logp, torch.zeros(1, 2), -torch.ones(1, 2))
    loss.sum().backward()
    assert loss[0].tolist() == pytest.approx([2, 3])
    assert logp.grad[0].tolist() == pytest.approx([2, 0])


def test_clip_higher_moves_only_the_upper_bound():
    for high, weight in ((0.2, 0.0), (0.28, 1.25)):
        assert gradient_weights("ppo_clip", [1.25], [1.0], player_with(clip_high=high)) == pytest.approx([weight])
        assert gradient_weights("ppo_clip", [0.75], [-1.0], player_with(clip_high=high)) == [0]


def test_gppo_has_the_value_of_ppo():
    ratio = torch.rand(1, 200) * 3
    advantage = torch.randn(1, 200)
    args = (PlayerConfig(), ratio.log(), torch.zeros(1, 200), advantage)
    assert torch.allclose(run_loss("gppo", *args)[0], run_loss("ppo_clip", *args)[0], atol=1e-5)


def test_ce_gppo_without_betas_has_the_gradient_of_ppo_but_not_its_value():
    player = player_with(ce_gppo__beta_low=0.0, ce_gppo__beta_high=0.0, dual_clip=None)
    for sign in (1.0, -1.0):
        advantages = [sign] * 6
        ppo = gradient_weights("ppo_clip", RATIOS, advantages, player)
        assert gradient_weights("ce_gppo", RATIOS, advantages, player) == pytest.approx(ppo)
    logp = torch.tensor([[1.5]]).log()
    args = (player, logp, torch.zeros(1, 1), torch.ones(1, 1))
    assert run_loss("ce_gppo", *args)[0].item() == 0 != run_loss("ppo_clip", *args)[0].item()


def test_dppo_measures_probabilities_not_ratios():
    weights = gradient_weights(
        "dppo", [5.0, 1.5, 1.5, 30.0], [1.0, 1.0, -1.0, 1.0], PlayerConfig(), [0.01, 0.5, 0.5, 0.005]
    )
    assert weights == pytest.approx([5, 0, 1.5, 20], rel=1e-5)


@pytest.mark.parametrize("name", losses.names())
def test_nothing_overflows(name):
    logp = torch.tensor([[-300.0, 0.0, -1e-3]]).requires_grad_()
    old = torch.tensor([[0.0, -300.0, -1e-3]])
    for sign in (1.0, -1.0):
        loss, _ = run_loss(name, PlayerConfig(), logp, old, sign * torch.ones(1, 3), chosen=torch.ones(1, 3))
        logp.grad = None
        loss.sum().backward()
        assert torch.isfinite(loss).all() and torch.isfinite(logp.grad).all()


def test_gspo_ratio_by_hand():
    """The product of 1.2, 1 and 0.9 is 1.08, its third root 1.0260: unclipped where A < 0."""
    logp = torch.tensor([[1.2, 1.0, 0.9]]).log()
    loss, stats = run_loss("gspo", PlayerConfig(), logp, torch.zeros(1, 3), -torch.ones(1, 3))
    assert loss[0].tolist() == pytest.approx([1.0260] * 3, abs=1e-4)
    assert loss[0, 0].item() ** 3 == pytest.approx(1.08, abs=1e-4)
    assert stats["clip_fraction"].sum() == 0


def test_hicra_adds_alpha_times_the_size_of_planning_advantages():
    generator = random.Random(0)
    values = [generator.gauss(0, 1) for _ in range(50)]
    plans = [generator.random() < 0.3 for _ in range(50)]
    got = hicra(torch.tensor(values), torch.tensor(plans), 0.2).tolist()
    expected = [a * (1.2 if a > 0 else 0.8) if plan else a for a, plan in zip(values, plans, strict=True)]
    assert got == pytest.approx(expected, abs=1e-6)
    extra = 0.2 * sum(abs(a) for a, plan in zip(values, plans, strict=True) if plan)
    assert sum(got) - sum(values) == pytest.approx(extra, abs=1e-5)
