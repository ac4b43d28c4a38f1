"""Numbers that everybody knows: how many minutes an hour has, how many sides a square."""

from __future__ import annotations

import re
from fractions import Fraction

from rlad.reasoning.leaks.question import stem

_FACTS = """
60 minute hour; 60 second minute; 24 hour day; 7 day week; 12 month year; 52 week year; 365 day year;
30 day month; 31 day month; 4 week month; 10 year decade; 100 year century; 100 cent dollar; 100 penny dollar;
4 quarter dollar; 25 cent quarter; 5 cent nickel; 10 cent dime; 12 inch foot; 12 inch feet; 3 feet yard;
36 inch yard; 5280 feet mile; 16 ounce pound; 4 quart gallon; 2 pint quart; 1000 gram kilogram; 1000 g kg;
1000 meter kilometer; 1000 m km; 100 cm m; 100 centimeter meter; 10 mm cm; 1000 milliliter liter; 12 egg dozen;
360 degree circle; 180 degree triangle; 90 degree right; 26 letter alphabet; 52 card deck; 6 face die;
6 side die; 3 side triangle; 4 side square; 4 side rectangle; 4 leg dog; 2 leg bird; 100 percent whole;
168 hour week; 1440 minute day; 3600 second hour; 8760 hour year; 2000 pound ton; 8 pint gallon; 16 cup gallon;
3 month quarter; 20 nickel dollar; 10 dime dollar; 1760 yard mile; 144 unit gross; 8 leg spider; 6 leg insect
"""
_DEFINED = re.compile(r"^\s*(?:\S+\s+)?(?:[a-z]+)\s+(?:is|has|equals|contains|makes|=)\s+(\d{1,9})\b", re.IGNORECASE)
_TABLE = [
    (Fraction(number), stem(part), stem(whole))
    for number, part, whole in (entry.split() for entry in _FACTS.split(";"))
]


def known_fact(value: Fraction | None, sentence: str) -> bool:
    """Whether a sentence with this number tells how many parts a unit or a shape has.

    >>> known_fact(Fraction(60), "an hour has minutes"), known_fact(Fraction(60), "she walks for minutes")
    (True, False)
    """
    if value is None or value.denominator > 1:
        return False
    if value == 1:  # "one week has 7 days" tells of one unit
        defined = _DEFINED.search(sentence)
        return defined is not None and known_fact(Fraction(defined[1]), sentence)
    words = {stem(word) for word in re.findall(r"[a-zA-Z]+", sentence)}
    return any(value == number and part in words and whole in words for number, part, whole in _TABLE)
