"""The rewards that train for a weighted vote: by hand, against brute force and autograd, and on trees."""

from fractions import Fraction
from itertools import product
from math import log

import pytest
import torch
from credit_rows import abstraction_rows
from hypothesis import given
from hypothesis import strategies as st
from trees import tree
from voted import voted

from rlad.cli import PlainError
from rlad.config import CotrainConfig, PlayerConfig, RunConfig
from trainers.credit.draws import draw_rewards
from trainers.rewards import Evidence, measure_rewards
from trainers.rewards.belief import brier_score, log_score, score_gradient
from trainers.rewards.vote import vote_effects
from trainers.rewards.voters import normalised, voters


def paid(name, trees, **keys):
    run = RunConfig(cotrain=CotrainConfig())
    run.abstraction.reward = name
    for key, value in keys.items():
        setattr(run.abstraction.of(name), key, value)
    return measure_rewards(trees, Evidence(run, None, None))


def chance_from_scratch(ballots, right):
    """Exact fractions; the weights are whole numbers."""
    totals = {}
    for weight, answers in ballots:
        for answer in answers:
            if answer is not None:
                totals[answer] = totals.get(answer, 0) + Fraction(weight, len(answers))
    best = [answer for answer, total in totals.items() if total == max(totals.values())]
    return sum(Fraction(answer in right, len(best)) for answer in best)


@given(st.lists(st.tuples(st.integers(1, 4), st.lists(st.sampled_from("ABC"), min_size=1, max_size=2)), max_size=5))
def test_effects_are_what_the_vote_loses_without_a_member(ballots):
    votes = [[(answer, 1 / len(answers)) for answer in answers] for _, answers in ballots]
    found = vote_effects(votes, [log(weight) for weight, _ in ballots], {"A"})
    for i, effect in enumerate(found):
        rest = ballots[:i] + ballots[i + 1 :]
        assert effect == pytest.approx(float(chance_from_scratch(ballots, "A") - chance_from_scratch(rest, "A")))


def test_weights_too_small_for_a_float_still_decide_between_themselves():
    votes = [[("B", 1.0)], [("A", 1.0)], [("C", 1.0)]]
    assert vote_effects(votes, [-1.0, -2000.0, -2001.0], {"A"}) == [-1.0, 0.0, 0.0]


def test_the_vote_pays_abstractions_on_a_tree_and_all_their_draws_alike():
    t = voted([(0.5, ["1", "1"]), (0.3, ["2", "2"]), (0.2, ["1", None])], repeats=[0])
    counts = paid("vote", [t])
    assert draw_rewards(t, CotrainConfig()) == [1.0, 0.0, 0.0, 1.0]
    assert counts == {"vote_right": (1.0, 1.0), "vote_decisive": (1.0, 3.0)}
    paid("vote", [t], mix=0.5)
    assert draw_rewards(t, CotrainConfig()) == [1.0, 0.0, 0.25, 1.0]


def test_what_misleads_the_vote_pays_and_a_leak_pays_more():
    t = voted([(0.6, ["2"]), (0.4, ["1"]), (0.1, [])])
    t.branches[2].leak = True  # nobody solved with it
    paid("vote", [t])
    assert draw_rewards(t, CotrainConfig()) == [-1.0, 0.0, -1.2]


def test_equivalent_answers_vote_together():
    t = voted([(0.4, ["2"]), (0.3, ["1/4"]), (0.3, ["0.25"])])
    assert [one.answers for one in voters(t)] == [(0,), (1,), (1,)]


@pytest.mark.parametrize("score", ["log", "brier"])
def test_the_policy_gradient_of_belief_is_the_gradient_of_its_score(score):
    """Sum over draws of A * grad log π, duplicates and advantage=mean included, against autograd of the score."""
    chances, rates = [0.5, 0.2, 0.1], [1.0, 0.5, 0.0]
    answers = [["1", "1"], ["1", "3"], ["2", "2"]]
    t = voted(list(zip(chances, answers, strict=True)), repeats=[0, 0, 2])
    paid("belief", [t], score=score)
    rows = abstraction_rows([t], CotrainConfig(drop_constant_groups=False), PlayerConfig())
    logits = torch.tensor([log(p) for p in [*chances, 0.2]], dtype=torch.float64, requires_grad=True)
    logp = logits.log_softmax(0)
    surrogate = sum(row.advantage * logp[draw.branch] for row, draw in zip(rows, t.draws, strict=True))
    (found,) = torch.autograd.grad(surrogate, logits, retain_graph=True)
    shares = logp[:3].softmax(0)
    truth = torch.tensor(rates, dtype=torch.float64) / sum(rates)
    value = (truth * shares.log()).sum() if score == "log" else -((shares - truth) ** 2).sum()
    (expected,) = torch.autograd.grad(value, logits)
    assert found.tolist() == pytest.approx(expected.tolist(), abs=1e-12)


@pytest.mark.parametrize("score", ["log", "brier"])
def test_a_calibrated_belief_is_best_and_earns_nothing(score):
    truth = [0.5, 0.3, 0.2]
    grid = [(a / 20, b / 20, (20 - a - b) / 20) for a, b in product(range(1, 20), repeat=2) if a + b < 20]
    value = {q: log_score(q, truth) if score == "log" else -brier_score(q, truth) for q in grid}
    assert max(value, key=value.get) == pytest.approx(tuple(truth))
    assert score_gradient(truth, truth, score) == [0.0, 0.0, 0.0]


def test_belief_on_trees():
    t, nothing = voted([(0.3, ["1"]), (0.1, ["2"])]), voted([(0.3, ["2"]), (0.1, ["2"])])
    counts = paid("belief", [t, nothing])
    assert draw_rewards(t, CotrainConfig()) == pytest.approx([0.25, -0.25])
    assert draw_rewards(nothing, CotrainConfig()) == [0.0, 0.0]
    assert counts["belief_brier"] == (pytest.approx(0.125), 1.0)
    assert normalised([]) == []


@pytest.mark.parametrize("name", ["vote", "belief"])
def test_a_sampler_that_does_not_say_is_refused(name):
    with pytest.raises(PlainError, match="did not say"):
        paid(name, [tree([[1], [0]])])
