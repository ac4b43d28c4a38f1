"""What is asked: short stories with two or three amounts, by the calculation that answers them.

In every kind the last story is kept for the test problems and the one before it for the validation problems, so that a
solver is tested on stories that it has not seen in any numbers.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from rlad.problems.word_problems.stories import STORIES

Amounts = tuple[int, ...]


def _between(low: int, high: int, count: int) -> Callable[[random.Random], Amounts]:
    return lambda rng: tuple(rng.randint(low, high) for _ in range(count))


def _quotient(rng: random.Random) -> Amounts:
    y = rng.randint(2, 12)
    return y * rng.randint(2, 12), y


AMOUNTS: dict[str, Callable[[random.Random], Amounts]] = {
    "x + y": _between(11, 89, 2),
    "x - y": _between(12, 99, 2),
    "y - x": _between(12, 99, 2),
    "x * y": lambda rng: (rng.randint(2, 9), rng.randint(3, 25)),
    "x / y": _quotient,
    "x + y + z": _between(5, 60, 3),
    "x + y - z": _between(8, 60, 3),
    "x - y + z": lambda rng: (rng.randint(40, 90), rng.randint(8, 39), rng.randint(8, 60)),
    "x - y - z": lambda rng: (rng.randint(30, 99), rng.randint(4, 40), rng.randint(4, 40)),
    "x * y + z": lambda rng: (rng.randint(2, 9), rng.randint(3, 12), rng.randint(3, 30)),
    "x * y - z": lambda rng: (rng.randint(3, 9), rng.randint(4, 12), rng.randint(3, 30)),
    "(x + y) * z": lambda rng: (rng.randint(2, 15), rng.randint(2, 15), rng.randint(2, 7)),
    "(x - y) * z": lambda rng: (rng.randint(8, 30), rng.randint(2, 12), rng.randint(2, 7)),
    "(x + y) / z": lambda rng: (rng.randint(5, 40), rng.randint(5, 40), rng.randint(2, 9)),
    "(x - y) / z": lambda rng: (rng.randint(20, 80), rng.randint(4, 30), rng.randint(2, 9)),
    "x * y / z": lambda rng: (rng.randint(2, 12), rng.randint(3, 12), rng.randint(2, 9)),
    "x - z": _between(8, 90, 3),
    "x + z": _between(8, 60, 3),
    "y - z": _between(8, 90, 3),
    "y + z": _between(8, 60, 3),
}
"""Calculation -> how its amounts are drawn; those that do not come out whole and positive are drawn again."""


@dataclass(frozen=True)
class Template:
    """A story, the calculation that answers it, and the split that it belongs to."""

    kind: str
    number: int
    text: str
    split: str


def _split(number: int, count: int) -> str:
    """The split of a kind's template.

    >>> [_split(number, 7) for number in range(4, 7)]
    ['train', 'validation', 'test']
    """
    return {1: "test", 2: "validation"}.get(count - number, "train")


TEMPLATES = tuple(
    Template(kind, number, text, _split(number, len(texts)))
    for kind, texts in STORIES.items()
    for number, text in enumerate(texts)
)
