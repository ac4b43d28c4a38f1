"""What a step says π_abs knows about its proposals."""

from itertools import product

import pytest
from trees import tree
from voted import voted

from evals.charts.entropy import entropy_charts
from rlad.entropy.auroc import auroc
from trainers.metrics.proposals import NAMES, read_proposals
from trainers.metrics.readings import joined_sums


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
    parts = joined_sums([read_proposals(trees[:1]), read_proposals(trees[1:]), read_proposals([])])
    assert parts == pytest.approx(whole)


def test_the_report_draws_them():
    rows = [{"step": step, "rollout": dict.fromkeys(NAMES, 0.5)} for step in (1, 2)]
    titles = {chart.title: len(chart.series) for chart in entropy_charts(rows)}
    assert titles == {"What π_abs knows about its proposals": 3, "The vote among a step's abstractions": 2}
