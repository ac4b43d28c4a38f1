"""Numbers and arithmetic with literal numbers in a plain text: where each stands, and what it is made of.

>>> [(m.text, m.operands) for m in expressions("keep 3 * (4+5) of 27, not x^2")]
[('3 * (4+5)', ('3', '4', '5')), ('27', ())]
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple


class Expression(NamedTuple):
    """A number, or a computation of literal numbers."""

    start: int
    end: int
    text: str
    operands: tuple[str, ...]
    """The numbers of a computation; empty for a number that stands by itself."""


_NUMBER = re.compile(r"(?:\d{1,60}(?:\.\d{1,60})?|\.\d{1,60})(?!\d|\.\d)")
_BLANK = re.compile(r" ?")
_OPERATOR = re.compile(
    r" ?(?:plus|minus|times|multiplied by|divided by|[-+*/])(?= ?(?:[\d(.]|sqrt\b|pi\b)) ?", re.IGNORECASE
)
_POSTFIX = re.compile(r"\^ ?|!(?![=!])|%| squared\b| cubed\b", re.IGNORECASE)
_FACTOR = re.compile(r" ?(?=pi\b|sqrt\b)|(?=\()")
_SIGNS = {"plus": "+", "minus": "-", "times": "*", "multiplied by": "*", "divided by": "/"}
_WORDS = [(re.compile(rf"\b{word}\b", re.IGNORECASE), sign) for word, sign in _SIGNS.items()]
_WORDS += [(re.compile(r" squared\b", re.I), "^2"), (re.compile(r" cubed\b", re.I), "^3")]
_N = r"(?<![\d./)])(\d{1,30}(?:\.\d{1,30})?)(?![\d/]|\.\d)"
_SHARE = r"(?<![\d./)])(\d{1,30}/\d{1,30}|\d{1,30}(?:\.\d{1,30})?%)"
_IN_WORDS = [
    (re.compile(pattern, re.IGNORECASE), form)
    for pattern, form in (
        (rf"\b(?:twice|double) {_N}", "2*{}"),
        (rf"\b(?:triple|thrice) {_N}", "3*{}"),
        (rf"{_SHARE} of {_N}", "{}*{}"),
        (rf"{_N} (?:\w+ )?(?:more than|added to) {_N}", "{}+{}"),
        (rf"{_N} (?:\w+ )?(?:less|fewer) than {_N}", "-{}+{}"),
        (rf"{_N} (?:\w+ ){{1,2}}(?:of|with) {_N}(?= each\b| apiece\b| \w+ each\b)", "{}*{}"),
        (rf"{_N} (?:in|of the|of those) (?:the )?{_N}", "{}/{}"),
        (rf"{_N} (?:\w+ ){{0,2}}out of (?:the )?{_N}", "{}/{}"),
        (rf"\bsum of {_N} and {_N}", "{}+{}"),
        (rf"\bproduct of {_N} and {_N}", "{}*{}"),
        (rf"\bdifference (?:of|between) {_N} and {_N}", "{}-{}"),
        (rf"\bsquare of {_N}", "{}^2"),
        (rf"\bcube of {_N}", "{}^3"),
        (rf"{_N} (?:times )?(?:the )?(?:square )?root (?:of )?{_N}", "{}*sqrt({})"),
        (rf"\b(?:square root of|root) {_N}", "sqrt({})"),
    )
]
_DEEPEST = 20


def expressions(text: str) -> Iterator[Expression]:
    """Every number and every computation, from left to right, each as long as it reaches."""
    at = 0
    while at < len(text):
        c = text[at]
        if c.isdigit() or c in "(.-" or text.startswith(("sqrt", "pi"), at):
            end = _sum(text, at, 0) if _may_begin(text, at) else None
            if end is not None and any(c.isdigit() for c in text[at:end]):
                yield _made(text, at, end)
                at = end
                continue
        at += 1


def computations_in_words(text: str) -> Iterator[Expression]:
    """``twice 4``, ``half of 48``, ``3 more than 5``: computations that are told with words.

    >>> [(m.text, m.operands) for m in computations_in_words("it is 3 less than 8 or twice 4")]
    [('2*4', ('2', '4')), ('-3+8', ('3', '8'))]
    """
    for pattern, form in _IN_WORDS:
        for m in pattern.finditer(text):
            made = form.format(*m.groups())
            yield Expression(m.start(), m.end(), made, tuple(re.findall(r"\d+(?:\.\d+)?", made)))


def _may_begin(text: str, at: int) -> bool:
    """Whether an expression can begin here: not inside a word, a number or behind a name, and a sign is no hyphen."""
    before = text[at - 1] if at else " "
    if before.isalnum() or before in "_^" or (before == "." and at > 1 and text[at - 2].isdigit()):
        return False
    if text[at] == "-":
        return text[at + 1 : at + 2].isdigit() and before in " (=:"
    return True


def _made(text: str, start: int, end: int) -> Expression:
    body = text[start:end]
    for pattern, sign in _WORDS:
        body = pattern.sub(sign, body)
    numbers = tuple(re.findall(r"\d+(?:\.\d+)?|\.\d+", body))
    division = re.fullmatch(r"(\d+) ?/ ?(\d+)", body)
    if division and int(division[2]) and int(division[1]) % int(division[2]) == 0:  # 180/15 is told to be computed
        return Expression(start, end, body, numbers)
    alone = re.fullmatch(r"\(?-?[\d.]+(?: ?/ ?\d+)?%?\)?|\(\d+\+\d+/\d+\)", body) is not None
    return Expression(start, end, body, () if alone else numbers)


def _sum(text: str, at: int, depth: int) -> int | None:
    """The end of an expression that begins at `at`; None where none does."""
    if depth > _DEEPEST:
        return None
    if text[at : at + 1] in "+-":
        at += 1
    end = _operand(text, at, depth)
    while end is not None:
        sign = _OPERATOR.match(text, end)
        following = _operand(text, sign.end(), depth) if sign else None
        if following is None:
            break
        end = following
    return end


def _operand(text: str, at: int, depth: int) -> int | None:
    if (number := _NUMBER.match(text, at)) is not None:
        end = number.end()
    elif text.startswith("pi", at) and not text[at + 2 : at + 3].isalnum():
        end = at + 2
    elif text.startswith("sqrt", at):
        end = _operand(text, _BLANK.match(text, at + 4).end(), depth + 1) if depth < _DEEPEST else None
    elif text.startswith("(", at):
        inner = _sum(text, _BLANK.match(text, at + 1).end(), depth + 1)
        close = None if inner is None else _BLANK.match(text, inner).end()
        end = close + 1 if close is not None and text.startswith(")", close) else None
    else:
        end = None
    return None if end is None else _with_postfix(text, end, depth)


def _with_postfix(text: str, end: int, depth: int) -> int:
    while (m := _POSTFIX.match(text, end)) is not None:
        if m[0].startswith("^"):
            power = _operand(text, m.end(), depth + 1) if depth < _DEEPEST else None
            if power is None:
                return end
            end = power
        else:
            end = m.end()
    if (m := _FACTOR.match(text, end)) is not None:
        factor = _operand(text, m.end(), depth + 1) if depth < _DEEPEST else None
        return end if factor is None else factor
    return end
