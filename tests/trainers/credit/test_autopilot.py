"""The entropy autopilot: a player that spends too fast is held, one that does not is let alone; exact resume."""

import json
import math
from itertools import pairwise

import pytest
import torch

from rlad.config import ConfigError, load_config
from trainers.credit.autopilot import Autopilot, AutopilotKeys, goal
from trainers.credit.measurements import Measurements
from trainers.credit.standing import Control, Standing
from trainers.data.rows import Row

ROWS = [Row((1,), (2, 3), 0.5), Row((1,), (4,), -0.25)]
START = 1.0


def fly(keys, speed, steps=100, price=0.3, resume_at=None):
    """A player whose entropy falls by `speed` a whole training, less under KL and at a lower rate; R by the law.

    Rows of one sign move its entropy up or down by a third of a step. Returns (autopilot, entropies, signs).
    """
    now, entropy, history, signs = Standing(), START, [], []
    measured = Measurements(torch.device("cpu"), None, None, lambda: now)
    pilot = Autopilot(keys)
    for step in range(steps):
        if step == resume_at:
            saved = json.loads(json.dumps(pilot.state))
            pilot = Autopilot(keys)
            pilot.state = saved
        noise = 1e-3 * math.sin(step)
        now = Standing(entropy, 0.8 - price * math.exp(entropy) + noise, step / (steps - 1))
        rows = pilot(ROWS, measured)
        sign = 0 if rows is ROWS else 1 if rows[0].advantage else -1
        fall = speed / steps * pilot.control.rate / math.sqrt(pilot.control.kl)
        entropy = max(0.0, entropy - fall * (1 if not sign else 4 / 3 if sign > 0 else -1 / 3))
        history.append(entropy)
        signs.append(sign)
    return pilot, history, signs


def test_a_player_that_would_spend_everything_ends_near_the_goal():
    keys = AutopilotKeys()
    free = fly(AutopilotKeys(gain=0), speed=2.0)[1][-1]
    pilot, history, signs = fly(keys, speed=2.0)
    wanted = goal(START, keys.open)
    assert free == 0 and abs(history[-1] - wanted) < 0.05
    assert pilot.state["pull"] > 0 and -1 in signs
    assert pilot.numbers["ceiling"] == pytest.approx(0.5, abs=0.05)


def test_a_player_that_saves_is_let_alone_by_kl_and_rate():
    pilot, _, _ = fly(AutopilotKeys(width=0.9), speed=0.3)
    assert pilot.control == Control(1.0, 1.0) and pilot.state["pull"] == 0
    assert fly(AutopilotKeys(width=0.9), speed=0.3)[2] == [0] * 100  # nor by a band that is wide enough


def test_without_a_gain_it_only_measures():
    pilot, _, signs = fly(AutopilotKeys(gain=0), speed=2.0)
    assert pilot.control == Control(1.0, 1.0) and signs == [0] * 100
    assert {"ceiling", "forecast_entropy", "band_low"} <= set(pilot.numbers)


def test_where_spending_buys_nothing_the_entropy_is_held():
    """Reward falls as entropy falls: the plan becomes the entropy of the moment at which that is plain."""
    pilot, history, _ = fly(AutopilotKeys(), speed=2.0, price=-0.3)
    assert pilot.state["held"] > 0.8
    assert abs(history[-1] - pilot.state["held"]) < 0.2 and history[-1] > goal(START, 0.3) + 0.2


def test_a_resumed_flight_is_the_same():
    whole, resumed = (fly(AutopilotKeys(), speed=2.0, resume_at=at) for at in (None, 37))
    assert whole[1] == resumed[1] and whole[2] == resumed[2] and whole[0].state == resumed[0].state


def test_it_waits_for_its_first_points_and_a_player_that_stands_still_adds_none():
    now = Standing()
    measured = Measurements(torch.device("cpu"), None, None, lambda: now)
    pilot = Autopilot(AutopilotKeys(first=3))
    assert pilot(ROWS, measured) is ROWS and pilot.state["entropy"] == []
    for entropy in (1.0, 1.0, 0.9):
        now = Standing(entropy, 0.5, 0.1)
        assert pilot(ROWS, measured) is ROWS
    assert pilot.state["entropy"] == [1.0, 0.9] and pilot.numbers == {}


def test_pull_moves_kl_up_and_the_rate_down_together():
    pilots = [fly(AutopilotKeys(gain=gain), speed=2.0, steps=20)[0] for gain in (0.0, 0.05, 0.5)]
    assert all(one.control.kl < two.control.kl for one, two in pairwise(pilots))
    assert all(one.control.rate > two.control.rate for one, two in pairwise(pilots))
    assert pilots[-1].control.kl <= 8 and pilots[-1].control.rate >= 0.3


def test_it_does_not_go_with_whitening():
    load_config(None, ["solution.shaping=autopilot", "solution.autopilot.open=0.5"])
    with pytest.raises(ConfigError, match="solution.shaping=autopilot drops"):
        load_config(None, ["solution.shaping=autopilot", "solution.advantage=reinforce_pp_baseline"])
