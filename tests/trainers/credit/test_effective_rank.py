"""VERL's shaping: its numbers (Check 3.13), that it acts on the last token only, and its moving averages."""

import math

import pytest
import torch

from rlad.entropy.rank import RankDynamics, exploration_bonus, shaped_advantage
from trainers.credit.effective_rank import EffectiveRankKeys, EffectiveRankShaping
from trainers.credit.measurements import Measurements
from trainers.credit.rank_bonus import moved, shaped_row
from trainers.data.rows import Row


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


def test_a_step_is_compared_with_the_steps_before_it_and_the_first_with_itself(monkeypatch):
    """Ranks by hand: six unit vectors span 5 directions around their mean (2 of them in the first three), a line 1."""
    unit, line = torch.eye(6), torch.arange(5.0)[:, None] * torch.tensor([[1.0, 2.0]])
    rows = [Row((1,), tuple(range(6)), 1.0, copies=3), Row((1,), tuple(range(5)), 1.0)]
    seen = [(1, line), (0, unit)]
    measured = Measurements(torch.device("cpu"), lambda rows: iter(seen), reference_gaps=None)
    monkeypatch.setattr("trainers.runtime.zero3.total", lambda values, device: values)
    shape = EffectiveRankShaping(EffectiveRankKeys(stride=3, ema=0.25))
    first, second = shape(rows, measured)
    # Three samples of (ER 5, ERV 5 - 2) and one of (1, 0): means 4 and 2.25; ERA is 0 throughout.
    assert shape.state == pytest.approx({"er": 4, "erv": 2.25, "era": 0}, abs=1e-6)
    phi = 0.5 * math.tanh((5 - 4) / 4) + 0.5 * math.tanh((3 - 2.25) / 2.25)
    assert first.token_advantages == pytest.approx((*[1.0] * 5, 1 + phi), abs=1e-6)
    assert second.token_advantages == (1.0,) * 5  # below the average: no bonus
    seen[:] = [(0, unit), (1, line)]
    shape.state = {"er": 2.0, "erv": 1.0, "era": 0.0}
    first, second = shape(rows, measured)
    assert first.token_advantages[-1] == pytest.approx(1.5)  # (tanh 1.5 + tanh 2) / 2 is more than half of A
    assert shape.state == pytest.approx({"er": 0.25 * 4 + 0.75 * 2, "erv": 0.25 * 2.25 + 0.75, "era": 0}, abs=1e-6)
    before = dict(shape.state)
    seen.clear()
    assert shape([], measured) == [] and shape.state == before
