"""Judging solutions: what the box may hold, and how often one is judged."""

from types import SimpleNamespace

import pytest

from rlad.config import VerifierConfig
from rlad.problems import Problem
from rlad.reasoning import judge as module
from rlad.reasoning.judge import Judge
from rlad.verifier import verify


@pytest.mark.parametrize(
    "gold, box, value, computed",
    [
        ("8", "8", True, True),
        ("8", "3+5", False, True),
        ("8", "2^3", False, True),
        ("8", r"\sqrt{64}", False, True),
        ("8", "3+5=8", False, True),
        ("8", "x=8", True, True),
        ("8", r"8\text{ apples}", True, True),
        ("8", r"(3+5)\text{ apples}", False, True),
        ("3/4", r"\frac{3}{4}", True, True),
        ("3.5", r"3\frac12", True, True),
        ("1200", r"1.2 \times 10^3", True, True),
        (r"2\sqrt{3}", r"\sqrt{12}", True, True),
        ("x+1", "1+x", True, True),
        ("(3, 4)", "(1+2, 4)", False, True),
        ("2^3", "2^3", True, True),
        ("2^3", "8", True, True),
    ],
)
def test_a_computation_in_the_box_is_no_value(gold, box, value, computed):
    items = [(Problem("p", "?", gold), rf"so \boxed{{{box}}}")]
    assert Judge(VerifierConfig(), None, value_answers=True)(items)[0].correct is value
    assert Judge(VerifierConfig())(items)[0].correct is computed


@pytest.mark.parametrize("pooled", [False, True])
def test_what_was_written_twice_is_judged_once(pooled, monkeypatch):
    judge, asked = Judge(VerifierConfig()), []
    monkeypatch.setattr(module, "verify", lambda *pair: asked.append(pair[:2]) or verify(*pair))
    if pooled:
        judge._pool = SimpleNamespace(verify_many=lambda pairs: [module.verify(*pair) for pair in pairs])
    two, three = Problem("p", "1+1", "2"), Problem("q", "1+2", "3")
    items = [(two, r"\boxed{2}"), (three, r"\boxed{2}"), (two, r"\boxed{3}"), (two, r"\boxed{2}")]
    assert [verdict.correct for verdict in judge(items)] == [True, False, False, True]
    assert asked == [("2", r"\boxed{2}"), ("3", r"\boxed{2}"), ("2", r"\boxed{3}")]
    assert sum(judge.outcomes.values()) == 4
