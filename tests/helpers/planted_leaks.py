"""Cases of the leak gate made by rule: problems with small and large answers, leaks of every form, hard negatives.

A negative names the answer's number as something else: a constant of the method, a label, a bound, a fact about units,
an example, or as the question itself says it. Everything is drawn with a seed; no gate is looked at.
"""

from __future__ import annotations

import random
from typing import NamedTuple


class Case(NamedTuple):
    question: str
    abstraction: str
    gold: str
    leak: bool
    form: str


_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["-", "-", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def in_words(n: int) -> str:
    """
    >>> in_words(27), in_words(105), in_words(1275)
    ('twenty-seven', 'one hundred and five', 'one thousand two hundred and seventy-five')
    """
    if n < 20:
        return _ONES[n]
    if n < 100:
        return _TENS[n // 10] + (f"-{_ONES[n % 10]}" if n % 10 else "")
    unit, name = (100, "hundred") if n < 1000 else (1000, "thousand")
    rest = n % unit
    joint = " and " if rest and (unit == 100) else " " if rest else ""
    return f"{in_words(n // unit)} {name}{joint}{in_words(rest) if rest else ''}"


_ROMAN = [(100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")]


def roman(n: int) -> str:
    """
    >>> roman(27)
    'XXVII'
    """
    out = ""
    for value, sign in _ROMAN:
        out += sign * (n // value)
        n %= value
    return out


class Story(NamedTuple):
    """One word problem: its text, gold, who, what, and the numbers that its text holds."""

    question: str
    gold: int
    who: str
    noun: str
    numbers: tuple[int, ...]


_NAMES = [("Nina", "she"), ("Omar", "he"), ("Lea", "she"), ("Ravi", "he"), ("Kim", "she"), ("Paul", "he")]
_NOUNS = ["apples", "stickers", "coins", "books", "marbles", "pencils", "tickets", "shells", "eggs", "cards"]


def _addition(rng: random.Random, top: int) -> Story:
    (name, pronoun), noun = rng.choice(_NAMES), rng.choice(_NOUNS)
    a, b = rng.randint(2, top), rng.randint(2, top)
    return Story(
        f"{name} has {a} {noun} and gets {b} more {noun}. How many {noun} does {name} have now?",
        a + b,
        pronoun,
        noun,
        (a, b),
    )


def _subtraction(rng: random.Random, top: int) -> Story:
    (name, pronoun), noun = rng.choice(_NAMES), rng.choice(_NOUNS)
    a = rng.randint(8, top + 8)
    b = rng.randint(2, a - 3)
    return Story(
        f"There are {a} {noun} in a bag. {name} takes {b} of them out. How many {noun} are left in the bag?",
        a - b,
        pronoun,
        noun,
        (a, b),
    )


def _product(rng: random.Random, top: int) -> Story:
    (name, pronoun), noun = rng.choice(_NAMES), rng.choice(_NOUNS)
    a, b = rng.randint(2, 12), rng.randint(3, max(4, top // 3))
    return Story(
        f"{name} packs {a} crates, each with {b} {noun}. How many {noun} does {name} pack in total?",
        a * b,
        pronoun,
        noun,
        (a, b),
    )


def _two_steps(rng: random.Random, top: int) -> Story:
    (name, pronoun), noun = rng.choice(_NAMES), rng.choice(_NOUNS)
    a, b, c = rng.randint(2, 9), rng.randint(3, max(4, top // 4)), rng.randint(1, 5)
    return Story(
        f"{name} buys {a} boxes of {b} {noun} and loses {c} of them. How many {noun} does {name} still own?",
        a * b - c,
        pronoun,
        noun,
        (a, b, c),
    )


_STORIES = (_addition, _subtraction, _product, _two_steps)

LEAKS = {
    "answer": "First add, then check. The answer is {n}.",
    "answer in words": "Combine the amounts; the answer is {words}.",
    "final answer, colon": "Work step by step. Final answer: {n}",
    "box": r"Use the operation that the story asks for, giving $\boxed{{{n}}}$.",
    "will have": "In the end {who} will have {n} {noun}.",
    "a total of": "Put everything together for a total of {words}.",
    "words alone": "Think of {words} {noun}.",
    "left": "Only {n} {noun} are left after that.",
    "altogether": "That makes {n} {noun} altogether.",
    "equals": "Doing the arithmetic carefully, everything equals {n}.",
    "gives": "Carry out the operation, which gives {words}.",
    "arrow": "story -> operation -> {n} {noun}",
    "ends up": "Follow the story and you see that {who} ends up with {n}.",
    "there are": "After all of it there are {n} {noun}.",
    "so": "Compare before and after, so {n}.",
    "trailing": "{n} is the answer, whichever way you count.",
    "bold": "Watch the units. Result: **{n}** {noun}",
    "html": "The result is <b>{n}</b>.",
    "LaTeX text": r"Then the result is $\text{{{n}}}$ \text{{ {noun}}}.",
    "lines": "Combine the amounts.\nThe answer is\n\n{n}\n",
    "zero width": "The answer is {hidden}.",
    "sum in disguise": "The answer is {x} + {y}.",
    "unannounced computation": "It is the same as {x} + {y}.",
    "product in disguise": "You should get 2 * {half} plus {odd} in the end.",
    "roman": "The result is {roman}.",
    "decimal": "The total comes to {n}.00.",
    "spoken digits": "Its digits are {digits}.",
    "you get": "Subtract or add as told and you get {n} {noun}.",
    "must be": "The number of {noun} must be {words}.",
    "computed": "Check: {x} + {y} = {n}.",
    "therefore": "Therefore {who} has {n}.",
    "alone": "{n}",
    "alone with noun": "{Words} {noun}.",
    "owns": "Having done this {who} owns {n} {noun}.",
}
"""Forms of leaks; every one says the answer."""

NEGATIVES = {
    "divide by": "Divide the whole by {n} if it is shared equally among {n} people; here you only combine.",
    "step": "Step {n}: reread what is asked before you calculate.",
    "bound": "Estimate first: the outcome is surely more than {n} minus a few, so check its size.",
    "less than": "Sanity check: it should not be less than {n}.",
    "mod": "Check your arithmetic modulo {n}.",
    "cases": "Split the story into {n} cases and treat each alone.",
    "steps": "There are {n} steps in the story.",
    "first terms": "Look at the first {n} sentences and mark the numbers.",
    "label": "This is like example {n} in the book: one quantity changes.",
    "not": "Do not write {n} without checking it.",
    "groups of": "Arrange everything in groups of {n} to count faster.",
    "times": "One quantity may be {n} times another; look for such words.",
    "ordinal": "Pay attention to the {n}th word of the text.",
    "digit": "Line up the {n}-digit numbers by their last place.",
    "example": "For example, if there were 1 and {before} of something you would get {n}; do likewise here.",
    "variable": "Let x = {n} be a first guess and see which way it is off.",
    "list": "Try 1, 2, {n}, {after} and watch how the total changes.",
    "exponent": "Do not confuse {n}x with x^{n}.",
    "no number": "Find out whether the amount grows or shrinks, and choose the operation accordingly.",
    "own numbers": "Combine {a} and {b} with the right operation.",
    "own computation": "Decide between {a} + {b}, {a} - {b} and {a} * {b}.",
    "restated": "You know that there are {a} at the beginning; the {b} tell how it changes.",
    "between": "A rough guess somewhere between 1 and {n} helps to find slips.",
    "per cent": "Nothing here is scaled by {n}%.",
    "answer unnamed": "The answer is the number that the question calls {noun}; keep its unit.",
    "total unnamed": "The total is found by doing what the verbs say, in their order.",
    "numbered": "{n}. Read the text twice before you calculate anything.",
    "increase": "Increase by {n} or reduce by {n}? Look at the verbs.",
    "compare": "It takes {n} more seconds to draw a picture, and it is worth it.",
    "power": "Remember that x^{n} grows fast; none of this is needed here.",
}
"""Hard negatives: all but the plain ones name the answer's number."""

_SMALL_ONLY = {"cases", "steps", "first terms", "label", "ordinal", "digit", "numbered", "compare"}
"""Forms that people use with small numbers only."""
_FRACTIONS = [
    ("1/2", "one half", r"\frac{1}{2}", "0.5", "50%"),
    ("3/4", "three quarters", r"\dfrac{3}{4}", "0.75", "75 percent"),
    ("2/5", "two fifths", r"\frac25", "0.4", "40%"),
]
_FRACTION_QUESTION = "A bag holds {whole} balls, {part} of them red. What fraction of the balls is red?"


def _fill(form: str, template: str, story: Story, rng: random.Random) -> str:
    n, words = story.gold, in_words(story.gold)
    x = rng.choice([k for k in range(1, n) if k not in story.numbers and n - k not in story.numbers] or [n - 1])
    a, b, *_ = story.numbers
    values = {"n": n, "words": words, "Words": words.capitalize(), "who": story.who, "noun": story.noun, "a": a, "b": b}
    values |= {"x": x, "y": n - x, "half": n // 2, "odd": n % 2, "before": n - 1, "after": n + 3, "roman": roman(n)}
    values |= {"hidden": "\u200b".join(str(n)), "digits": " and ".join(str(n))}
    return template.format(**values)


def _story(rng: random.Random, small: bool) -> Story:
    while True:
        story = rng.choice(_STORIES)(rng, 8 if small else 60)
        if story.gold not in story.numbers and (3 <= story.gold <= 12 if small else 13 <= story.gold <= 399):
            return story


def planted(seed: int = 0, rounds: int = 4) -> list[Case]:
    """`rounds` cases of every form, in stories with small and large answers in turn."""
    rng, cases = random.Random(f"planted leaks|{seed}"), []
    for turn in range(rounds):
        for leak, forms in ((True, LEAKS), (False, NEGATIVES)):
            for form, template in forms.items():
                story = _story(rng, small=(turn % 2 == 0 and form != "spoken digits") or form in _SMALL_ONLY)
                cases.append(Case(story.question, _fill(form, template, story, rng), str(story.gold), leak, form))
        for gold, words, latex, decimal, percent in _FRACTIONS:
            whole = 20 * rng.randint(2, 5)
            question = _FRACTION_QUESTION.format(whole=whole, part=whole * int(gold[0]) // int(gold[2]))
            told = rng.choice([words, f"${latex}$", decimal, percent, gold])
            cases.append(Case(question, f"The red ones make up {told} of all.", gold, True, "fraction"))
            cases.append(
                Case(question, "A fraction is a part over its whole; cancel what both share.", gold, False, "fraction")
            )
        large = rng.randint(11, 99) * 1000 + 500
        question = f"A stadium sells {large - 500} seats by noon and 500 seats after noon. How many seats are sold?"
        for told in (
            f"{large:,}",
            rf"{large // 1000}\,500",
            in_words(large // 1000) + " thousand five hundred",
            rf"{large / 10000} \times 10^4",
        ):
            cases.append(Case(question, f"Adding both sales you reach {told}.", str(large), True, "large number"))
        cases.append(Case(question, f"Add {large - 500} and 500 place by place.", str(large), False, "large number"))
    return cases
