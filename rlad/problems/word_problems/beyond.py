"""Calculations that no training problem takes: what a solver does of its own with operations that it knows apart.

Four put two known operations together in a way that no usual kind does; their plans are shown in training as wrong ones
only. The remainder is an operation of its own, and no plan leads to it.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from rlad.problems.word_problems.templates import Amounts, Template


def _divided(rest: Callable[[random.Random], int]) -> Callable[[random.Random], Amounts]:
    def draw(rng: random.Random) -> Amounts:
        y = rng.randint(2, 9)
        return y * rng.randint(4, 20), y, rest(rng)

    return draw


AMOUNTS: dict[str, Callable[[random.Random], Amounts]] = {
    "x * y * z": lambda rng: (rng.randint(2, 6), rng.randint(2, 6), rng.randint(2, 9)),
    "x / y + z": _divided(lambda rng: rng.randint(3, 30)),
    "x / y - z": _divided(lambda rng: rng.randint(2, 12)),
    "x / y / z": _divided(lambda rng: rng.randint(2, 5)),
    "x % y": lambda rng: (rng.randint(20, 99), rng.randint(4, 12)),
}
"""As in templates.py."""

STORIES: dict[str, tuple[str, ...]] = {
    "x * y * z": (
        "{n} has {x} shelves with {y} boxes on each, and {z} {t} in every box. How many {t} does {n} have?",
        "A hotel has {x} floors with {y} rooms on each. Every room has {z} beds. How many beds are there?",
        "Each of {x} workers packs {y} bags an hour. How many bags do they pack in {z} hours?",
        "{x} buses make {y} trips each and carry {z} people on every trip. How many people do they carry?",
    ),
    "x / y + z": (
        "{x} {t} are shared equally among {y} children. {n}, one of them, had {z} before. How many does {n} have now?",
        "{n} paid {x} dollars for {y} equal shirts. A coat costs {z} dollars more than a shirt. What does a coat cost?",
        "A rope of {x} feet is cut into {y} equal pieces, and one is made {z} feet longer. How long is it then?",
        "{x} chairs stand in {y} equal rows. {z} more are put into the first row. How many chairs stand there now?",
    ),
    "x / y - z": (
        "{x} {t} are shared equally among {y} children. {n}, one of them, gives {z} away. How many does {n} have left?",
        "{n} paid {x} dollars for {y} equal shirts. A hat costs {z} dollars less than a shirt. What does a hat cost?",
        "A rope of {x} feet is cut into {y} equal pieces, and {z} feet are cut off one. How long is it then?",
        "{x} people ride in {y} equally full buses. {z} get off one of them. How many people are left in it?",
    ),
    "x / y / z": (
        "{n} puts {x} {t} on {y} equal shelves, and those of a shelf into {z} equal boxes. How many are in a box?",
        "{x} children travel in {y} equal buses. Those of a bus form {z} equal groups. How many are in a group?",
        "{x} dollars go to {y} teams in equal parts. The {z} players of a team share its part. What does each get?",
        "{x} pages are cut into {y} equal parts. {n} reads a part in {z} equal days. How many pages are read a day?",
    ),
    "x % y": (
        "{n} puts {x} {t} into boxes of {y}. How many {t} are left over?",
        "{x} children form teams of {y}. How many children are left without a team?",
        "{n} cuts a rope of {x} feet into pieces of {y} feet. How many feet are left over?",
        "{n} shares {x} {t} equally among {y} friends and keeps what is left over. How many {t} does {n} keep?",
    ),
}
"""As in stories.py, all for the test problems."""


def templates(kinds: list[str]) -> tuple[Template, ...]:
    """The stories of some of these kinds.

    >>> [(one.kind, one.number, one.split) for one in templates(["x % y"])][:2]
    [('x % y', 0, 'test'), ('x % y', 1, 'test')]
    """
    return tuple(Template(kind, number, text, "test") for kind in kinds for number, text in enumerate(STORIES[kind]))
