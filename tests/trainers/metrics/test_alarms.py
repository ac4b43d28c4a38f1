"""Every alarm is raised by the run that it is meant for, after as many steps as configured, and once."""

import pytest

from rlad.config.alarms import ALARMS, AlarmsConfig
from trainers.metrics.alarms import FIRST, Alarms, AlarmStop

PLAYERS = ("abstraction", "solution")


def healthy(**changes):
    """A step's row in which nothing is the matter; `changes` replace single numbers by dotted name with __ for dots."""
    player = {"reward": 0.4, "updated": 1, "grad_norm": 0.3, "kl": 0.01, "entropy": 1.0, "length": 20.0}
    rollout = {"constant_groups": 0.5, "leak_rate": 0.0, "unfinished": 0.1, "distinct": 0.8}
    row = {"abstraction": dict(player), "solution": dict(player), "rollout": rollout, "verifier": {"correct": 90}}
    for name, value in changes.items():
        section, _, number = name.partition("__")
        row[section] = row[section] | {number: value}
    return row


SICK = {
    "solution.nonfinite": {"solution__nonfinite": 1},
    "solution.zero_reward": {"solution__reward": 0.0},
    "abstraction.zero_gradient": {"abstraction__grad_norm": 0.0},
    "abstraction.not_updated": {"abstraction__updated": 0},
    "constant_groups": {"rollout__constant_groups": 0.98},
    "leaks": {"rollout__leak_rate": 1.0},
    "unfinished": {"rollout__unfinished": 1.0},
    "solution.kl": {"solution__kl": 3.0},
    "solution.entropy": {"solution__entropy": 0.01},
    "abstraction.length": {"abstraction__length": 90.0},
    "verifier": {"verifier__undecided": 60},
    "duplicates": {"rollout__distinct": 0.02},
    "solution.planning": {"solution__planning_share": 0.915},
}


def watched(config, rows):
    """(sentences, names) of every step."""
    alarms = Alarms(config, PLAYERS)
    return [(alarms.check(row, PLAYERS), row.get("alarms", [])) for row in rows]


def test_every_alarm_is_here():
    assert {name.split(".")[-1] for name in SICK} == set(ALARMS)


@pytest.mark.parametrize("name", SICK)
def test_an_alarm_is_raised_once_when_it_is_due(name):
    config = AlarmsConfig(stop=[], steps=4, nonfinite=4)
    before = [healthy() for _ in range(FIRST)]
    steps = watched(config, [*before, *[healthy(**SICK[name]) for _ in range(6)], healthy(), healthy(**SICK[name])])
    assert [names for _, names in steps] == [[]] * (FIRST + 3) + [[name]] * 3 + [[], []]
    raised = [sentences for sentences, _ in steps]
    assert [len(sentences) for sentences in raised] == [0] * (FIRST + 3) + [1] + [0] * 4
    assert raised[FIRST + 3][0].startswith(f"{name}: for 4 steps in a row ")


def test_a_short_text_is_as_alarming_as_a_long_one():
    config = AlarmsConfig(steps=1)
    steps = watched(config, [*[healthy() for _ in range(FIRST)], healthy(solution__length=4.0)])
    assert steps[-1][1] == ["solution.length"]


@pytest.mark.parametrize("name", SICK)
def test_an_alarm_stops_the_run_where_that_is_asked(name):
    alarm = name.split(".")[-1]

    def rows():
        return [*[healthy() for _ in range(FIRST)], healthy(**SICK[name])]

    with pytest.raises(AlarmStop, match=rf"the alarm {name}: for 1 step .*alarms.stop"):
        watched(AlarmsConfig(stop=[alarm], steps=1, nonfinite=1), rows())
    assert watched(AlarmsConfig(stop=[alarm], off=[alarm], steps=1, nonfinite=1), rows())[-1] == ([], [])


@pytest.mark.parametrize(("share", "raised"), [(0.0, True), (0.1, False), (0.9, False), (1.0, True), (None, False)])
def test_planning_that_is_nothing_or_everything_is_alarming(share, raised):
    ((_, names),) = watched(AlarmsConfig(steps=1), [healthy(abstraction__planning_share=share)])
    assert names == ["abstraction.planning"] * raised


def test_nonfinite_steps_have_a_count_of_their_own_and_stop_by_default():
    rows = [healthy(solution__nonfinite=1) for _ in range(3)]
    assert watched(AlarmsConfig(), rows[:2])[-1] == ([], [])
    with pytest.raises(AlarmStop, match=r"solution.nonfinite: for 3 steps in a row"):
        watched(AlarmsConfig(), rows)


def test_the_first_steps_and_the_counts_survive_a_checkpoint():
    before, after = Alarms(AlarmsConfig(steps=2), PLAYERS), Alarms(AlarmsConfig(steps=2), PLAYERS)
    for _ in range(FIRST):
        before.check(healthy(), PLAYERS)
    before.check(healthy(solution__entropy=0.0), PLAYERS)
    after.restore(before.state())
    assert (
        after.check(healthy(solution__entropy=0.0), PLAYERS)
        == before.check(healthy(solution__entropy=0.0), PLAYERS)
        != []
    )


def test_what_was_not_measured_raises_nothing():
    row = {"rollout": {"leak_rate": None, "distinct": None}, "verifier": {}, "solution": {"updated": 1, "reward": None}}
    assert watched(AlarmsConfig(steps=1), [row]) == [([], [])]


def test_a_player_whose_turn_it_is_not_is_not_blamed_and_not_forgiven():
    alarms = Alarms(AlarmsConfig(steps=2), PLAYERS)
    idle = {"abstraction__updated": 0}
    assert alarms.check(healthy(**idle), PLAYERS) == []
    assert all(alarms.check(healthy(**idle), ["solution"]) == [] for _ in range(5))
    assert alarms.check(healthy(**idle), PLAYERS) == [
        "abstraction.not_updated: for 2 steps in a row it was not updated"
    ]
