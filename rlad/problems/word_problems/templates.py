"""What is asked: short stories with two or three amounts, by the calculation that answers them.

`{x}`, `{y}`, `{z}` are the amounts in the order in which they are told; `{n}` and `{m}` are two names, `{t}` is a kind
of thing. In every kind the last template is kept for the test problems, and in the kinds of one step the one before it
for the validation problems, so that a solver is tested on stories that it has not seen in any numbers.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

NAMES = ("Anna", "Carla", "Emma", "Grace", "Ivy", "Kate", "Maria", "Olivia", "Rosa")
NAMES += ("Ben", "David", "Frank", "Henry", "Jack", "Leo", "Noah", "Paul", "Sam")
THINGS = ("apples", "books", "cards", "coins", "cookies", "marbles", "pencils", "shells", "stamps", "stickers")

STORIES: dict[str, tuple[str, ...]] = {
    "x + y": (
        "{n} has {x} {t}. {m} gives {n} {y} more. How many {t} does {n} have now?",
        "There are {x} boys and {y} girls in a school yard. How many children are there?",
        "{n} read {x} pages on Monday and {y} pages on Tuesday. How many pages did {n} read?",
        "A shop sold {x} {t} in the morning and {y} in the afternoon. How many {t} did it sell that day?",
        "{n} had some {t}. After giving {x} of them to {m}, {n} has {y} left. How many {t} did {n} have at first?",
        "A train carried {x} people, and {y} more got on. How many people are on the train?",
        "{n} found {x} {t} and {m} found {y}. How many {t} did they find together?",
    ),
    "x - y": (
        "{n} had {x} {t} and gave {y} of them to {m}. How many {t} does {n} have left?",
        "A farm has {x} hens and {y} cows. How many more hens than cows are there?",
        "There were {x} people at a show, and {y} of them went home. How many stayed?",
        "{n} wants to save {x} dollars and has saved {y}. How many dollars are missing?",
        "A book has {x} pages. {n} has read {y} of them. How many pages are left?",
        "Of {x} {t} in a box, {y} are red and the others are blue. How many {t} are blue?",
        "{n} is {x} years old and {m} is {y}. How many years older is {n}?",
    ),
    "y - x": (
        "{n} has {x} {t} and needs {y}. How many {t} are still needed?",
        "{n} had {x} {t}. After a birthday {n} has {y}. How many {t} did {n} get?",
        "A bus had {x} passengers before a stop and {y} after it. How many passengers got on?",
    ),
    "x * y": (
        "{n} has {x} boxes with {y} {t} in each. How many {t} does {n} have?",
        "A hall has {x} rows of {y} chairs. How many chairs are there?",
        "{n} runs {x} miles every day. How many miles does {n} run in {y} days?",
        "One ticket costs {x} dollars. How many dollars do {y} tickets cost?",
        "Each of {x} children gets {y} {t}. How many {t} are needed?",
        "A worker packs {x} bags an hour. How many bags does the worker pack in {y} hours?",
        "There are {x} tables in a room, and {y} people sit at each. How many people are in the room?",
    ),
    "x / y": (
        "{n} shares {x} {t} equally among {y} friends. How many {t} does each friend get?",
        "{x} people travel in cars that hold {y} people each. How many cars are needed?",
        "{n} puts {x} {t} into boxes of {y}. How many boxes does {n} fill?",
        "A rope of {x} feet is cut into pieces of {y} feet. How many pieces are there?",
        "{n} paid {x} dollars for {y} equal shirts. How many dollars did one shirt cost?",
        "{x} chairs stand in {y} equal rows. How many chairs stand in each row?",
        "{n} read a book of {x} pages in {y} days, the same number every day. How many pages did {n} read a day?",
    ),
    "x + y + z": (
        "{n} has {x} red, {y} blue and {z} green {t}. How many {t} does {n} have?",
        "{n} drove {x} miles, then {y} miles, then {z} miles. How many miles did {n} drive?",
        "A baker sold {x} cakes on Friday, {y} on Saturday and {z} on Sunday. How many cakes were sold?",
    ),
    "x + y - z": (
        "{n} had {x} {t}, found {y} more and lost {z}. How many {t} does {n} have now?",
        "There were {x} birds on a roof. Then {y} more came and {z} flew away. How many birds are on the roof?",
        "{n} earned {x} dollars on one day and {y} on the next, and spent {z}. How many dollars are left?",
    ),
    "x - y + z": (
        "{n} had {x} {t}, gave {y} to {m} and then bought {z}. How many {t} does {n} have now?",
        "A bus had {x} passengers. At a stop {y} got off and {z} got on. How many passengers are on the bus?",
        "A shop had {x} {t}, sold {y} and received {z} new ones. How many {t} does the shop have?",
    ),
    "x - y - z": (
        "{n} had {x} {t}. {n} gave {y} to {m} and lost {z}. How many {t} are left?",
        "{n} had {x} dollars, paid {y} for a shirt and {z} for lunch. How many dollars are left?",
        "A tank held {x} gallons. {y} gallons were used on Monday and {z} on Tuesday. How many gallons are left?",
    ),
    "x * y + z": (
        "{n} has {x} bags with {y} {t} each and {z} single {t}. How many {t} does {n} have?",
        "A club meets in {x} groups of {y} people, and {z} people are alone. How many people are in the club?",
        "{n} bought {x} pens for {y} dollars each and a book for {z} dollars. How many dollars did {n} spend?",
    ),
    "x * y - z": (
        "{n} had {x} boxes with {y} {t} each and gave {z} {t} away. How many {t} are left?",
        "A hall has {x} rows of {y} seats, and {z} seats are taken. How many seats are free?",
        "{n} baked {x} trays of {y} cookies, and {z} of the cookies were eaten. How many cookies are left?",
    ),
    "(x + y) * z": (
        "{n} buys {x} apples and {y} pears every week. How many pieces of fruit does {n} buy in {z} weeks?",
        "A class has {x} boys and {y} girls, and each child gets {z} {t}. How many {t} are needed?",
        "{n} walks {x} miles in the morning and {y} in the evening. How many miles does {n} walk in {z} days?",
    ),
    "(x - y) * z": (
        "{n} earns {x} dollars a day and spends {y} of them. How many dollars does {n} save in {z} days?",
        "A machine makes {x} {t} an hour, of which {y} are broken. How many good {t} does it make in {z} hours?",
        "Each of the {x} guests but {y} ate {z} cookies. How many cookies were eaten?",
    ),
    "(x + y) / z": (
        "{n} has {x} red and {y} blue {t} and shares them equally among {z} friends. How many does each friend get?",
        "{x} boys and {y} girls form {z} equal teams. How many children are in each team?",
        "{n} puts {x} pens and {y} pencils into {z} boxes, the same number in each. How many are in each box?",
    ),
    "(x - y) / z": (
        "{n} had {x} {t}, kept {y} and shared the others equally among {z} friends. How many did each friend get?",
        "Of {x} children {y} stayed at home. The others went in {z} equally full cars. How many were in a car?",
        "A baker made {x} rolls, sold {y} and put the rest into {z} equal bags. How many rolls are in each bag?",
    ),
    "x * y / z": (
        "{n} has {x} packs of {y} {t} and shares all the {t} equally among {z} friends. How many does each friend get?",
        "A hall has {x} rows of {y} chairs. The chairs are put into {z} equal rows instead. How many are in each?",
        "{n} worked {x} hours for {y} dollars an hour and spent it on {z} equal gifts. What did one gift cost?",
    ),
    "x - z": (
        "{n} had {x} {t} and {y} balls. {n} gave {z} of the {t} away. How many {t} does {n} have left?",
        "A farm has {x} sheep, {y} cows and {z} goats. How many more sheep than goats are there?",
        "{n} had {x} dollars. A bike costs {y} dollars and a ball {z}. {n} buys the ball. How many dollars are left?",
    ),
    "x + z": (
        "{n} bought {x} apples, {m} bought {y} pears, and {n} bought {z} more apples. How many apples did {n} buy?",
        "A zoo has {x} lions, {y} birds and {z} tigers. How many big cats are there?",
        "{n} read {x} pages, slept {y} hours and read {z} more pages. How many pages did {n} read?",
    ),
    "y - z": (
        "{n} has {x} balls and {y} {t}. {m} has {z} {t}. How many more {t} than {m} does {n} have?",
        "A shop opened {x} years ago. It had {y} {t} and sold {z}. How many {t} are left?",
        "{n} walked {x} miles to a lake, caught {y} fish and ate {z}. How many fish are left?",
    ),
    "y + z": (
        "{n} is {x} years old and has {y} {t}. {m} gives {n} {z} more. How many {t} does {n} have?",
        "In a house of {x} rooms live {y} adults and {z} children. How many people live there?",
        "After {x} days {n} had {y} {t}, and then found {z} more. How many {t} does {n} have now?",
    ),
}
"""Calculation -> the stories that ask for it."""

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

    >>> [_split(number, 3) for number in range(3)], [_split(number, 7) for number in range(4, 7)]
    (['train', 'train', 'test'], ['train', 'validation', 'test'])
    """
    left = count - number
    return "test" if left == 1 else "validation" if left == 2 and count > 3 else "train"


TEMPLATES = tuple(
    Template(kind, number, text, _split(number, len(texts)))
    for kind, texts in STORIES.items()
    for number, text in enumerate(texts)
)
