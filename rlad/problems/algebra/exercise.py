"""What a family makes: an exercise and its plans; and how mathematics is written.

Texts are words separated by single spaces, as the tokenizer splits them; a minus sign is its own word.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

LIMIT = 300
"""The largest integer in any text: an integer is one word, and rare words are learnt badly."""


@dataclass(frozen=True)
class Approach:
    """One way to solve one exercise."""

    abstraction: str
    """The technique's name, with the exercise's own numbers where that is natural; never the answer."""
    steps: str
    """The working, without the boxed answer."""
    signature: str
    """The part of the steps that only this technique writes; adherence looks for it."""


@dataclass(frozen=True)
class Exercise:
    """A problem of one family with every plan that solves it."""

    question: str
    answer: str
    plans: tuple[Approach, ...]
    key: str = ""
    """Canonical form: the same for exercises that differ only in order. Empty: the question itself."""


Family = Callable[[random.Random], Exercise]
FAMILIES: dict[str, Family] = {}


def family(make: Family) -> Family:
    """Registers a family under its function's name."""
    FAMILIES[make.__name__] = make
    return make


# ---------------------------------------------------------------------------------------------------- writing
def tex(value: int | Fraction) -> str:
    r"""An integer or a reduced fraction.

    >>> tex(-3), tex(Fraction(-3, 4))
    ('- 3', '- \\frac { 3 } { 4 }')
    """
    sign = "- " if value < 0 else ""
    top, bottom = abs(value.numerator), value.denominator
    return f"{sign}{top}" if bottom == 1 else f"{sign}\\frac {{ {top} }} {{ {bottom} }}"


def factor(value: int) -> str:
    """A factor or base: negative ones in brackets, `( - 2 )`."""
    return tex(value) if value >= 0 else f"( {tex(value)} )"


def plus(value: int | Fraction) -> str:
    """A term that follows others.

    >>> plus(3), plus(-3)
    ('+ 3', '- 3')
    """
    return f"+ {tex(value)}" if value >= 0 else tex(value)


def poly(*coefficients: int | Fraction, name: str = "x") -> str:
    """A polynomial, highest power first.

    >>> poly(1, 0, -5, 2), poly(-2, 0)
    ('x ^ 3 - 5 x + 2', '- 2 x')
    """
    words: list[str] = []
    for power, value in zip(range(len(coefficients) - 1, -1, -1), coefficients, strict=True):
        if value == 0 and (power or words):
            continue
        variable = "" if power == 0 else name if power == 1 else f"{name} ^ {power}"
        size = "" if variable and abs(value) == 1 else tex(abs(value))
        sign = "-" if value < 0 else "+" if words else ""
        words.append(" ".join(part for part in (sign, size, variable) if part))
    return " ".join(words)


def surd(coefficient: int, radicand: int) -> str:
    r"""A multiple of a square root: `- 3 \sqrt { 5 }`."""
    size = "" if abs(coefficient) == 1 else f"{abs(coefficient)} "
    return f"{'- ' if coefficient < 0 else ''}{size}\\sqrt {{ {radicand} }}"


def braces(*values: int | Fraction) -> str:
    r"""A set, ascending. `\lbrace` because a word such as `\{` would be split by the tokenizer."""
    return f"\\lbrace {' , '.join(tex(v) for v in sorted(set(values)))} \\rbrace"
