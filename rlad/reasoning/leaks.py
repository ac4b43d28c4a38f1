r"""The leak gate: does an abstraction give the answer away?

A number that merely occurs is no leak (gold 2, "consider 2 variables"); one that is announced is ("the answer is 2",
"equals 0.5" for gold 1/2). Golds that nobody writes by chance, such as fractions, radicals and numbers of four digits
or more, leak wherever they stand. Equality is the verifier's, so other forms of the same value are found too.
"""

from __future__ import annotations

import re
from fractions import Fraction

from rlad.verifier import verify

NUMBER = r"-?\d[\d,]*(?:\.\d+)?(?:\s*/\s*\d+)?"
FORMULA = r"\\(?:d|t)?frac\s*\{[^{}]*\}\s*\{[^{}]*\}|\\sqrt\s*(?:\[[^\]]*\])?\s*\{[^{}]*\}|" + NUMBER
ANNOUNCED = re.compile(
    r"(?:\\boxed\s*\{|=>|(?<![<>!=])=(?!=)|\b(?:answers?|results?|solution|value|equals?|is|are|gives?|yields?|get|obtain)\b"
    r"(?:\s+(?:is|are|be|to|of|as|the|exactly))*\s*:?)\s*\$?\s*(" + FORMULA + r")(?![\d.]*\d)",
    re.IGNORECASE,
)
ANYWHERE = re.compile(r"(?<![\d.])(" + FORMULA + r")(?![\d.]*\d)")


def leaks(abstraction: str, gold: str) -> bool:
    """Whether `abstraction` states the answer `gold`.

    >>> leaks("consider 2 variables", "2"), leaks("the answer is 2", "2"), leaks("x = 10", "1")
    (False, True, False)
    >>> leaks("this equals 0.5", "1/2"), leaks("use 1729 as a sum of cubes", "1729")
    (True, True)
    >>> leaks("compare with 2/3 of it", "2/3"), leaks("compare 2 with 3", "2/3")
    (True, False)
    """
    pattern = ANYWHERE if _distinctive(gold) else ANNOUNCED
    if any(verify(gold, found).correct for found in dict.fromkeys(pattern.findall(abstraction))):
        return True
    if not _distinctive(gold):
        return False
    text, written = (re.sub(r"\s+", "", part) for part in (abstraction, gold))
    return re.search(rf"(?<!\d)(?<!\d\.){re.escape(written)}(?!\d)", text) is not None  # 1/2 is no part of 1/20


def _distinctive(gold: str) -> bool:
    """Whether a gold answer is too special to occur by chance: no whole number below 1,000, and no short text.

    A fraction or a decimal is special however short it is, unless it is a whole number in disguise (``4/2``).

    >>> [_distinctive(gold) for gold in ("7", "999", "1000", "1/2", "-0.5", "4/2", "x+1", r"\\sqrt{2}")]
    [False, False, True, True, True, False, False, True]
    """
    text = re.sub(r"[\s$]", "", gold)
    if re.fullmatch(r"-?(?:\d+(?:/0*[1-9]\d*)?|\d*\.\d+)", text) is None:
        return len(text) >= 4
    value = Fraction(text)
    return value.denominator > 1 or abs(value) >= 1000
