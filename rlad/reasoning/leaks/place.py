"""A place where an abstraction names the answer's number, and what its sentence and the question say of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from rlad.reasoning.leaks import context, cues
from rlad.reasoning.leaks.mentions import Mention
from rlad.reasoning.leaks.question import Facts, stem, value_of
from rlad.reasoning.leaks.wording import PlainText

SMALL = 12
"""Whole numbers up to here stand in many methods; larger ones that are no constants are hardly there by chance."""
CONSTANTS = frozenset({15, 20, 24, 25, 30, 40, 50, 52, 60, 90, 100, 180, 360, 365})
"""Larger numbers that methods use."""
RANKS = frozenset(stem(word) for word in ["place", "position", "rank"])
_STOP = re.compile(r"[;!?]|\.(?=\s|$)")
_REACH = 250


@dataclass(frozen=True)
class Place:
    """A mention of the answer's number in its sentence."""

    text: PlainText
    mention: Mention
    told: Facts
    gold: str
    """The gold answer's number or computation."""

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
        """What is written, a percentage as a part of one; None for a computation and an ordinal in letters."""
        value = value_of(self.written)
        return value / 100 if value is not None and "%" in self.written and not self.mention.unscaled else value

    @cached_property
    def as_gold(self) -> bool:
        """Whether it is written as the gold answer is."""
        written = self.mention.computed.text if self.mention.computed else self.written
        return re.sub(r"[ *()]", "", written) == re.sub(r"[ *()]", "", self.gold)

    @cached_property
    def asked(self) -> bool:
        """Whether it counts what the question asks for."""
        words = re.findall(r"[a-zA-Z]+", re.split(r"[,;:.()\d=]|\b(?:per|each|every)\b", self.behind)[0])[:3]
        if self.told.asked and cues.OF_THEM.match(self.behind):
            return True
        behind = bool({stem(word) for word in words} & self.told.asked) or context.counted(
            self.before, self.told.asked | self.told.named
        )
        return behind or (self.told.percent and "%" in self.written)

    @cached_property
    def named(self) -> bool:
        """Whether the question asks which one, and this is its number: ``floor 8``, ``the 8th floor``."""
        if self.known or not self.told.named:
            return False
        if not self.ordinal:
            return context.named(self.before, self.told.named)
        noun = re.match(r"(?:st|nd|rd|th)?\s*([a-zA-Z]+)", self.behind)
        ranked = bool(self.told.named & RANKS) and context.placed(self.before)
        return ranked or (noun is not None and stem(noun[1]) in self.told.named)

    @property
    def ordinal(self) -> bool:
        """Whether it is a place in an order, in letters or figures."""
        return self.mention.ordinal or cues.ORDINAL.match(self.behind) is not None

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
        return (
            value is None or value.denominator > 1 or value < -1 or (abs(value) > SMALL and abs(value) not in CONSTANTS)
        )

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
