"""Advantages that tell a group's attempts apart: sets counted out, sums kept, and their parents bit for bit."""

import itertools
import math
import random

import pytest
from credit_rows import abstraction_rows, solution_rows
from trees import solution, tree

from rlad.config import ConfigError, CotrainConfig, PlayerConfig, load_config
from trainers.credit.attempts import Attempts
from trainers.credit.group_baselines import BASELINES, mean
from trainers.credit.nudge import NudgeKeys, nudge
from trainers.credit.polychromic import PolychromicKeys, polychromic
from trainers.credit.ucpo import UcpoKeys, ucpo
from trainers.credit.uniqueness import UniquenessKeys, uniqueness

SHOWN = ["warmstart.mixture.refine=0.2", "base.max_positions=400"]


def random_group(seed, size=7, rewards=(0.0, 0.25, 1.0)):
    rng = random.Random(seed)
    names = [rng.choice("abc") for _ in range(size)]
    return Attempts([rng.choice(rewards) for _ in names], names, [-rng.uniform(0.1, 3) for _ in names])


@pytest.mark.parametrize("k", [1, 2, 3, 6, 7])
def test_polychromic_is_the_mean_over_all_sets_counted_out(k):
    group = random_group(k)

    def worth(members):
        return sum(group.rewards[i] for i in members) / k * len({group.strategies[i] for i in members}) / k

    sets = list(itertools.combinations(range(7), k))
    overall = sum(map(worth, sets)) / len(sets)
    for i, value in enumerate(polychromic(group, PolychromicKeys(k=k))):
        own = [worth(members) for members in sets if i in members]
        assert value == pytest.approx(sum(own) / len(own) - overall)


def test_polychromic_of_single_attempts_is_the_mean_baseline():
    group = random_group(3)
    assert polychromic(group, PolychromicKeys(k=1)) == mean(group.rewards)
    assert polychromic(Attempts([1.0], ["a"], [0.0]), PolychromicKeys(k=4)) == [0.0]


def test_a_failure_that_is_different_may_earn_and_copies_pay():
    """Four right by one way, one failed by another, k = 2: sets with it are worth 1/2 * 1, without 1 * 1/2: level."""
    level = polychromic(Attempts([1, 1, 1, 1, 0], [*"aaaa", "b"], [0.0] * 5), PolychromicKeys(k=2))
    assert level == pytest.approx([0] * 5)
    # k = 3: two right and it are worth 2/3 * 2/3, three copies 1 * 1/3; so the failure earns.
    values = polychromic(Attempts([1, 1, 1, 1, 0], [*"aaaa", "b"], [0.0] * 5), PolychromicKeys(k=3))
    assert values[4] > 0 > values[0]


@pytest.mark.parametrize("baseline", BASELINES)
def test_without_a_coefficient_they_are_their_parents(baseline):
    for seed in range(20):
        group, binary = random_group(seed), random_group(seed, rewards=(0.0, 1.0))
        parent = BASELINES[baseline]
        assert uniqueness(group, UniquenessKeys(exponent=0, baseline=baseline)) == parent(group.rewards)
        assert ucpo(binary, UcpoKeys(tau=0, baseline=baseline)) == parent(binary.rewards)
        assert nudge(group, NudgeKeys(inter=1, whiten=False)) == mean(group.rewards)


def test_uniqueness_by_hand():
    group = Attempts([1, 1, 1, 0, 0], ["a", "a", "b", "a", "c"], [0.0] * 5)
    assert uniqueness(group, UniquenessKeys(exponent=0.5, baseline="mean")) == pytest.approx(
        [0.4 / math.sqrt(3), 0.4 / math.sqrt(3), 0.4, -0.6, -0.6]
    )


@pytest.mark.parametrize("tau", [0.2, 1.0])
def test_ucpo_moves_credit_to_the_unlikely_and_keeps_its_sum(tau):
    group = Attempts([1, 0, 1, 1], ["a"] * 4, [-0.1, -0.2, -1.0, -3.0])
    before, after = mean(group.rewards), ucpo(group, UcpoKeys(tau=tau, baseline="mean"))
    assert after[1] == before[1] and sum(after) == pytest.approx(0)
    assert after[0] < after[2] < after[3] and after[0] < before[0] < after[3]
    odds = [math.exp(value) for value in (0.1, 1.0, 3.0)]  # 1/q is proportional to e^-logp
    weights = [(1 - tau) / 3 + tau * odd / sum(odds) for odd in odds]
    assert [after[i] for i in (0, 2, 3)] == pytest.approx([0.25 * 3 * weight for weight in weights])


def test_ucpo_never_divides_by_nothing():
    values = ucpo(Attempts([1, 1, 0], ["a"] * 3, [-0.1, -900.0, -1.0]), UcpoKeys(tau=1))
    assert all(map(math.isfinite, values)) and values[1] > values[0] >= 0


def test_nudge_by_hand():
    """lambda = 0 compares inside an abstraction only, 1.1 adds a tenth of the abstraction's lead to the whole."""
    group = Attempts([1, 0, 1, 1, 0, 0], [*"aabbcc"], [0.0] * 6)
    assert nudge(group, NudgeKeys(inter=0, whiten=False)) == pytest.approx([0.5, -0.5, 0, 0, 0, 0])
    assert nudge(group, NudgeKeys(whiten=False)) == pytest.approx([0.5, -0.5, 0.55, 0.55, -0.55, -0.55])
    values = nudge(group, NudgeKeys())
    assert sum(values) == pytest.approx(0)
    assert sum(a * a for a in values) / 6 == pytest.approx(1, abs=1e-4)


def test_an_abstraction_is_told_by_its_form_and_a_solution_by_what_it_follows():
    judged = tree([[1, 0], [1, 1]], repeats=[0])
    config = CotrainConfig(abstractions=2, solution_group="problem", drop_constant_groups=False)
    player = PlayerConfig(advantage="uniqueness")
    player.of("uniqueness").baseline = "mean"
    assert [row.advantage for row in solution_rows([judged], config, player)] == pytest.approx(
        [0.25 / 2, -0.75, 0.25 / 2, 0.25 / 2]
    )
    # Draws: z0, z1 and z0 again, worth 1/2, 1 and 1/2.
    assert [row.advantage for row in abstraction_rows([judged], config, player)] == pytest.approx(
        [-1 / 6, 1 / 3, -1 / 6]
    )


def test_under_one_abstraction_a_solution_is_told_by_its_words():
    judged = tree([[1, 1, 0]])
    judged.branches[0].solutions[1] = solution(True)
    judged.branches[0].solutions[1].text = "other  words"
    player = PlayerConfig(advantage="uniqueness")
    player.of("uniqueness").baseline = "mean"
    rows = solution_rows([judged], CotrainConfig(), player)
    assert [row.advantage for row in rows] == pytest.approx([1 / 6, 1 / 3, -2 / 3])


def test_a_group_that_is_all_right_still_teaches_where_sets_count():
    judged = tree([[1, 1], [1, 1]], repeats=[0])
    config = CotrainConfig(abstractions=2)
    player = PlayerConfig(advantage="polychromic")
    player.of("polychromic").k = 2
    values = [row.advantage for row in abstraction_rows([judged], config, player)]
    assert values == pytest.approx([-1 / 12, 1 / 6, -1 / 12])
    for other in ("mean", "uniqueness"):
        assert abstraction_rows([judged], config, PlayerConfig(advantage=other)) == []
    assert solution_rows([judged], config, player) == []  # two alike under each abstraction


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["solution.advantage=ucpo", "solution.reward=rlcr"], "use solution.reward=verdict"),
        (["solution.advantage=ucpo", "cotrain.critique.source=verifier", *SHOWN], "sampled under another prompt"),
        (["abstraction.advantage=ucpo"], "known: "),
        (["solution.advantage=nudge"], "set cotrain.solution_group=problem"),
        (["solution.advantage=nudge", "cotrain.solution_group=problem", "cotrain.abstractions=0"], "to at least 2"),
        (["solution.advantage=polychromic", "solution.polychromic.k=5", "cotrain.solutions=4"], "a group's 4 samples"),
        (["solution.advantage=uniqueness", "solution.uniqueness.exponent=1.5"], "at least 0 and at most 1"),
        (["solution.advantage=uniqueness", "solution.uniqueness.baseline=rloo"], "known: std, mean"),
    ],
)
def test_what_they_do_not_go_with(words, why):
    with pytest.raises(ConfigError, match=why):
        load_config(None, words)
