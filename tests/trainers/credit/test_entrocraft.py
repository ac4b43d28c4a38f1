"""Entrocraft's thermostat: which signs it lets through, and that inside its band it is not there."""

import pytest
import torch

from rlad.config import ConfigError, load_config
from trainers.credit.entrocraft import Entrocraft, EntrocraftKeys, entropy_band
from trainers.credit.measurements import Measurements
from trainers.credit.standing import Standing
from trainers.data.rows import Row

ROWS = [
    Row((1,), (2, 3), 0.5),
    Row((1,), (4,), -0.25, copies=3),
    Row((1,), (5, 6), 0.0, pg_weight=0.0, bare=True),
    Row((1,), (7, 8), -1.0, token_advantages=(-1.0, 0.75)),
]


def shaped(entropy, progress=0.0, **keys):
    measured = Measurements(torch.device("cpu"), None, None, lambda: Standing(entropy, 0.5, progress))
    shaping = Entrocraft(EntrocraftKeys(**keys))
    return shaping(ROWS, measured), shaping.numbers


def test_above_the_band_only_good_news_below_it_only_bad():
    rows, numbers = shaped(0.71)
    assert [row.per_token for row in rows] == [(0.5, 0.5), (0.0,), (0.0, 0.0), (0.0, 0.75)]
    assert numbers == {"band_low": 0.6, "band_high": 0.7, "kept_sign": 1}
    rows, numbers = shaped(0.59)
    assert [row.per_token for row in rows] == [(0.0, 0.0), (-0.25,), (0.0, 0.0), (-1.0, 0.0)]
    assert numbers["kept_sign"] == -1
    assert [row.copies for row in rows] == [1, 3, 1, 1] and rows[2] is ROWS[
        2
    ]  # nobody leaves, anchors are as they were


@pytest.mark.parametrize("entropy", [0.6, 0.65, 0.7, None])
def test_inside_the_band_and_before_the_first_update_nothing_changes(entropy):
    assert shaped(entropy)[0] is ROWS


def test_the_band_moves_in_a_straight_line():
    keys = EntrocraftKeys(low_start=0.8, low_end=0.2, high_start=1.0, high_end=0.5)
    for progress in (0.0, 0.3, 1.0):
        assert entropy_band(keys, progress) == pytest.approx((0.8 - 0.6 * progress, 1.0 - 0.5 * progress))
    assert shaped(0.45, progress=1.0)[1]["kept_sign"] == 0 and shaped(0.45)[1]["kept_sign"] == -1


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["solution.entrocraft.low_start=0.8"], r"low_start=0.8 is above solution.entrocraft.high_start=0.7"),
        (["solution.entrocraft.high_end=0.1"], "low_end=0.4 is above"),
        (["solution.advantage=reinforce_pp_baseline"], "is whitened over the step"),
        (["solution.entropy_final=0.1", "solution.entropy_target=0.5"], "entropy_final moves by a schedule"),
    ],
)
def test_what_does_not_go_together(words, why):
    with pytest.raises(ConfigError, match=why):
        load_config(None, ["solution.shaping=entrocraft", *words])
