"""Equations of numbers in which the answer fills a gap: ``7 + 8 = 15`` where two numbers with the sum 15 are sought."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise

from rlad.reasoning.leaks.arithmetic import expressions
from rlad.reasoning.leaks.question import Facts, value_of
from rlad.verifier import verify

_EQUALS = re.compile(r"\s*=\s*")


def fills(text: str, value: Fraction | None, told: Facts) -> str:
    """The first equation of a plain text that holds, with `value` in a computation that gives one of the question's
    numbers; empty where there is none, and for a value that the question itself says or brings with it.

    >>> from rlad.reasoning.leaks.question import facts
    >>> asked = facts("The sum of two numbers is 15, their difference 1. What is the smaller?")
    >>> fills("Check: 7 + 8 = 15.", Fraction(7), asked), fills("15 = 8 + 6", Fraction(8), asked)
    ('7 + 8 = 15', '')
    """
    if value is None or value in told.implied or value in (0, 1):
        return ""
    for left, right in pairwise(expressions(text)):
        if not _EQUALS.fullmatch(text, left.end, right.start):
            continue
        for made, given in ((left, right), (right, left)):
            filled = (
                not given.operands and value_of(given.text) in told.numbers and value in map(value_of, made.operands)
            )
            if filled and verify(given.text, made.text).correct:
                return text[left.start : right.end]
    return ""
