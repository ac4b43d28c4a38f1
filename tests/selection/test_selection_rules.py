"""Selection rules: published examples, ties, invalid answers, and agreement with the exact majority estimator."""

import doctest
import pkgutil
from dataclasses import replace
from importlib import import_module
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rlad.selection
from evals.statistics.estimators import majority_at_k
from rlad.config import SweepConfig
from rlad.config.registry import rule
from rlad.generation.base import Certainty
from rlad.selection import Candidate, certainty_window, credit, group, reads, select, winners


def sample(key, likelihood=None):
    """A plain sample of one token."""
    return Candidate(key, None if likelihood is None else log(likelihood))


SAID = Candidate(
    "A", log(0.5), stated_confidence=0.5, unguided=log(0.5), judgement=0.5, certainty=Certainty(0.5, 1, 1, 1, 1)
)
"""With everything that a rule may read."""
ANSWERS = st.lists(st.sampled_from(["A", "B", "C", None]), min_size=1, max_size=12)


@pytest.mark.parametrize("module", [one.name for one in pkgutil.iter_modules(rlad.selection.__path__)])
def test_worked_examples_in_docstrings(module):
    assert doctest.testmod(import_module(f"rlad.selection.{module}")).failed == 0
    assert doctest.testmod(rlad.selection).failed == 0


@pytest.mark.parametrize(
    ("scores", "weighted", "top", "majority"),
    [((0.9, 0.5, 0.5), "B", "A", "B"), ((0.9, 0.3, 0.3), "A", "A", "B")],
)
def test_weighted_votes_against_majority_and_best(scores, weighted, top, majority):
    drawn = [sample("A", scores[0]), sample("B", scores[1]), sample("B", scores[2])]
    chosen = [drawn[select(name, drawn)].key for name in ("weighted_majority", "max-confidence", "majority")]
    assert chosen == [weighted, top, majority]


def test_invalid_answers_do_not_vote_and_cannot_win():
    drawn = [sample(None), sample(None, 1.0), replace(SAID, logprob=log(0.1), unguided=-1.0)]
    assert {select(name, drawn) for name in rule.names()} == {2}
    for name in rule.names():
        assert select(name, [sample(None)]) is None
        assert select(name, []) is None
        assert credit(name, [sample(None)], [True]) == 0.0


def test_ties_share_credit_and_fall_to_the_earliest():
    drawn = [sample("B"), sample("A"), sample("A"), sample("B"), sample("C")]
    assert winners("majority", drawn) == ["B", "A"]
    assert select("majority", drawn) == 0
    assert credit("majority", drawn, [False, True, True, False, False]) == 0.5


def test_rounding_in_the_last_bit_is_a_tie():
    drawn = [sample("A", 0.1), sample("A", 0.2), sample("B", 0.3)]  # .1 + .2 = .30000000000000004
    assert winners("weighted_majority", drawn) == ["A", "B"]


@given(ANSWERS, st.sets(st.sampled_from("ABC")))
def test_credit_is_the_exact_majority_estimate_over_all_samples(keys, right):
    flags = [key in right for key in keys]
    assert credit("majority", [sample(key) for key in keys], flags) == pytest.approx(
        majority_at_k(keys, flags, [len(keys)])[len(keys)]
    )


@given(ANSWERS)
def test_all_rules_agree_with_majority_of_equal_scores(keys):
    drawn = [sample(key, 1.0) for key in keys]
    assert select("weighted_majority", drawn) == select("majority", drawn)


@pytest.mark.parametrize("score", [-0.1, float("nan")])
def test_weighted_vote_refuses_negative_scores(score):
    with pytest.raises(ValueError, match="at least 0"):
        select("stated_majority", [Candidate("A", stated_confidence=score)])


def test_rules_that_need_scores_say_so():
    for name in rule.names():
        for one in reads(name):
            lost = {"likelihood": "logprob", "self_certainty": "certainty"}.get(one, one)
            with pytest.raises(ValueError, match=f"reads the {one} of every candidate"):
                select(name, [SAID, replace(SAID, **{lost: None})])
        assert select(name, [SAID, Candidate(None, proposal=None)]) == 0  # what has no answer needs no score


def test_unknown_and_doubled_rules_are_refused():
    with pytest.raises(ValueError, match="nearest is 'majority'"):
        select("majorty", [sample("A")])
    with pytest.raises(ValueError, match="Two selection rules"):
        rule("majority")(rule["draws"].call)
    with pytest.raises(ValueError, match="'weighted' is called 'weighted_majority' now"):
        select("weighted", [sample("A")])


def test_equal_strings_are_compared_once():
    asked = []

    def same(a, b):
        asked.append((a, b))
        return float(a) == float(b)

    assert group(["1", "2", "1.0", "2", "1.0", None], same) == [0, 1, 0, 1, 0, None]
    assert asked == [("1", "2"), ("1", "1.0")]


def test_certainty_is_measured_only_for_rules_that_read_it():
    """It costs a log-softmax of every step, and the default rules do without."""
    assert certainty_window(SweepConfig().select, 16) == 0
    assert certainty_window(["majority", "trace_confidence"], 16) == 16
