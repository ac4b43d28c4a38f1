"""What a question itself tells: its numbers, what it counts with them, and what it asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from rlad.reasoning.leaks.arithmetic import expressions
from rlad.reasoning.leaks.cues import phrases
from rlad.reasoning.leaks.wording import plain_text

_IMPLIED = [
    ("twice; double; half; both; pair; couple; average; mean", (2,)),
    ("triple; thrice; third", (3,)),
    ("quarter; fourth", (4,)),
    ("dozen; feet; foot; inch(?:es)?", (12,)),
    ("percent; cents?; dollars?", (100,)),
    ("weeks?; weekly; days?; daily", (7, 24)),
    ("hours?; minutes?; seconds?; hourly", (60,)),
    ("years?; months?; annual\\w*; monthly", (12, 52, 365)),
    ("k?m; k?g; kilo\\w+; met(?:er|re)s?; centi\\w+; grams?; lit(?:er|re)s?", (10, 100, 1000)),
]
"""Words of a question that bring numbers with them: a computation with these restates the question."""
_END_OF_NOUN = (
    phrases(
        "is; are; was; were; do; does; did; will; would; can; could; has; have; had; must; should; there; in; on",
        "of; to; that",
        "he; she; they; it; we; you; i; if; for; with; at; from; by; left; remains?; altogether; needs?; per",
        "each; and; when",
        "after",
    )
    + "|[?.,;!]|$"
)
_HOW_MANY = re.compile(
    r"\b(?:how (?:many|much)|(?:give|find|state|what is) the number of)\s+"
    rf"(?:(?:more|fewer|less|of the|of these)\s+)?(.{{1,60}}?)\s*(?:{_END_OF_NOUN})",
    re.IGNORECASE,
)
_MORE = re.compile(r"\bhow (?:many|much) (more|fewer|less|older|younger|longer|taller)\b", re.IGNORECASE)
_HOW = re.compile(r"\bhow (old|long|far|tall|much|fast|heavy)\b", re.IGNORECASE)
_UNITS = {
    "old": "year",
    "long": "hour minute second day week month year cm meter foot inch",
    "far": "mile kilometer kilometre km meter",
    "tall": "cm meter feet foot inch",
    "much": "dollar cent pound euro",
    "fast": "mile km",
    "heavy": "pound kg gram",
}
_WHAT = re.compile(
    r"\b(?:what(?:'s| is| are| was| were| will be| would be)|how (?:much|many|large|big) (?:is|are|was|were)"
    r"|find|determine|calculate|compute|evaluate|(?<=[.?!;] )(?:give|state|report))\s+"
    r"(?:the|a|an|her|his|their|its|[a-z]+'s)?\s*(?:value of |total number of |number of )?(.{1,60}?)\s*(?:"
    + phrases(
        "of; in; if; when; that; for; to; with; on; after; at; from; and; he; she; they; you; as; so; such; by",
        "does; is; did",
    )
    + r"|[?.,;!=]|$)",
    re.IGNORECASE,
)
_WHICH = re.compile(
    r"\b(?:which|what) ([a-z]+) (?:is|are|was|were|will|would|do|does|did|has|have|can|should|must)\b", re.I
)
_UNNAMED = frozenset(["one", "kind", "percentage", "percent", "way", "number", "value"])
_IN_UNITS = re.compile(r"\bin (\w+)\s*\?", re.IGNORECASE)
_MEASURES = frozenset(
    [
        *(
            "mm",
            "cm",
            "m",
            "km",
            "meter",
            "metre",
            "kilometer",
            "kilometre",
            "centimeter",
            "centimetre",
            "inch",
            "foot",
        ),
        *("feet", "yard", "mile", "g", "kg", "gram", "kilogram", "pound", "ounce", "ml", "liter", "litre", "second"),
        *("minute", "hour", "day", "week", "dollar", "cent"),
    ]
)
"""Units that are converted into others."""
_VARIABLE = re.compile(
    r"\b(?:solve for|value of|find|what is|determine|compute)\s+(?:the value of\s+)?([a-z])(?![a-z'])", re.IGNORECASE
)
_SENTENCE = re.compile(r"[^.!?]*\?|[^.!?]+[.!]?\s*$")
_WORD = re.compile(r"[a-z]+(?:'s)?", re.IGNORECASE)
_NUMBER = re.compile(r"-?(?:\d{1,60}(?:/0*[1-9]\d{0,60})?|\d{0,60}\.\d{1,60})")
_UNTOLD = frozenset(["the", "a", "an", "number", "value", "total", "more", "different", "his", "her"])


@dataclass(frozen=True)
class Facts:
    """A question's own numbers and words."""

    numbers: frozenset[Fraction]
    implied: frozenset[Fraction]
    """These, and those that its words bring with them: 7 with a week, 2 with a half."""
    counted: frozenset[tuple[Fraction, str]]
    """(number, the word behind it): ``3 boxes``."""
    asked: frozenset[str]
    """Words for what is asked for, without their plurals: ``how many apples``."""
    subjects: frozenset[str]
    """Words behind "what is the": ``remainder``, ``area``; and single variables that are asked for."""
    named: frozenset[str]
    """Words behind "which" and "what": ``on which floor``, ``in what place``."""
    unit: str
    """The unit of measure that it asks for, ``metre``; empty where it asks for none or leaves open which."""
    percent: bool
    """Whether it asks for a percentage."""
    text: str
    """The question in plain words."""


def stem(word: str) -> str:
    """A word without its plural.

    >>> [stem(word) for word in ("Boxes", "apples", "cherries", "cherry", "days", "day")]
    ['box', 'apple', 'cherr', 'cherr', 'day', 'day']
    """
    word = word.lower()
    for ending, cut in (
        ("ies", 3),
        ("ches", 2),
        ("shes", 2),
        ("xes", 2),
        ("ses", 2),
        ("zes", 2),
        ("oes", 2),
        ("s", 1),
        ("y", 1),
    ):
        if word.endswith(ending) and len(word) > len(ending) + 1 and not (ending == "y" and word[-2] in "aeou"):
            return word[:-cut]
    return word


def value_of(text: str) -> Fraction | None:
    """A single number's value: an integer, decimal, fraction or percentage (as its number); None for other texts.

    >>> value_of("1/2"), value_of("(2+1/2)"), value_of("x")
    (Fraction(1, 2), Fraction(5, 2), None)
    """
    text = text.strip("()% ").replace(" ", "")
    if (mixed := re.fullmatch(r"(\d+)\+(\d+/[1-9]\d*)", text)) is not None:
        return int(mixed[1]) + Fraction(mixed[2])
    return Fraction(text) if _NUMBER.fullmatch(text) else None


def facts(question: str) -> Facts:
    """What the gate must know of a question.

    >>> found = facts("Ann has 3 boxes with 5 apples. How many apples does she have?")
    >>> sorted(map(int, found.numbers)), found.asked
    ([3, 5], frozenset({'apple'}))
    """
    text = plain_text(question).text
    numbers, counted = _numbers(text)
    sentences = [m[0] for m in _SENTENCE.finditer(text) if m[0].strip()]
    last = sentences[-1] if sentences else ""
    asked = {stem(word) for m in _HOW_MANY.finditer(text) for word in _WORD.findall(m[1])}
    asked |= {m[1].lower() for m in _MORE.finditer(text)} | {stem(m[1]) for m in _IN_UNITS.finditer(text)}
    asked |= {unit for m in _HOW.finditer(text) for unit in _UNITS[m[1].lower()].split()}
    units = ({stem(m[1]) for m in _IN_UNITS.finditer(text)} or asked) & _MEASURES
    if "dollar" in units and re.search(r"\$|\bdollar", question):  # "how much" asks for any money
        units = {"dollar"}
    end = " ".join(sentences[-2:])  # "What are the roots? Give the larger one."
    subjects = {stem(word) for m in _WHAT.finditer(end) for word in _WORD.findall(m[1])} - _UNTOLD
    subjects |= {m[1].lower() for m in _VARIABLE.finditer(text)} - {"a"}
    return Facts(
        numbers=numbers,
        implied=numbers | _implied(text, numbers),
        counted=counted,
        asked=frozenset(asked - _UNTOLD | asked & {"more", "number"}),  # how many more, how many numbers
        subjects=frozenset(subjects),
        named=frozenset(stem(m[1]) for m in _WHICH.finditer(text)) - _UNNAMED,
        unit=next(iter(units)) if len(units) == 1 else "",
        percent=re.search(r"%|percent", last) is not None,
        text=text,
    )


def _numbers(text: str) -> tuple[frozenset[Fraction], frozenset[tuple[Fraction, str]]]:
    """All numbers of a plain text, and those with the word behind them."""
    numbers, counted = set(), set()
    for found in expressions(text):
        apart = re.fullmatch(r"([\d.]+) divided by ([\d.]+)", text[found.start : found.end])  # no fraction
        for number in found.operands or (apart.groups() if apart else (found.text,)):
            if (value := value_of(number)) is None:
                continue
            numbers.add(value)
            if noun := re.match(r"[ -]*([a-zA-Z]+)", text[found.end : found.end + 30]):
                counted.add((value, stem(noun[1])))
    return frozenset(numbers), frozenset(counted)


def _implied(text: str, numbers: frozenset[Fraction]) -> frozenset[Fraction]:
    """Numbers that a question's words and fractions bring with them."""
    found = {
        Fraction(n) for words, values in _IMPLIED if re.search(phrases(words), text, re.IGNORECASE) for n in values
    }
    found |= {Fraction(part) for n in numbers if n.denominator > 1 for part in (n.numerator, n.denominator, 1 - n)}
    if "%" in text:
        shares = [part for n in numbers for part in (n / 100, 1 - n / 100, 1 + n / 100, 100 - n, 100 + n)]
        found |= {Fraction(100), *shares}
    return frozenset(found)
