"""Texts as sentences, exactly: what is cut can be put together again to the letter."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from rlad.cli import PlainError
from rlad.problems import Problem, World

ENDS = re.compile(r"(?:[;.!?]\s+|\n\s*)(?=\S)")
HELD_OUT = 10
"""One in so many distinct sentences is kept from the encoder and decoder, which are measured on them."""


def split(text: str) -> list[str]:
    r"""A text's sentences, each with the space behind it: their concatenation is the text. Steps of a solution and
    parts of a question end in a semicolon; decimals are not cut.

    >>> split("3 , 5 > 14 ; 4 , 1 > ?"), split("It is 2.5 m.  So add.\nThen"), split("")
    (['3 , 5 > 14 ; ', '4 , 1 > ?'], ['It is 2.5 m.  ', 'So add.\n', 'Then'], [])
    """
    places = [0, *(found.end() for found in ENDS.finditer(text)), len(text)]
    return [text[start:end] for start, end in pairwise(places) if start < end]


def kept_apart(sentence: str) -> bool:
    """Whether a sentence is one of those that the codec never learns from, by a hash of it alone."""
    digest = hashlib.blake2b(sentence.encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") % HELD_OUT == 0


def demonstrated(problem: Problem, world: World | None, rng: random.Random) -> tuple[str, str] | None:
    """(abstraction, solution) as the warm start would be shown them; None where the data have no abstraction."""
    if world is not None:
        abstraction = world.propose(problem, rng)
        return abstraction, world.solve(problem, abstraction, rng)
    return (problem.abstraction, problem.solution or "") if problem.abstraction else None


@dataclass
class Corpus:
    """What encoder, decoder and models learn from."""

    documents: list[tuple[list[str], list[str]]]
    """(sentences of a question, sentences of an abstraction)"""
    questions: list[str]
    """Distinct sentences of questions, in order of appearance."""
    steps: list[str]
    """Distinct sentences of solutions."""
    abstractions: list[str]
    """Distinct sentences of abstractions."""

    @property
    def sentences(self) -> list[str]:
        """All of them, once each."""
        return list(dict.fromkeys([*self.questions, *self.abstractions, *self.steps]))

    @cached_property
    def longest(self) -> int:
        """Sentences of the longest abstraction."""
        return max(len(written) for _, written in self.documents)

    def divided(self) -> tuple[list[str], list[str]]:
        """(sentences that the codec learns from, those kept from it). Abstractions are learnt from, all of them."""
        proposed = set(self.abstractions)
        unseen = {one for one in self.sentences if one not in proposed and kept_apart(one)}
        return [one for one in self.sentences if one not in unseen], [one for one in self.sentences if one in unseen]


def gather(problems: Sequence[Problem], world: World | None, count: int, seed: int) -> Corpus:
    """A corpus of `count` demonstrations in turn over the problems. Raises PlainError where there are none."""
    rng = random.Random(f"concepts|{seed}")
    documents, steps = [], []
    for number in range(count):
        problem = problems[number % len(problems)]
        if (found := demonstrated(problem, world, rng)) is None:
            if number >= len(problems) and not documents:
                break
            continue
        documents.append((split(problem.question), split(found[0])))
        steps += split(found[1])
    if not documents:
        raise PlainError(
            "The run's problems have no abstractions to learn from: name their column in problems.fields.abstraction, "
            "or take a run of a world."
        )
    return Corpus(documents, once(s for question, _ in documents for s in question), once(steps),
                  once(s for _, written in documents for s in written))  # fmt: skip


def once(sentences: Iterable[str]) -> list[str]:
    """Each of them once, in order of appearance.

    >>> once("abca")
    ['a', 'b', 'c']
    """
    return list(dict.fromkeys(sentences))
