"""Ordinals: ``3rd``, ``third``, ``twenty-sixth``. Fractions (``a third``, ``two thirds``) are none."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ONES = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh"]
_ONES += ["twelfth", *(f"{word}teenth" for word in ("thir", "four", "fif", "six", "seven", "eigh", "nine"))]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_VALUES = {word: n for n, word in enumerate(_ONES, start=1)}
_VALUES |= {f"{word[:-1]}ieth": 10 * n for n, word in enumerate(_TENS, start=2)}
_PART = r"(?<!\d )(?<!\d-)(?<!\ba )(?<!\bone )(?<!\bone-)(?<!\bper )(?<!\beach )(?<!\bevery )"
_COMPOUND = re.compile(rf"{_PART}\b({'|'.join(_TENS)})(?: |-| - )({'|'.join(_ONES[:9])})(?![a-z])", re.IGNORECASE)
_POWER = re.compile(rf"(?<=\w) to the ({'|'.join(_VALUES)}) power\b", re.IGNORECASE)
_SIMPLE = re.compile(rf"{_PART}\b({'|'.join(_VALUES)})(?![a-z])(?!\s?-\s?\d)", re.IGNORECASE)


def in_figures(text: str) -> str:
    """The text with compound ordinals, which would else be read as a number and a part, and powers in figures.

    >>> in_figures("the Twenty-sixth of March, one twenty-fifth, 2 to the fifth power")
    'the 26th of March, one twenty-fifth, 2^5'
    """
    return _POWER.sub(lambda m: f"^{_VALUES[m[1].lower()]}", _COMPOUND.sub(_figures, text))


def ordinals(text: str) -> Iterator[tuple[int, int, int]]:
    """(start, end, value) of the ordinals that are one word.

    >>> list(ordinals("She came third, a third of them."))
    [(9, 14, 3)]
    """
    return ((m.start(), m.end(), _VALUES[m[1].lower()]) for m in _SIMPLE.finditer(text))


def _figures(m: re.Match[str]) -> str:
    ones = _VALUES[m[2].lower()]
    return f"{10 * (_TENS.index(m[1].lower()) + 2) + ones}{('st', 'nd', 'rd')[ones - 1] if ones < 4 else 'th'}"
