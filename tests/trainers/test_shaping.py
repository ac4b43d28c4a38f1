"""VERL's shaping: its numbers (Check 3.13), that it acts on the last token only, and its moving averages."""

import math

import pytest

from rlad.entropy.rank import RankDynamics, exploration_bonus, shaped_advantage
from trainers.rollouts import Row
from trainers.shaping import moved, shaped_row


def test_numbers():
    assert exploration_bonus(0.5, 0.2, 0.0) == pytest.approx(0.3297, abs=1e-4)
    cases = {(1, 0.3): 1.3, (1, 0.9): 1.5, (1, -0.4): 1, (-1, 0.9): -0.5, (0, 0.9): 0}
    assert [shaped_advantage(*case) for case in cases] == pytest.approx(list(cases.values()))


AVERAGES = {"er": 4.0, "erv": 1.0, "era": 0.5}


@pytest.mark.parametrize("advantage", [-1.0, -0.1, 0.2, 1.5])
@pytest.mark.parametrize("metrics", [(6.0, 1.1, 0.5), (4.4, 0.7, 0.9), (1.0, 0.2, 0.0)])
def test_only_the_last_token_changes_and_by_the_formula(advantage, metrics):
    row = shaped_row(Row((1,), (2, 3, 4), advantage), RankDynamics(*metrics), AVERAGES)
    d = [max(-5, min(5, (m - a) / a)) for m, a in zip(metrics, AVERAGES.values(), strict=True)]
    w = 1 / (1 + math.exp(-2 * d[2]))
    phi = w * math.tanh(d[0]) + (1 - w) * math.tanh(d[1])
    assert row.token_advantages[:2] == (advantage, advantage)
    assert row.token_advantages[2] == pytest.approx(advantage + min(max(phi, 0), abs(advantage) / 2), abs=1e-6)
    assert math.copysign(1, row.token_advantages[2]) == math.copysign(1, advantage)


def test_it_really_acts():
    """As the authors ship it, it changes nothing; here an exploring row's last token moves."""
    row = shaped_row(Row((1,), (2, 3), 1.0), RankDynamics(8.0, 2.0, 1.0), AVERAGES)
    assert row.token_advantages[1] > 1.2


def test_on_all_tokens():
    row = shaped_row(Row((1,), (2, 3), 1.0), RankDynamics(8.0, 2.0, 1.0), AVERAGES, tokens="all")
    assert row.token_advantages[0] == row.token_advantages[1] > 1.2


def test_advantages_per_token_are_kept():
    row = Row((1,), (2, 3), 1.0, token_advantages=(0.5, 2.0))
    assert shaped_row(row, RankDynamics(4.0, 1.0, 0.5), AVERAGES).token_advantages == (0.5, 2.0)


def test_moving_averages():
    averages = moved({}, {"er": 4.0}, 0.3)
    for value in (5.0, 6.0):
        averages = moved(averages, {"er": value}, 0.3)
    assert averages["er"] == pytest.approx(0.7 * (0.7 * 4 + 0.3 * 5) + 0.3 * 6)
