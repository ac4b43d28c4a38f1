"""Judging solutions: what the box may hold."""

import pytest

from rlad.config import VerifierConfig
from rlad.problems import Problem
from rlad.reasoning.judge import Judge


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
