"""The leak gate's verdict on one abstraction: the rules, in their order.

The first rule that holds for a place decides about it; an abstraction leaks when one of its places does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from rlad.reasoning.leaks import context
from rlad.reasoning.leaks.arithmetic import expressions
from rlad.reasoning.leaks.common_facts import known_fact
from rlad.reasoning.leaks.equations import fills
from rlad.reasoning.leaks.mentions import mentions, number_of
from rlad.reasoning.leaks.phrases import CALLED, chosen_text, phrase_leak
from rlad.reasoning.leaks.place import Place
from rlad.reasoning.leaks.question import Facts, facts, value_of
from rlad.reasoning.leaks.wording import plain_text
from rlad.verifier import verify

METHODS = 20
"""Methods have at most so many steps, cases or parts."""
MOST = 200
"""Places that are judged; a text that names the answer's number more often is no abstraction."""


class Finding(NamedTuple):
    """Whether an abstraction leaks, with the words that decided and why."""

    leak: bool
    quote: str
    reason: str


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
        return _own_fraction(place)
    text, operands = place.mention.computed.text, place.mention.computed.operands
    new = [n for n in operands if Fraction(n) not in place.told.implied]
    scaled = [n for n in new if n in ("1", "2") and re.search(rf"[*/^] ?\(?{n}(?![\d.])|(?<![\d.]){n} ?[*/]", text)]
    return len(new) < len(operands) and len(new) == len(scaled) <= 1


def _own_fraction(place: Place) -> bool:
    """Whether it is a division of two of the question's numbers that the gold answer does not write so: ``7/2``."""
    parts = place.written.split("/")
    return len(parts) == 2 and not place.as_gold and all(value_of(part) in place.told.numbers for part in parts)


def _on_the_way(place: Place) -> bool:
    """Whether an irrational value that the question itself writes is written anew, not as the gold answer writes it."""
    if place.mention.computed is None or place.as_gold or value_of(place.gold) is not None:
        return False
    return any(verify(place.gold, found.text).correct for found in expressions(place.told.text) if found.operands)


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
    (lambda p: p.named, True, "it names what the question asks for"),
    (lambda p: p.mention.ordinal, False, "it is an ordinal"),
    (lambda p: context.label(p.before), False, "it is a label"),
    (lambda p: context.part_of_word(p.before, p.behind), False, "it is part of a word"),
    (lambda p: context.part_of_formula(p.before, p.written, p.behind), False, "it is part of a formula"),
    (lambda p: not p.asked and not p.computed and context.compares(p.behind), False, "it compares two amounts"),
    (lambda p: context.pronoun(p.word, p.before, p.behind), False, "it is a pronoun"),
    (lambda p: not p.listed and p.announced, True, CALLED),
    (lambda p: p.mention.letter, False, "it is a letter"),
    (lambda p: p.mention.unscaled and not p.told.percent, False, "it is a percentage, and none is asked for"),
    (lambda p: known_fact(p.value, p.before + p.behind), False, "it is a known fact about units"),
    (lambda p: context.example(p.before), False, "it belongs to an example"),
    (lambda p: _own_numbers(p) and context.given(p.before), True, "a quantity is said to be this computation"),
    (_own_numbers, False, "it is a computation with the question's own numbers"),
    (_on_the_way, False, "it is on the way from the question's own expression to the answer"),
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
    (lambda p: context.fits(p.behind), True, "it is said to solve the problem"),
    (lambda p: p.restated, False, "the question says it"),
    (lambda p: p.asked, True, "it is what the question asks for"),
    (lambda p: context.whole(p.before, p.behind), True, "the whole sentence says that it is this"),
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
    if (number := number_of(gold)) is None:
        found = Finding(*phrase_leak(abstraction, gold, question))
        choice = "" if found.leak else chosen_text(gold, question)
        said = examine(abstraction, choice, question) if choice else found
        return said if said.leak and said.reason == CALLED else found
    text, told = plain_text(abstraction), _facts(question)
    harmless = Finding(False, "", "the answer is not in it")
    for count, mention in enumerate(mentions(text.text, gold, told.unit)):
        if count == MOST:
            return Finding(True, "", f"its number is named more than {MOST} times")
        place = Place(text, mention, told, number)
        leak, reason = next((leak, reason) for holds, leak, reason in RULES if holds(place))
        found = Finding(leak, place.quote, reason)
        if leak:
            return found
        harmless = found
    if equation := fills(text.text, value_of(number), told):
        return Finding(True, equation, "it fills an equation")
    return harmless
