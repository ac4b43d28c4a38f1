"""What a step says π_abs knows about its proposals."""

import math
from dataclasses import replace
from itertools import product

import pytest
from trees import tree
from voted import voted

from evals.charts.entropy import entropy_charts
from rlad.entropy.auroc import auroc
from trainers.metrics.proposals import NAMES, read_proposals
from trainers.metrics.readings import joined_sums
from trainers.metrics.votes import VOTES


def test_auroc_of_shares_is_that_of_single_solutions_of_different_abstractions():
    scores, flags = [-1.0, -2.0, -1.0], [[1, 0], [1, 1], [0, 0]]
    wins, pairs = 0.0, 0
    for i, j in product(range(3), repeat=2):
        for a, b in product(flags[i], flags[j]):
            if i != j and a and not b:
                wins += (scores[i] > scores[j]) + 0.5 * (scores[i] == scores[j])
                pairs += 1
    assert auroc(scores, [sum(row) / 2 for row in flags]) == pytest.approx(wins / pairs)


def test_numbers_of_a_step_however_it_is_split():
    knows = voted([(0.6, ["1"]), (0.2, ["2"]), (0.1, ["2"])])  # π_abs is right where equal votes are wrong
    uniform = voted([(0.3, ["1"]), (0.3, ["2"])])
    trees = [knows, uniform, tree([[1]]), tree(bare=[1])]  # the third's sampler did not say
    whole = joined_sums([read_proposals(trees)])
    assert whole["proposal_auroc"] == pytest.approx((1.0 + 0.5) / 2)
    assert whole["vote_proposer"] == pytest.approx((1.0 + 0.5) / 2)
    assert whole["vote_equal"] == pytest.approx((0.0 + 0.5) / 2)
    shares = [0.6 / 0.9, 0.2 / 0.9, 0.1 / 0.9]
    brier = (shares[0] - 1) ** 2 + shares[1] ** 2 + shares[2] ** 2
    assert whole["proposal_brier"] == pytest.approx((brier + 0.5) / 2)
    assert whole["proposal_evenness"] < 1
    assert whole["vote_majority"] == pytest.approx((0.0 + 0.5 + 0.0) / 3)  # the third has no answer
    assert joined_sums([read_proposals(trees[3:])])["vote_majority"] is None
    assert joined_sums([read_proposals(trees[3:], plain=True)])["vote_majority"] == 0  # nor has the fourth
    parts = joined_sums([read_proposals(trees[:1]), read_proposals(trees[1:]), read_proposals([])])
    assert parts == pytest.approx(whole)


def test_every_rule_votes_that_can_read_what_the_rollout_has():
    """Abstractions of .6, .2 and .1; two answers "2" against a "1" that is right, and its text is the likelier one."""
    one = voted([(0.6, ["1"]), (0.2, ["2"]), (0.1, ["2"])])
    for branch, said in zip(one.branches, (0.5, 0.25, 0.25), strict=True):
        (solution,) = branch.solutions
        solution.completion = replace(solution.completion, logprobs=(math.log(said),), model_logprob=math.log(said))
        solution.text = branch.text
    found = joined_sums([read_proposals([one])])
    right = {name: found[f"vote_{name}"] for name in ("majority", "proposer", "marginal", "draws", "max-confidence")}
    assert right == {"majority": 0, "proposer": 1, "marginal": 1, "draws": 0, "max-confidence": 1}
    unread = {name for name in VOTES if found[VOTES[name]] is None}
    assert unread >= {"unguided", "best_judged", "best_stated", "trace_confidence"} and "borda" not in unread
    assert not {"platt", "isotonic"} & set(VOTES)  # their keys have to be fitted first
    one.branches[0].solutions[0].text = "\\boxed{1} <confidence> 0.9 </confidence>"
    assert joined_sums([read_proposals([one])])["vote_best_stated"] == 1


def test_abstractions_that_nobody_drew_by_themselves_vote_too():
    listed = voted([(0.6, ["1"]), (0.2, ["1"]), (0.1, ["2"])])
    listed.draws = [replace(listed.draws[0], branch=None)]
    found = joined_sums([read_proposals([listed])])
    assert found["vote_majority"] == found["vote_draws"] == 1 and found["vote_proposer"] is None


def test_the_report_draws_them():
    rows = [{"step": step, "rollout": dict.fromkeys((*NAMES, *VOTES.values()), 0.5)} for step in (1, 2)]
    titles = {chart.title: len(chart.series) for chart in entropy_charts(rows)}
    assert titles == {"What π_abs knows about its proposals": 3, "The vote among a step's solutions": 5}
