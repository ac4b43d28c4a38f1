"""HiLL's reward: its numbers, its formula from scratch, and what it measures on a tree."""

from dataclasses import replace
from math import comb, exp

import pytest
from trees import tree

from rlad.config import BareConfig, CotrainConfig, RunConfig
from trainers.credit.draws import draw_rewards
from trainers.rewards import Evidence, TokenScores, measure_rewards
from trainers.rewards.hill import hill_reward, signal, transfer_gap


def test_numbers():
    assert [signal(p, 8) for p in (0.125, 0.875, 0.5, 0, 1)] == pytest.approx([0.6564, 0.6564, 0.9922, 0, 0], abs=1e-4)
    assert hill_reward(0.5, 8, -0.3) == pytest.approx(0.3650, abs=1e-4)
    assert hill_reward(0.5, 8, 0.2) == pytest.approx(0.9922, abs=1e-4)
    assert hill_reward(0.0, 8, -0.3) == hill_reward(1.0, 8, 0.5) == 0


@pytest.mark.parametrize("size", [2, 5, 8])
@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 0.9])
def test_signal_is_the_chance_of_a_mixed_group(p, size):
    mixed = sum(comb(size, k) * p**k * (1 - p) ** (size - k) for k in range(1, size))
    assert signal(p, size) == pytest.approx(mixed)


def test_gap_from_scratch():
    bare, guided = [[-1.0, -3.0], [-0.5]], [[-0.5, -0.5], [-1.0]]
    by_hand = ((-2.0 - -0.5) + (-0.5 - -1.0)) / 2
    assert transfer_gap(bare, guided) == pytest.approx(by_hand)
    assert transfer_gap([], []) == 0


class BareScorer:
    """Gives every token of a bare prompt the same log-prob, and notes what it was asked."""

    def __init__(self, logp):
        self.logp, self.asked = logp, []
        self.prompts = self

    def ids(self, task, question):
        assert task == "plain"
        return [9]

    def score(self, pairs):
        self.asked += pairs
        return [TokenScores([self.logp] * len(completion), [1] * len(completion)) for _, completion in pairs]


def measured(t, logp=-1.0):
    run = RunConfig(cotrain=CotrainConfig(bare=BareConfig(baseline_samples=4)))
    run.abstraction.reward = "hill"
    scorer = BareScorer(logp)
    counts = measure_rewards([t], Evidence(run, scorer, None))
    return run.cotrain, scorer, counts


def test_measured_on_a_tree():
    t = tree([[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]], bare=[0, 0, 0, 0])
    for s in t.solutions:
        s.completion = replace(s.completion, logprobs=(-0.4,) * 3)
    config, scorer, counts = measured(t)
    assert len(scorer.asked) == 6  # right solutions only, under the bare prompt
    half = (1 - 0.5**4 - 0.5**4) * exp(min(-1.0 - -0.4, 0) / 0.3)
    assert draw_rewards(t, config) == pytest.approx([half, 0, 0])
    assert counts["hint_pays"] == (1.0, 3)
    assert counts["transfer_gap"] == (pytest.approx(-1.2), 2)


def test_a_hint_that_does_not_beat_the_bare_group_earns_nothing():
    t = tree([[1, 1, 0, 0], [1, 0, 0, 0]], bare=[1, 0, 0, 0])
    config, _, _ = measured(t, logp=0.0)
    assert draw_rewards(t, config) == [pytest.approx(0.875), 0]


def test_an_abstraction_that_was_never_solved_with_stays_masked():
    t = tree([[1, 0], []], bare=[0])
    config, _, counts = measured(t, logp=0.0)
    assert draw_rewards(t, config) == [0.5, None]
    assert counts["hint_pays"] == (1.0, 1)


def test_failures_keep_the_fixed_penalty():
    t = tree([[1, 0], [1, 0]], leaks={0}, bare=[0])
    t.draws[1].branch = None
    config, _, _ = measured(t)
    assert draw_rewards(t, config) == [-0.2, -0.2]
