"""Advantages over groups and over the whole step, by hand and against numpy; overlong answers; what rows carry."""

import copy

import numpy as np
import pytest
import torch
from credit_rows import solution_rows
from trees import solution, tree

from rlad.config import CotrainConfig, ModelConfig, PlayerConfig
from rlad.config.registry import advantage
from rlad.players.policy import tiny_model, with_head
from trainers.credit.advantages import kl_returns
from trainers.credit.measurements import Measurements
from trainers.credit.whitening import standardised, whitened
from trainers.data.rows import Row, merged

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def one_rank(monkeypatch):
    monkeypatch.setattr("trainers.runtime.zero3.total", lambda values, device: values)


def measured(kl=None) -> Measurements:
    """What whitening may ask of a learner; without `kl` it must ask for nothing."""
    return Measurements(CPU, hidden_states=None, reference_gaps=(lambda rows: kl) if kl else None)


def advantages(name, rewards):
    return advantage[name].bound()(rewards)


def test_group_advantages_by_hand():
    rewards = [1, 0, 0, 0]
    assert advantages("mean", rewards) == [0.75, -0.25, -0.25, -0.25]
    assert advantages("rloo", rewards) == pytest.approx([1, -1 / 3, -1 / 3, -1 / 3])
    assert advantages("std", rewards) == pytest.approx([1.5, -0.5, -0.5, -0.5], abs=1e-4)
    # Means of four solutions each: one right answer in sixteen makes one abstraction 1.5 deviations better.
    assert advantages("std", [0.5, 0.5, 0.5, 0.75]) == pytest.approx([-0.5, -0.5, -0.5, 1.5], abs=1e-4)
    assert np.std(rewards, ddof=0) * 1.7321 == pytest.approx(0.75, abs=1e-4)  # what ddof 0 would have given
    assert advantages("rloo", [1.0]) == [0]  # undefined: nothing is learnt
    assert advantages("reinforce_pp", rewards) == [1, 0, 0, 0]


def step_rows(lengths=(1, 1, 4, 4)):
    """The groups (1, 0) and (1, 1), centred."""
    return [
        Row((1,), (2,) * n, a) for n, a in zip(lengths, (0.5, -0.5, 0.0, 0.0), strict=True)
    ] + [Row((1,), (9,) * 7, 0.0, pg_weight=0.0, bare=True)]  # fmt: skip


@pytest.mark.parametrize(
    "over, expected", [("sequences", [1.4142, -1.4142, 0, 0]), ("tokens", [2.2361, -2.2361, 0, 0])]
)
def test_whitening_by_hand(over, expected):
    player = PlayerConfig(advantage="reinforce_pp_baseline")
    player.of("reinforce_pp_baseline").over = over
    rows = whitened(step_rows(), player, measured())
    assert [row.advantage for row in rows[:4]] == pytest.approx(expected, abs=1e-4)
    assert rows[4] == step_rows()[4]  # the anchor neither counts nor changes


def test_batch_deviation_divides_without_shifting():
    rows = whitened(step_rows(), PlayerConfig(advantage="batch_std"), measured())
    assert [row.advantage for row in rows] == pytest.approx([1.4142, -1.4142, 0, 0, 0], abs=1e-4)
    lone = whitened([Row((1,), (2,), 0.4)], PlayerConfig(advantage="batch_std"), measured())
    assert lone[0].advantage == 0.4  # no spread, nothing to divide by


def test_copies_count_as_samples():
    rows = [Row((1,), (2,), 1.0), Row((1,), (2,), 1.0), Row((1,), (3, 4), -0.5)]
    for over in ("tokens", "sequences"):
        apart, together = (standardised(r, over, True, CPU) for r in (rows, merged(rows)))
        assert [row.advantage for row in together] == pytest.approx([apart[0].advantage, apart[2].advantage])


def test_kl_in_the_return_against_numpy():
    generator = np.random.default_rng(0)
    kl, reward = generator.normal(size=9), 0.7
    expected = [reward - 0.3 * kl[t:].sum() for t in range(9)]
    assert kl_returns(reward, kl.tolist(), 0.3) == pytest.approx(expected)


def test_plain_reinforce_pp_whitens_returns_over_all_tokens():
    generator = np.random.default_rng(1)
    player = PlayerConfig(advantage="reinforce_pp")
    rows = [Row((1,), (2,) * n, float(reward)) for n, reward in ((3, 1), (5, 0), (2, 1))]
    kl = [generator.normal(size=len(row.completion)).tolist() for row in rows]
    values = np.array([a for row, k in zip(rows, kl, strict=True) for a in kl_returns(row.advantage, k, 0.01)])
    expected = (values - values.mean()) / values.std()
    got = [a for row in whitened(rows, player, measured(kl)) for a in row.token_advantages]
    assert got == pytest.approx(expected.tolist())


def test_refinements_pay_no_kl_inside_their_return():
    player = PlayerConfig(advantage="reinforce_pp")
    rows = [Row((1,), (2, 3), 0.0), Row((1,), (2, 3), 1.0, kl_weight=0.0, shaping=0.1)]
    kl = [[50.0, 0.0], [50.0, 0.0]]  # at .01 a return of -.5 for the ordinary row's first token
    got = whitened(rows, player, measured(kl))
    values = np.array([-0.5, 0.0, 1.0, 1.0])
    expected = ((values - values.mean()) / values.std()).tolist()
    assert [*got[0].token_advantages, *got[1].token_advantages] == pytest.approx(expected)


def test_rows_with_token_advantages_are_whitened_token_by_token():
    rows = [Row((1,), (2, 3), 0.0, token_advantages=(1.0, 3.0)), Row((1,), (4,), 2.0)]
    got = whitened(rows, PlayerConfig(advantage="reinforce_pp_baseline"), measured())
    deviation = np.std([1, 3, 2])
    assert got[0].token_advantages == pytest.approx((-1 / deviation, 1 / deviation))
    assert got[1].advantage == pytest.approx(0) and got[1].token_advantages is None


def test_over_sequences_a_row_with_token_advantages_counts_once():
    """With their mean 2 and mean square 5 beside 4: mean 2, deviation sqrt(4.5 - 4)."""
    player = PlayerConfig(advantage="reinforce_pp_baseline")
    player.of("reinforce_pp_baseline").over = "sequences"
    rows = [Row((1,), (2, 3), 0.0, token_advantages=(1.0, 3.0)), Row((1,), (4, 5, 6), 2.0)]
    got = whitened(rows, player, measured())
    assert got[0].token_advantages == pytest.approx((-(2**0.5), 2**0.5)) and got[1].advantage == pytest.approx(0)


def test_overlong_answers_earn_less_but_a_constant_group_stays_out():
    player = PlayerConfig(max_new_tokens=10, overlong=4)
    made = tree([[1, 1], [1, 1]])
    made.branches[0].solutions = [solution(True, tokens=3), solution(False, tokens=8)]
    made.branches[1].solutions = [solution(True, tokens=3), solution(True, tokens=10)]
    rows = solution_rows([made], CotrainConfig(), player)
    assert [row.advantage for row in rows] == [0.75, -0.75]  # 1 against 0 - .5; the group of two right ones is gone


def test_the_samplers_logprobs_travel_only_when_they_are_needed():
    made = tree([[1, 0]], bare=[1])
    assert all(row.sampler_logprobs is None for row in solution_rows([made], CotrainConfig(), PlayerConfig()))
    rows = solution_rows([made], CotrainConfig(), PlayerConfig(old_logprobs="sampler"))
    assert [row.sampler_logprobs for row in rows] == [(0.0, 0.0, 0.0)] * 2


def test_the_head_in_float32_survives_a_copy_and_matters_only_in_half_precision():
    players = {}
    for dtype in ("float32", "bfloat16"):
        for asked in (False, True):
            config = ModelConfig(hidden_size=32, layers=1, heads=2, kv_heads=1, dtype=dtype, float32_head=asked)
            torch.manual_seed(0)
            model = with_head(tiny_model(config, 50, 0, 0), config)
            players[dtype, asked] = copy.deepcopy(model)(torch.tensor([[1, 2, 3]])).logits
    assert torch.equal(players["float32", False], players["float32", True])
    assert players["bfloat16", False].dtype == torch.bfloat16
    assert players["bfloat16", True].dtype == torch.float32
    rounded = players["bfloat16", True].to(torch.bfloat16)
    assert torch.allclose(rounded.float(), players["bfloat16", False].float(), atol=0.02)
    assert not torch.equal(rounded.float(), players["bfloat16", True])
