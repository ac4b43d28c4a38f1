r"""Search plans: the relations to look up, one after the other, and how each of them is asked for.

    writer then houses then about founded

A step names a relation by the word of the subject's document (`writer`), by that of the object's (`wrote`), or says
that everything about the entity is to be read (`about writer`). Which document there is, is not known beforehand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rlad.problems.search.facts import NUMBER, RELATIONS, WORDINGS
from rlad.problems.search.store import Store
from rlad.problems.search.tool import queries

THEN, ABOUT = "then", "about"
WAYS = ("noun", "verb", ABOUT)


@dataclass(frozen=True)
class Step:
    """One relation to look up, and the way in which it is asked for first."""

    relation: str
    way: str

    @property
    def text(self) -> str:
        return f"{ABOUT} {self.relation}" if self.way == ABOUT else getattr(RELATIONS[self.relation], self.way)

    def query(self, entity: str) -> str:
        """What is searched for an entity.

        >>> Step("writer", "verb").query("red river"), Step("writer", "about").query("red river")
        ('wrote red river', 'red river')
        """
        return entity if self.way == ABOUT else f"{self.text} {entity}"

    @property
    def others(self) -> list[Step]:
        """The ways to go on with when this one finds nothing."""
        return [Step(self.relation, way) for way in WAYS if way != self.way]


@dataclass(frozen=True)
class Plan:
    """The steps of a search."""

    steps: tuple[Step, ...]

    @property
    def text(self) -> str:
        return f" {THEN} ".join(step.text for step in self.steps)

    @staticmethod
    def parse(text: str) -> Plan | None:
        """The plan that a text states, or None.

        >>> Plan.parse("wrote then about born").steps
        (Step(relation='writer', way='verb'), Step(relation='born', way='about'))
        """
        steps = []
        for part in re.split(rf"\b{THEN}\b", text):
            word = part.removeprefix(" ").removeprefix(f"{ABOUT} ").strip()
            if word not in WORDINGS:
                return None
            relation = WORDINGS[word]
            about = part.split()[0] == ABOUT
            if about and word != relation:
                return None
            way = ABOUT if about else "noun" if word == relation else "verb"
            steps.append(Step(relation, way))
        return Plan(tuple(steps))


@dataclass(frozen=True)
class Search:
    """What following a plan from an entity has come to."""

    queries: tuple[tuple[str, ...], ...]
    """The queries of each hop, all but the last of them fruitless."""
    answer: str | None
    """The number at the end; None where it was not reached."""


def follow(store: Store, entity: str, plan: Plan, calls: int, documents: int) -> Search:
    """Follows a plan: where a step finds nothing its relation is asked for in the other ways, while calls are left.

    Args:
        calls: most queries.
        documents: how many documents a query shows.
    """
    hops: list[tuple[str, ...]] = []
    left, answer = calls, None
    for step in plan.steps:
        fact, tried = store.told(step.relation, entity), []
        for attempt in [step, *step.others][:left]:
            tried.append(attempt.query(entity))
            if fact is not None and fact.text in (store.search(tried[-1], documents) or []):
                break
        else:
            return Search((*hops, tuple(tried)) if tried else tuple(hops), None)
        left -= len(tried)
        hops.append(tuple(tried))
        entity = fact.object
        answer = entity if RELATIONS[step.relation].object == NUMBER else None
    return Search(tuple(hops), answer)


def first_queries(solution: str) -> list[str]:
    r"""The first query of every hop that a solution has made: queries of one entity in a row are one hop.

    >>> first_queries(r"\search writer red sea \endsearch \search wrote red sea \endsearch \search born ki \endsearch")
    ['writer red sea', 'born ki']
    """
    found: list[tuple[str, str]] = []
    for query in queries(solution):
        words = query.split()
        entity = " ".join(words[1:] if words and words[0] in WORDINGS else words)
        if not found or found[-1][0] != entity:
            found.append((entity, query))
    return [query for _, query in found]


def strategy(solution: str) -> tuple[str, ...]:
    r"""How a solution has searched, whatever it was about: every query's relation word, `about` where it has none.

    >>> strategy(r"\search writer red river \endsearch \search red river \endsearch")
    ('writer', 'about')
    """
    asked = [query.split() for query in queries(solution)]
    return tuple(words[0] if words and words[0] in WORDINGS else ABOUT for words in asked)
