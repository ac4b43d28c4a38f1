"""R3: the paper's formulas in plain Python, the filter's two stages, and what is measured on trees."""

import math
import statistics

import numpy as np
import pytest
from credit_rows import abstraction_rows
from trees import tree

from rlad.config import CotrainConfig, GateConfig, RunConfig
from trainers.credit.draws import draw_rewards
from trainers.rewards import Evidence, TokenScores, measure_rewards
from trainers.rewards.r3 import (
    R3Keys,
    propagated,
    propagation,
    r3_weights,
    reference,
    spread,
    spread_threshold,
    weighted,
    within_reach,
)

LOGP = [[-0.1, -2, -0.5], [-0.1, -0.4, -0.5]]


def test_numbers():
    sigma = spread(LOGP)
    assert sigma == pytest.approx([0, 0.8, 0], abs=1e-4)
    assert weighted(LOGP, r3_weights(sigma)) == pytest.approx([-2, -0.4], abs=1e-4)
    assert weighted(LOGP, [1 / 3] * 3) == pytest.approx([-0.8667, -0.3333], abs=1e-4)
    assert propagation(0.5, 0.1, [0, 1, 10, 50]) == pytest.approx([0.5, 0.5476, 0.8161, 0.9966], abs=1e-4)


def test_against_plain_python():
    rng = np.random.default_rng(5)
    logp = -rng.exponential(size=(4, 7))
    sigma = [statistics.pstdev([row[j] for row in logp]) for j in range(7)]
    assert spread(logp) == pytest.approx(sigma)
    expected = [sum(s / sum(sigma) * row[j] for j, s in enumerate(sigma)) for row in logp]
    assert weighted(logp, r3_weights(sigma)) == pytest.approx(expected)
    chosen = sorted(range(7), key=lambda j: -sigma[j])[:2]
    expected = [sum(row[j] for j in chosen) / 2 for row in logp]
    assert weighted(logp, r3_weights(sigma, "top", 0.2)) == pytest.approx(expected)  # ceil(1.4) = 2 tokens
    for row, adjusted in zip(logp, propagated(logp, 0.3), strict=True):
        for j in range(7):
            doubt = [math.exp(row[k]) + (1 - math.exp(row[k])) * (1 - math.exp(-0.3 * (j - k))) for k in range(j)]
            assert adjusted[j] == pytest.approx(row[j] + math.log(min(doubt, default=1.0)))


def test_tokens_without_spread_weigh_the_same():
    assert r3_weights(spread([[-1, -2], [-1, -2]])) == pytest.approx([0.5, 0.5])
    assert r3_weights(spread([[-1, -2, -3]])) == pytest.approx([1 / 3] * 3)  # one trace: nothing to disagree about


def test_filter_stages():
    assert within_reach([[1, 1, 1, 50], [2, 2, 2, 8]], 0.25, 8)
    assert not within_reach([[1, 1, 1, 50], [2, 2, 2, 9]], 0.25, 8)
    # .3 of four tokens are two, rounded up: a mean rank of (2 + 10) / 2
    assert [within_reach([[1, 10, 1, 2]], 0.3, limit) for limit in (5, 6)] == [False, True]
    assert [spread_threshold([0.5, 0.1, 0.3, 0.2], keep) for keep in (0.25, 0.5, 1)] == [0.5, 0.3, 0.1]


class Scorer:
    """Knows the log-probs and ranks of each abstraction's reference tokens by its text."""

    def __init__(self, logp, rank=None):
        self.logp, self.rank, self.prompts = logp, rank or {}, self

    def ids(self, task, question, abstraction):
        assert task == "guided"
        return [abstraction]

    def completion_ids(self, text, task):
        assert text == "\\boxed{1}"  # no solution in the data: the answer itself
        return [1, 2, 3]

    def score(self, pairs):
        return [TokenScores(self.logp[z], self.rank.get(z, [1, 1, 1])) for (z,), _ in pairs]


def run_with(**settings):
    run = RunConfig()
    run.abstraction.reward = "r3"
    run.abstraction.methods["r3"] = R3Keys(**settings)
    return run


def test_measured_on_a_tree_and_a_leak_is_worse_than_the_worst():
    t = tree([[0], [0], [1]], leaks={2})
    run = run_with()
    counts = measure_rewards([t], Evidence(run, Scorer({"z0": LOGP[0], "z1": LOGP[1]}), None))
    assert draw_rewards(t, run.cotrain) == pytest.approx([-2, -0.4, -2.2])
    assert counts["r3"] == (pytest.approx(-2.4), 2)
    off = CotrainConfig(gate=GateConfig(enabled=False))
    assert draw_rewards(t, off)[2] == 1  # not scored: its success


def test_filtered_problems_are_not_learnt_from():
    flat, told, far = tree([[0], [1]]), tree([[0], [1]]), tree([[0], [1]])
    for name, t in (("flat", flat), ("told", told), ("far", far)):
        for branch in t.branches:
            branch.text = name + branch.text
    logp = {"flatz0": [-1, -1, -1], "flatz1": [-1, -1, -1.01], "toldz0": LOGP[0], "toldz1": LOGP[1]}
    logp |= {"farz0": LOGP[0], "farz1": LOGP[1]}
    rank = {"farz0": [1, 1, 90], "farz1": [1, 1, 80]}
    run = run_with(filter=True, keep=0.5, carry_over=0.0)
    counts = measure_rewards([flat, told, far], Evidence(run, Scorer(logp, rank), None))
    assert [t.filtered for t in (flat, told, far)] == [True, False, True]
    assert counts["filtered"] == (2, 3)
    assert draw_rewards(far, run.cotrain) == [None, None]
    assert abstraction_rows([far], run.cotrain, run.abstraction) == []
    assert len(abstraction_rows([told], run.cotrain, run.abstraction)) == 2


def test_carry_over_keeps_all_that_was_dropped():
    t = tree([[0], [1]])
    run = run_with(filter=True, carry_over=1.0, rank=1.0)
    measure_rewards([t], Evidence(run, Scorer({"z0": LOGP[0], "z1": LOGP[1]}, {"z0": [9] * 3, "z1": [9] * 3}), None))
    assert not t.filtered


@pytest.mark.parametrize("source", ["induction", "countdown", "algebra"])
def test_reference_of_a_world_is_a_right_solution(source):
    from rlad.config import VerifierConfig, load_config
    from rlad.problems import load_problems, make_world
    from rlad.reasoning.judge import Judge

    run = load_config(None, [f"problems.source={source}", "problems.train=5"])
    world = make_world(run.problems)
    evidence = Evidence(run, None, Judge(VerifierConfig(), world), world)
    for problem in load_problems(run.problems, "train"):
        text = reference(problem, evidence)
        assert evidence.judge([(problem, text)])[0].correct
        assert reference(problem, evidence) == text  # the same in every step
