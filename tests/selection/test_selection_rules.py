"""Selection rules: published examples, ties, invalid answers, and agreement with the exact majority estimator."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rlad.selection
from evals.estimators import majority_at_k
from rlad.config.registry import rule
from rlad.selection import Candidate, credit, group, reads, select, winners

C = Candidate
ANSWERS = st.lists(st.sampled_from(["A", "B", "C", None]), min_size=1, max_size=12)


@pytest.mark.parametrize("module", ["rules", "votes", "grouping"])
def test_worked_examples_in_docstrings(module):
    assert doctest.testmod(getattr(rlad.selection, module)).failed == 0
    assert doctest.testmod(rlad.selection).failed == 0


@pytest.mark.parametrize(
    ("scores", "weighted", "top", "majority"),
    [((0.9, 0.5, 0.5), "B", "A", "B"), ((0.9, 0.3, 0.3), "A", "A", "B")],
)
def test_weighted_votes_against_majority_and_best(scores, weighted, top, majority):
    drawn = [C("A", scores[0]), C("B", scores[1]), C("B", scores[2])]
    chosen = [drawn[select(name, drawn)].key for name in ("weighted", "max-confidence", "majority")]
    assert chosen == [weighted, top, majority]


def test_invalid_answers_do_not_vote_and_cannot_win():
    drawn = [C(None), C(None, 5.0), C("A", 0.1)]
    assert {select(name, drawn) for name in rule.names()} == {2}
    for name in rule.names():
        assert select(name, [C(None)]) is None
        assert select(name, []) is None
        assert credit(name, [C(None)], [True]) == 0.0


def test_ties_share_credit_and_fall_to_the_earliest():
    drawn = [C("B"), C("A"), C("A"), C("B"), C("C")]
    assert winners("majority", drawn) == ["B", "A"]
    assert select("majority", drawn) == 0
    assert credit("majority", drawn, [False, True, True, False, False]) == 0.5


def test_rounding_in_the_last_bit_is_a_tie():
    drawn = [C("A", 0.1), C("A", 0.2), C("B", 0.3)]  # .1 + .2 = .30000000000000004
    assert winners("weighted", drawn) == ["A", "B"]


@given(ANSWERS, st.sets(st.sampled_from("ABC")))
def test_credit_is_the_exact_majority_estimate_over_all_samples(keys, right):
    flags = [key in right for key in keys]
    assert credit("majority", [C(key) for key in keys], flags) == pytest.approx(
        majority_at_k(keys, flags, [len(keys)])[len(keys)]
    )


@given(ANSWERS)
def test_all_rules_agree_with_majority_of_equal_scores(keys):
    drawn = [C(key, 1.0) for key in keys]
    assert select("weighted", drawn) == select("majority", drawn)


@pytest.mark.parametrize("score", [-0.1, float("nan")])
def test_weighted_vote_refuses_negative_scores(score):
    with pytest.raises(ValueError, match="at least 0"):
        select("weighted", [C("A", score)])


def test_rules_that_need_scores_say_so():
    scored = {name for name in rule.names() if reads(name)}
    assert set(rule.names()) - scored == {"majority"}
    for name in scored:
        with pytest.raises(ValueError, match=f"reads the {reads(name)} of every candidate"):
            select(name, [C("A", 0.5), C("A")])
        assert select(name, [C("A", 0.5), C(None)]) == 0  # what has no answer needs no score


def test_unknown_and_doubled_rules_are_refused():
    with pytest.raises(ValueError, match="nearest is 'majority'"):
        select("majorty", [C("A")])
    with pytest.raises(ValueError, match="Two selection rules"):
        rule("majority")(rule["weighted"].call)


def test_equal_strings_are_compared_once():
    asked = []

    def same(a, b):
        asked.append((a, b))
        return float(a) == float(b)

    assert group(["1", "2", "1.0", "2", "1.0", None], same) == [0, 1, 0, 1, 0, None]
    assert asked == [("1", "2"), ("1", "1.0")]
