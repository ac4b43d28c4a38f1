"""Where a text names a number that equals the gold answer, in whatever form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from rlad.reasoning.leaks.arithmetic import Expression, computations_in_words, expressions
from rlad.reasoning.leaks.ordinals import ordinals
from rlad.reasoning.leaks.question import value_of
from rlad.reasoning.leaks.wording import plain_text
from rlad.verifier import verify

_DIGITS = re.compile(r"(?<![\d.])\d(?: ?-? ?\d){1,11}(?![\d.])")
_LISTED_DIGITS = re.compile(r"\bdigits?\b[^.;]{0,40}?((?:\d\D{1,14}){1,11}\d)(?!\d)", re.IGNORECASE)
_ROMAN = re.compile(
    r"(?<![A-Za-z])(?=[VXLCDM]|I[IVX])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})(?![A-Za-z])"
)
_LETTERS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_UNIT = re.compile(r"(?:[a-zA-Z]{2,}[a-zA-Z ^2-3()/.-]*|[mgshlL]|)")
MOST = 2000
"""Numbers of a text that are looked at."""


class Mention(NamedTuple):
    """A place where a text names the gold answer's value."""

    start: int
    end: int
    computed: Expression | None = None
    """The computation that gives it; None for a number that is written as it is."""
    unscaled: bool = False
    """Whether it is a percentage that equals the answer only without its sign."""
    letter: bool = False
    """Whether it is a single letter, which is a number only where it is called the answer."""
    ordinal: bool = False
    """Whether it is a place in an order: ``third``."""


@lru_cache(maxsize=4096)
def number_of(gold: str) -> str | None:
    r"""A gold answer's number or computation, without name and unit; None where it is none.

    >>> number_of("x = 8 cm"), number_of(r"\frac{3}{4}"), number_of("Friday"), number_of("3, 4")
    ('8', '3/4', None, None)
    """
    text = re.sub(r"^[a-zA-Z] ?= ?", "", plain_text(gold).text.strip())
    found = next(expressions(text), None)
    if found is None or found.start > 0:
        return None
    unit = text[found.end :].strip(" .")
    plausible = _UNIT.fullmatch(unit) and len(unit.split()) < 4 and not re.match(r"(?:and|or)\b", unit)
    return found.text if plausible else None


def mentions(text: str, gold: str, unit: str = "") -> Iterator[Mention]:
    """Every place of a plain text that equals a gold answer for which `number_of` gives a number.

    >>> [text[m.start : m.end] for text in ["It is 3*9, or XXVII; digits 2 and 7."] for m in mentions(text, "27")]
    ['3*9', '2 and 7', 'XXVII']
    >>> [text[m.start : m.end] for text in ["350 cm"] for m in mentions(text, "3.5", "metre")]
    ['350']
    """
    target = number_of(gold)
    measured = f"{target} {unit}" if unit and not re.search("[a-zA-Z]", gold) else gold
    value = value_of(target) if "%" not in target else None
    for place in islice(_expressions(text), MOST):
        if _same(target, place.text, value):
            yield Mention(place.start, place.end, place if place.operands else None, _unscaled(place.text, target))
        elif not place.operands and _same_with_unit(text, measured, place):
            yield Mention(place.start, place.end)
    if value is None or value.denominator > 1:
        return
    yield from _digit_by_digit(text, str(value))
    yield from (Mention(start, end, ordinal=True) for start, end, place in ordinals(text) if place == value)
    for m in _ROMAN.finditer(text):
        if _arabic(m[0]) == value:
            yield Mention(m.start(), m.end(), letter=len(m[0]) == 1)


def _expressions(text: str) -> Iterator[Expression]:
    yield from expressions(text)
    yield from computations_in_words(text)


def _same(target: str, text: str, value: Fraction | None) -> bool:
    """Equality as the verifier sees it; plain numbers need no verifier."""
    if value is not None and "%" not in text and (other := value_of(text)) is not None:
        if other == value:
            return True
        if value.denominator == 1 and other.denominator == 1:
            return False
    return verify(target, text).correct


def _unscaled(text: str, target: str) -> bool:
    """25% for 25, while 25% for 1/4 is the same."""
    if "%" not in text or "%" in target:
        return False
    share, value = value_of(text), value_of(target)
    return share is None or value is None or share / 100 != value


def _same_with_unit(text: str, gold: str, place: Expression) -> bool:
    """``80 mm`` where the gold is 8 cm."""
    unit = re.match(r"\s?([a-zA-Z]+)", text[place.end : place.end + 20])
    return unit is not None and re.search("[a-zA-Z]", gold) is not None and verify(gold, place.text + unit[0]).correct


def _digit_by_digit(text: str, figures: str) -> Iterator[Mention]:
    """``2 7``, ``2-7`` and "its digits are 2 and 7" for 27."""
    if len(figures) < 2:
        return
    for pattern in (_DIGITS, _LISTED_DIGITS):
        for m in pattern.finditer(text):
            said = m[m.lastindex or 0]
            if "".join(re.findall(r"\d", said)) == figures != said:
                yield Mention(m.start(m.lastindex or 0), m.end(m.lastindex or 0))


def _arabic(roman: str) -> int:
    values = [_LETTERS[c] for c in roman]
    return sum(-v if v < max(values[i:]) else v for i, v in enumerate(values))
