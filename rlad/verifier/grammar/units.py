"""Units of measurement: a table of exact factors per dimension, and the reading of a unit's text."""

from __future__ import annotations

import re
from fractions import Fraction

F = Fraction
_LENGTH = {
    "m meter metre meters metres": F(1),
    "cm centimeter centimetre centimeters centimetres": F(1, 100),
    "mm millimeter millimetre millimeters millimetres": F(1, 1000),
    "dm decimeter decimetre decimeters decimetres": F(1, 10),
    "km kilometer kilometre kilometers kilometres": F(1000),
    "in inch inches": F(254, 10000),
    "ft foot feet": F(3048, 10000),
    "yd yard yards": F(9144, 10000),
    "mi mile miles": F(1609344, 1000),
    "nm nanometer nanometers": F(1, 10**9),
    "um micrometer micrometers": F(1, 10**6),
}
_MASS = {
    "g gm gram grams gramme grammes": F(1),
    "kg kilogram kilograms": F(1000),
    "mg milligram milligrams": F(1, 1000),
    "t tonne tonnes": F(10**6),
    "lb lbs pound pounds": F(45359237, 100000),
    "oz ounce ounces": F(45359237, 1600000),
}
_TIME = {
    "s sec secs second seconds": F(1),
    "ms millisecond milliseconds": F(1, 1000),
    "min mins minute minutes": F(60),
    "h hr hrs hour hours": F(3600),
    "day days": F(86400),
    "week weeks": F(604800),
}
_VOLUME = {
    "L l liter litre liters litres": F(1),
    "ml mL milliliter millilitre milliliters millilitres": F(1, 1000),
    "gal gallon gallons": F(3785411784, 10**9),
    "cup cups": F(2365882365, 10**10),
    "quart quarts": F(946352946, 10**9),
    "pint pints": F(473176473, 10**9),
}
_MONEY = {"$ dollar dollars usd": F(1), "cent cents ¢": F(1, 100)}
_OTHER = {
    "angle": {"degree degrees deg": F(1)},
    "speed": {"mph": F(1609344, 10**6), "kph kmh kmph": F(1)},
    "temperature": {"celsius": F(1)},
    "fahrenheit": {"fahrenheit": F(1)},
    "month": {"month months": F(1), "year years yr yrs": F(12)},
    "euro": {"eur euro euros": F(1)},
    "pound sterling": {"gbp": F(1)},
    "yen": {"jpy yen": F(1)},
    "yuan": {"yuan rmb cny": F(1)},
    "rupee": {"rupee rupees rs inr": F(1)},
    "unit": {"unit units": F(1)},
    "acre": {"acre acres": F(1)},
    "percentage": {"percent pct percentage": F(1)},
    "force": {"newton newtons": F(1)},
    "energy": {"joule joules kj": F(1)},
    "power": {"watt watts": F(1)},
}
UNITS: dict[str, tuple[str, Fraction]] = {}
"""Unit word -> (dimension, size in that dimension's base unit)."""
for _dimension, _table in [
    ("length", _LENGTH),
    ("mass", _MASS),
    ("time", _TIME),
    ("volume", _VOLUME),
    ("money", _MONEY),
    *_OTHER.items(),
]:
    for _names, _size in _table.items():
        for _n in _names.split():
            UNITS[_n] = (_dimension, _size)

_LETTERS = re.compile(r"[^\W\d_]+|\$|¢")


def is_unit_word(word: str) -> bool:
    """Whether a plain word after a number is a unit (single letters are variables unless written upright)."""
    return len(word) > 1 and (word in UNITS or word.lower() in UNITS)


def is_upright_unit(text: str) -> bool:
    """Whether upright text inside mathematics is a unit: ``\\mathrm{m/s^2}``, ``\\mathrm{cm}``."""
    return len(text) <= 30 and text.strip() not in ("e", "i", "d") and unit_signature(text) is not None


def look_up(word: str) -> tuple[str, Fraction] | None:
    """A unit word's dimension and size in that dimension's base unit; None for other words."""
    return UNITS.get(word) or UNITS.get(word.lower())


def unit_signature(text: str) -> tuple[tuple[tuple[str, int], ...], Fraction] | None:
    """Dimensions with exponents and the factor to base units; None when a word is no unit.

    >>> unit_signature("cm^2")
    ((('length', 2),), Fraction(1, 10000))
    >>> unit_signature("square feet") == unit_signature("ft^2")
    True
    """
    text = re.sub(r"\bsq\b\.?", "square", text.strip().rstrip("."))
    text = re.sub(r"\bmph\b", "mile/hour", re.sub(r"\b(?:kph|kmh|kmph)\b", "km/hour", text))
    dims: dict[str, int] = {}
    factor = F(1)
    last_size, pending, sign = F(1), 1, 1
    for m in re.finditer(r"([^\W\d_]+|\$|¢)\s*(?:\^\s*\{?\s*(-?\d)\s*\}?|(?<=[a-z])(\d)\b)?|(/)|(\S)", text):
        word, e1, e2, slash, other = m.groups()
        if slash or word in ("per",):
            sign = -1
            continue
        if other:
            if other in "*{}()., " or other == "\\":
                continue
            return None
        if word.lower() in ("square", "squared", "cubic", "cubed", "of"):
            if word.lower() in ("squared", "cubed") and dims:
                last = next(reversed(dims))
                extra = 1 if word.lower() == "squared" else 2
                dims[last] += extra * sign
                factor *= last_size ** (extra * sign)
            else:
                pending = {"square": 2, "cubic": 3}.get(word.lower(), 1)
            continue
        found = look_up(word)
        if found is None:
            return None
        exponent = int(e1 or e2 or 1) * pending * sign
        if abs(exponent) > 9:
            return None
        dims[found[0]] = dims.get(found[0], 0) + exponent
        factor *= found[1] ** exponent
        last_size, pending = found[1], 1
    if not dims:
        return None
    return tuple(sorted((d, e) for d, e in dims.items() if e)), factor
