r"""The leak rule of worlds in formal language: their texts are numbers and signs, and no sentence says what one is.

A number that merely occurs is no leak (gold 2, "use 2 a + 1 b"); one that is announced is ("= 2"). Golds that nobody
writes by chance, such as fractions, radicals and numbers of four digits or more, leak wherever they stand. Equality is
the verifier's, so other forms of the same value are found too. For English there is `rlad.reasoning.leaks`.
"""

from __future__ import annotations

import re
from fractions import Fraction

from rlad.problems.base import Problem, World
from rlad.verifier import verify

NUMBER = r"-?\d[\d,]*(?:\.\d+)?(?:\s*/\s*\d+)?"
FORMULA = r"\\(?:d|t)?frac\s*\{[^{}]*\}\s*\{[^{}]*\}|\\sqrt\s*(?:\[[^\]]*\])?\s*\{[^{}]*\}|" + NUMBER
ANNOUNCED = re.compile(
    r"(?:\\boxed\s*\{|=>|(?<![<>!=])=(?!=)|\b(?:answers?|results?|solution|value|equals?|is|are|gives?|yields?|get|obtain)\b"
    r"(?:\s+(?:is|are|be|to|of|as|the|exactly))*\s*:?)\s*\$?\s*(" + FORMULA + r")(?![\d.]*\d)",
    re.IGNORECASE,
)
ANYWHERE = re.compile(r"(?<![\d.])(" + FORMULA + r")(?![\d.]*\d)")


def announces(abstraction: str, gold: str) -> bool:
    """Whether an abstraction in formal language states the answer `gold`.

    >>> announces("consider 2 variables", "2"), announces("the answer is 2", "2"), announces("x = 10", "1")
    (False, True, False)
    >>> announces("this equals 0.5", "1/2"), announces("use 1729 as a sum of cubes", "1729")
    (True, True)
    >>> announces("compare with 2/3 of it", "2/3"), announces("compare 2 with 3", "2/3")
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


class FormalWorld(World):
    """A world whose abstractions are formal language."""

    def leaks(self, problem: Problem, abstraction: str) -> bool:
        """Whether the abstraction announces the answer, or names one too special to be there by chance."""
        return announces(abstraction, problem.answer)
