"""The leak gate's verdict on one abstraction: the rules, in their order.

The first rule that holds for a place decides about it; an abstraction leaks when one of its places does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import NamedTuple

from rlad.reasoning.leaks import context, cues
from rlad.reasoning.leaks.common_facts import known_fact
from rlad.reasoning.leaks.mentions import Mention, mentions, number_of
from rlad.reasoning.leaks.phrases import phrase_leak
from rlad.reasoning.leaks.question import Facts, facts, stem, value_of
from rlad.reasoning.leaks.wording import PlainText, plain_text

SMALL = 12
"""Whole numbers up to here stand in many methods; larger ones that are no constants are hardly there by chance."""
CONSTANTS = frozenset({15, 20, 24, 25, 30, 40, 50, 52, 60, 90, 100, 180, 360, 365})
"""Larger numbers that methods use."""
METHODS = 20
"""Methods have at most so many steps, cases or parts."""
MOST = 200
"""Places that are judged; a text that names the answer's number more often is no abstraction."""
_STOP = re.compile(r"[;!?]|\.(?=\s|$)")
_REACH = 250


class Finding(NamedTuple):
    """Whether an abstraction leaks, with the words that decided and why."""

    leak: bool
    quote: str
    reason: str


@dataclass(frozen=True)
class Place:
    """A mention of the answer's number in its sentence."""

    text: PlainText
    mention: Mention
    told: Facts

    @cached_property
    def before(self) -> str:
        start = max(0, self.mention.start - _REACH)
        stops = [m.end() for m in _STOP.finditer(self.text.text, start, self.mention.start)]
        return self.text.text[stops[-1] if stops else start : self.mention.start]

    @cached_property
    def behind(self) -> str:
        end = min(len(self.text.text), self.mention.end + _REACH)
        stop = _STOP.search(self.text.text, self.mention.end, end)
        return self.text.text[self.mention.end : stop.start() if stop else end]

    @property
    def written(self) -> str:
        """The number in figures."""
        return self.text.text[self.mention.start : self.mention.end]

    @property
    def word(self) -> str:
        """How it was written in letters; empty for figures."""
        return self.text.worded.get(self.mention.start, "").lower()

    @cached_property
    def value(self) -> Fraction | None:
        """What is written, a percentage as a part of one; None for a computation."""
        value = value_of(self.written)
        return value / 100 if value is not None and "%" in self.written and not self.mention.unscaled else value

    @cached_property
    def asked(self) -> bool:
        """Whether it counts what the question asks for."""
        words = re.findall(r"[a-zA-Z]+", re.split(r"[,;:.()\d=]", self.behind)[0])[:3]
        return bool({stem(word) for word in words} & self.told.asked) or (self.told.percent and "%" in self.written)

    @cached_property
    def known(self) -> bool:
        """Whether the question has this number; ``18/24`` does not say 3/4."""
        return self.value in self.told.numbers and (self.value.denominator == 1 or self.written in self.told.text)

    @cached_property
    def restated(self) -> bool:
        """Whether the question has it with the same word behind it."""
        noun = re.match(r"\s*([a-zA-Z]+)", self.behind)
        return self.known and (self.value, stem(noun[1]) if noun else "") in self.told.counted

    @cached_property
    def special(self) -> bool:
        """Whether it is hardly there by chance."""
        value = self.value
        if self.word in cues.PARTS:  # a half of something is everyday English
            return False
        return value is None or value.denominator > 1 or (abs(value) > SMALL and abs(value) not in CONSTANTS)

    @cached_property
    def listed(self) -> bool:
        return context.enumerated(self.before, self.behind)

    @property
    def announced(self) -> bool:
        return context.announced(self.before, self.behind, self.told.subjects)

    @property
    def computed(self) -> bool:
        """Whether a computation stands before it: ``3 + 5 = 8``."""
        return context.computed(self.before)

    @property
    def operated(self) -> bool:
        return context.operated(self.before, self.special)

    @property
    def quote(self) -> str:
        """The words around it."""
        head, tail = " ".join(self.before.split()[-6:]), " ".join(self.behind.split(" ")[:5])
        return " ".join(f"{head} {self.word or self.written}{tail and ' ' * (tail[0] == ' ') + tail}".split())


def _continues(place: Place) -> bool:
    """Whether a list goes through the question's own numbers and ends here, or is all that is said."""
    last = [Fraction(number) for number in re.findall(r"\d{1,60}(?:\.\d{1,60})?", place.before)[-2:]]
    through = len(last) == 2 and all(number in place.told.numbers for number in last)
    through = through and not context.imperative(place.before)
    alone = place.special and not re.search(r"[a-zA-Z]", place.before + place.behind)
    return place.listed and not place.known and (through or alone)


def _quoted(place: Place) -> bool:
    """Whether the question has it between the same words, two before it and one behind it."""
    head, tail = place.before.split()[-2:], re.findall(r"[\w'%]+", place.behind)[:1]
    phrase = " ".join([*head, place.written, *tail]).casefold()
    return len(head) == 2 and bool(tail) and phrase in place.told.text.casefold()


def _own_numbers(place: Place) -> bool:
    """Whether it is computed from the question's own numbers, but for a doubling or halving."""
    if place.mention.computed is None:
        return False
    text, operands = place.mention.computed.text, place.mention.computed.operands
    new = [n for n in operands if Fraction(n) not in place.told.implied]
    scaled = [n for n in new if n in ("1", "2") and re.search(rf"[*/^] ?\(?{n}(?![\d.])|(?<![\d.]){n} ?[*/]", text)]
    return len(new) < len(operands) and len(new) == len(scaled) <= 1


def _set(place: Place) -> bool:
    """Whether a name is given this value rather than found to have it: ``let n = 8``."""
    name = context.assigned(place.before)
    return name is not None and name not in place.told.subjects and context.supposed(place.before)


def _counts_method(place: Place) -> bool:
    return (
        context.counts_method(place.behind) and not (place.asked or place.computed) and abs(place.value or 0) <= METHODS
    )


def _alone(place: Place) -> bool:
    return not place.before.strip(" ,:\"'()") and len(place.behind.split()) <= 2


RULES: list[tuple[Callable[[Place], bool], bool, str]] = [
    (lambda p: context.negated(p.before), False, "it is denied"),
    (lambda p: context.bound(p.before, p.behind), False, "it is a bound"),
    (lambda p: context.label(p.before), False, "it is a label"),
    (lambda p: context.part_of_word(p.before, p.behind), False, "it is part of a word"),
    (lambda p: context.part_of_formula(p.before, p.behind), False, "it is part of a formula"),
    (lambda p: not p.asked and not p.computed and context.compares(p.behind), False, "it compares two amounts"),
    (lambda p: context.pronoun(p.word, p.before, p.behind), False, "it is a pronoun"),
    (lambda p: not p.listed and p.announced, True, "it is called the answer"),
    (lambda p: p.mention.letter, False, "it is a letter"),
    (lambda p: p.mention.unscaled and not p.told.percent, False, "it is a percentage, and none is asked for"),
    (lambda p: known_fact(p.value, p.before + p.behind), False, "it is a known fact about units"),
    (lambda p: context.example(p.before), False, "it belongs to an example"),
    (lambda p: _own_numbers(p) and context.given(p.before), True, "a quantity is said to be this computation"),
    (_own_numbers, False, "it is a computation with the question's own numbers"),
    (lambda p: p.mention.computed is not None, True, "it is a computation with other numbers than the question's"),
    (_continues, True, "it continues a list"),
    (lambda p: p.listed, False, "it is one of several in a list"),
    (_alone, True, "it stands by itself"),
    (_quoted, False, "the question says it in these words"),
    (_counts_method, False, "it counts parts of the method"),
    (lambda p: p.computed, True, "it is what a computation gives"),
    (_set, False, "it is set, not found"),
    (lambda p: not p.restated and context.ends(p.behind), True, "it is what is left, or the total"),
    (lambda p: context.concluded(p.before), True, "it is a conclusion"),
    (lambda p: p.operated and (p.restated or not p.asked), False, "the method works with it"),
    (lambda p: p.restated, False, "the question says it"),
    (lambda p: p.asked, True, "it is what the question asks for"),
    (lambda p: p.known, False, "the question says it"),
    (lambda p: p.special, True, "it is too special to be there by chance"),
    (lambda p: context.checked(p.before), True, "it is checked as the answer"),
    (lambda p: context.imperative(p.before), False, "an instruction uses it"),
    (lambda p: context.declared(p.before, p.behind), True, "a statement is made of it"),
    (lambda p: True, False, "it is only mentioned"),
]
"""(what holds, whether it is a leak then, why): the policy of docs/leaks.md."""


@lru_cache(maxsize=4096)
def _facts(question: str) -> Facts:
    return facts(question)


def examine(abstraction: str, gold: str, question: str = "") -> Finding:
    """Whether `abstraction` states the answer `gold` to `question`, which words do, and by which rule.

    >>> examine("In the end he will have twenty-seven apples.", "27", "How many apples will he have?")
    Finding(leak=True, quote='In the end he will have twenty-seven apples', reason='it is a conclusion')
    """
    if not gold.strip() or not abstraction.strip():
        return Finding(False, "", "there is nothing to state")
    if number_of(gold) is None:
        return Finding(*phrase_leak(abstraction, gold, question))
    text, told = plain_text(abstraction), _facts(question)
    harmless = Finding(False, "", "the answer is not in it")
    for count, mention in enumerate(mentions(text.text, gold)):
        if count == MOST:
            return Finding(True, "", f"its number is named more than {MOST} times")
        place = Place(text, mention, told)
        leak, reason = next((leak, reason) for holds, leak, reason in RULES if holds(place))
        found = Finding(leak, place.quote, reason)
        if leak:
            return found
        harmless = found
    return harmless
