"""Answers said in words that notation has a sign for: ``minus 3``, ``no solution``, ``2 hours 30 minutes``."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise

from rlad.verifier.grammar.counting import number_from_words
from rlad.verifier.grammar.units import look_up

_QUOTED = re.compile(r"\s*(`{1,3}|\"|'|“|‘)\s*([^`\"'“”‘’]{1,200}?)\s*(?:\1|”|’)\.?\s*")
_LEADING_SIGN = re.compile(r"^\s*(?:=|≈|~|\\(?:approx|sim|simeq)(?![a-zA-Z]))\s*(?=[-+\d.\\(√])")
_MINUS = re.compile(r"^\s*(?:minus|negative)\s+(?=\.?\d|[\\(√])", re.IGNORECASE)
_OUTWARD = re.compile(r"([\[\](])([^\[\]();]{1,80}[,;][^\[\]();]{1,80})([\[\])])")
_MEMBER = re.compile(r"^([a-zA-Z]) in (?=[\[(\]{]|\\\{|\\mathbb)")
_NOTHING = re.compile(
    r"(?:there (?:is|are|exists?) )?no (?:such )?solutions?(?: exists?)?|(?:the )?empty set", re.IGNORECASE
)
_REALS = re.compile(
    r"(?:the set of )?(?:all|every|any) (?:the )?reals?(?: numbers?)?|(?:the )?real numbers", re.IGNORECASE
)
_PART = r"(\d{1,30}(?:\.\d{1,30})?)\s*([a-zA-Z]{1,12})\.?"
_NEXT = rf"(?:\s*,\s*and\s+|\s*,\s*|\s+and\s+|\s+){_PART}"
_COMPOUND = re.compile(rf"{_PART}{_NEXT}(?:{_NEXT})?")
_FEET = re.compile(r"(\d{1,6})\s*(?:'|′|’)\s*(\d{1,2}(?:\.\d{1,6})?)\s*(?:\"|″|”|'')")
_NO_NOUN = {"and", "or", "to", "over", "by", "times", "of", "more", "less", "fewer", "plus", "minus", "point"}
_NO_NOUN |= {"squared", "cubed", "percent", "through"}


def in_notation(text: str) -> str:
    r"""The text with what its words say in signs; every other text as it was.

    >>> [in_notation(t) for t in ("minus 3", "'5'", "= 5", "no solution", "all real numbers", "twenty one students")]
    ['-3', '5', '5', '\\emptyset', '\\mathbb{R}', '21 students']
    >>> in_notation("2 hours 30 minutes"), in_notation("5 feet 6 inches"), in_notation("seven or eight")
    ('\\frac{5}{2} hours', '\\frac{11}{2} feet', 'seven or eight')
    >>> in_notation("x in [2, 5["), in_notation("]2, 5[ \\cup ]7, 8]"), in_notation("[[1, 2], [3, 4]]")
    ('x \\in [2, 5)', '(2, 5) \\cup (7, 8]', '[[1, 2], [3, 4]]')
    """
    if (m := _QUOTED.fullmatch(text)) is not None:
        text = m[2]
    text = _MEMBER.sub(r"\1 \\in ", _MINUS.sub("-", _LEADING_SIGN.sub("", text)))
    if (m := _OUTWARD.search(text)) is not None and (m[1] == "]" or m[3] == "["):
        return _inward(text)
    if _NOTHING.fullmatch(text):
        return r"\emptyset"
    if _REALS.fullmatch(text):
        return r"\mathbb{R}"
    if (m := _FEET.fullmatch(text)) is not None:
        text = f"{m[1]} feet {m[2]} inches"
    if text[:1].isdigit():
        return _compound(text)
    return _counted(text) if text[:1].isalpha() and " " in text else text


def _inward(text: str) -> str:
    """Intervals whose open ends are brackets that look outward, ``[2, 5[``, with round ones."""
    opening, closing = {"]": "("}, {"[": ")"}
    return _OUTWARD.sub(lambda m: f"{opening.get(m[1], m[1])}{m[2]}{closing.get(m[3], m[3])}", text)


def _compound(text: str) -> str:
    """A quantity in two or three units, each smaller than the one before it, in the first of them."""
    m = _COMPOUND.fullmatch(text)
    if m is None:
        return text
    parts = [(Fraction(m[i]), m[i + 1]) for i in (1, 3, 5) if m[i]]
    if all(len(unit) == 1 for _, unit in parts):  # 3t 2g is a product of letters
        return text
    known = [look_up(unit) for _, unit in parts]
    if None in known or len({dimension for dimension, _ in known}) > 1:
        return text
    factors = [factor for _, factor in known]
    if any(small >= large for large, small in pairwise(factors)):
        return text
    total = sum(value * factor for (value, _), factor in zip(parts, factors, strict=True)) / factors[0]
    return rf"\frac{{{total.numerator}}}{{{total.denominator}}} {parts[0][1]}"


def _counted(text: str) -> str:
    """A number in words and the thing it counts, with the number in digits."""
    words, _, noun = text.rpartition(" ")
    if not noun.isalpha() or noun.lower() in _NO_NOUN or number_from_words(text) is not None:
        return text
    value = number_from_words(words)
    return text if value is None or value.denominator != 1 else f"{value} {noun}"
