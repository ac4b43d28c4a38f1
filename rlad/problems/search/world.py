r"""The `search` world: questions whose answer is looked up in a document store, a few searches at most.

    question     when was the writer of red river born ?
    abstraction  wrote then born
    solution     \search wrote red river \endsearch \result balen vaba wrote red river \endresult
                 \search born balen vaba \endsearch \result nothing \endresult
                 \search bore balen vaba \endsearch \result 37 bore balen vaba \endresult \boxed{ 37 }

What stands from `\result` to `\endresult` is the tool's. The abstraction is a search plan. Which word a document uses
is not known before it is found, and fruitless searches are paid from the same few calls: one plan is a guess, and
several are different guesses. No test question begins with an entity that a training question begins with.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rlad.config.errors import ConfigError
from rlad.config.registry import key, world
from rlad.problems.base import Problem, ProblemError, split_of, words
from rlad.problems.formal import FormalWorld
from rlad.problems.search import facts
from rlad.problems.search.plans import ABOUT, THEN, WAYS, Plan, Search, Step, first_queries, follow
from rlad.problems.search.questions import ASKED, Chain, chains, is_asked, routes, worded
from rlad.problems.search.store import Store
from rlad.problems.search.tool import DONE, END, NO_INDEX, NO_QUERY, NOTHING, RESULT, SEARCH, SearchTool

if TYPE_CHECKING:
    from rlad.config import RunConfig

WAY_WEIGHTS = (0.5, 0.3, 0.2)
"""Of the ways to ask for a relation, in demonstrations that vary."""
GENERATED = "generated"
WHOLE_TEXTS = ("hill", "r3")
"""Rewards that read the log-probs of whole solutions."""
TRIES = 200
"""Plans that are drawn before the one that loses no search is taken."""


@dataclass
class SearchKeys:
    """The document store, and how it may be searched."""

    store: str = GENERATED
    """File of a document store (docs/search.md says how to write one), or `generated` by the keys below, in memory."""
    people: int = key(400, least=2, most=1024)
    """People in a generated store."""
    works: int = key(400, least=1, most=576)
    """Works in a generated store."""
    cities: int = key(120, least=1, most=256)
    """Cities in a generated store."""
    countries: int = key(20, least=1, most=32)
    """Countries in a generated store."""
    inverse: float = key(0.35, least=0, most=1)
    """Share of a generated store's facts that are told by the object's document alone, in another word."""
    seed: int = 0
    """Seed of a generated store."""
    hops: int = key(3, least=1, most=3)
    """Most relations that a question asks for one after the other."""
    calls: int = key(4, least=1, most=32)
    """Most searches of a solution, bad ones included; one more ends it unfinished."""
    documents: int = key(2, least=1, most=16)
    """Most documents that a search shows."""
    diversity: float = key(1.0, least=0, most=1)
    """Share of demonstrated steps whose way of asking is drawn; the others ask in the subject's word first."""

    def opened(self) -> Store:
        """The store. Raises ProblemError where its file is missing, broken or empty."""
        if self.store != GENERATED:
            return Store.open(Path(self.store))
        numbers = (self.people, self.works, self.cities, self.countries)
        return Store.of(facts.generated(*numbers, self.inverse, self.seed))


def _check(run: RunConfig, section: str) -> None:
    """A store in a file must be there, whole, and have something in it; what reads or writes whole solutions does not
    go with solutions that a tool has its part in."""
    keys = run.problems.of("search")
    for wrong, name in (
        (run.abstraction.reward in WHOLE_TEXTS, f"abstraction.reward={run.abstraction.reward}"),
        (bool(run.sweep.decoding), "sweep.decoding"),
        (run.cotrain.critique.source != "none", "cotrain.critique"),
    ):
        if wrong:
            raise ConfigError(
                f"problems.source=search does not go with {name}, which takes a solution for its player's own text."
            )
    if keys.store != GENERATED:
        try:
            keys.opened()
        except ProblemError as error:
            raise ConfigError(f"problems.search.store: {error}") from None


@world("search", keys=SearchKeys, check=_check)
class SearchWorld(FormalWorld):
    """Questions over a document store that solutions search while they are written; an abstraction is a search plan."""

    name = "search"

    def __init__(self, useless_share: float = 0.3, keys: SearchKeys | None = None):
        self.keys, self.useless_share = keys or SearchKeys(), useless_share

    @cached_property
    def store(self) -> Store:
        return self.keys.opened()

    def tool(self) -> SearchTool:
        return SearchTool(self.store, self.keys.calls, self.keys.documents)

    @cached_property
    def _subjects(self) -> list[tuple[str, list[Chain]]]:
        """Every entity that something can be asked of, with what can be."""
        found = []
        for kind, names in self.store.kinds.items():
            asked = [chain for chain in chains(kind, self.keys.hops) if is_asked(chain)]
            for name in names:
                own = [chain for chain in asked if self._answers(name, chain)]
                found += [(name, own)] if own else []
        if not found:
            raise ProblemError(f"The document store '{self.store.name}' answers no question.")
        return found

    def _answers(self, entity: str, chain: Chain) -> list[tuple[Plan, str]]:
        """The ways along a chain that the calls suffice for, as plans that lose none, with where they lead."""
        found = []
        for route in routes(chain):
            steps, end = [], entity
            for relation in route:
                if (step := self._finding.get((relation, end))) is None:
                    break
                steps.append(step)
                end = self.store.told(relation, end).object
            else:
                if len(route) <= self.keys.calls:
                    found.append((Plan(tuple(steps)), end))
        return found

    @cached_property
    def _finding(self) -> dict[tuple[str, str], Step]:
        """(relation, subject) -> the way to ask that shows the fact; among many documents some are not to be found."""
        found = {}
        for fact in self.store.facts:
            for way in ("verb" if fact.inverse else "noun", ABOUT):
                step = Step(fact.relation, way)
                if fact.text in self.store.search(step.query(fact.subject), self.keys.documents):
                    found[fact.relation, fact.subject] = step
                    break
        return found

    def sample(self, rng: random.Random) -> Problem:
        entity, asked = rng.choice(self._subjects)
        chain = rng.choice(asked)
        canonical = f"{' '.join(chain)} | {entity}"
        meta = {"canonical": canonical, "split": split_of(entity, 0), "entity": entity, "chain": chain}
        question = worded(chain, entity)
        return Problem(f"search/{canonical}", question, self._answers(entity, chain)[0][1], meta=meta)

    def vocabulary(self) -> list[str]:
        own = [SEARCH, END, RESULT, DONE, THEN, ABOUT, ";", "the", "of", "\\boxed{", "}", *facts.WORDINGS]
        told = [word for text in (*ASKED.values(), NO_QUERY, NOTHING, NO_INDEX) for word in words(text)]
        return list(dict.fromkeys([*own, *(word for word in told if word.isalpha() or word == "?"), *self.store.words]))

    def propose(self, problem: Problem, rng: random.Random) -> str:
        if rng.random() < self.useless_share:
            return next(self._misleading(problem, rng)).text
        return self._useful(problem, rng).text

    def right_abstraction(self, problem: Problem) -> str | None:
        """A plan that leads to the answer, always the same one."""
        return self._useful(problem, random.Random(problem.id)).text if problem.meta else None

    def solve(self, problem: Problem, abstraction: str | None, rng: random.Random) -> str:
        """Follows the plan and goes on in other ways where it finds nothing; a number that is not reached is 0."""
        plan = Plan.parse(abstraction) if abstraction is not None else None
        found = self._followed(problem, plan or self._useful(problem, rng))
        tool, parts = self.tool(), []
        for query in (query for hop in found.queries for query in hop):
            call = f"{SEARCH} {query} {END}"
            parts += [call, tool.reply(call)]
        return " ".join([*parts, f"\\boxed{{ {found.answer or 0} }}"])

    def _followed(self, problem: Problem, plan: Plan) -> Search:
        return follow(self.store, problem.meta["entity"], plan, self.keys.calls, self.keys.documents)

    def _drawn(self, chain: Iterable[str], rng: random.Random) -> Plan:
        """A chain's plan, some of its steps asked for in ways that are drawn."""
        drawn = rng.random
        return Plan(
            tuple(
                Step(relation, rng.choices(WAYS, WAY_WEIGHTS)[0] if drawn() < self.keys.diversity else "noun")
                for relation in chain
            )
        )

    def _useful(self, problem: Problem, rng: random.Random) -> Plan:
        """A plan that leads to the answer."""
        known = self._answers(problem.meta["entity"], problem.meta["chain"])
        right = [plan for plan, end in known if end == problem.answer]
        for _ in range(TRIES):
            plan = self._drawn([step.relation for step in rng.choice(right).steps], rng)
            if self._followed(problem, plan).answer == problem.answer:
                return plan
        return min(right, key=lambda plan: len(plan.steps))

    def _misleading(self, problem: Problem, rng: random.Random) -> Iterator[Plan]:
        """Plans that do not lead to the answer: mostly other chains from the same entity."""
        everything = [chain for kind in facts.NAMES for chain in chains(kind, self.keys.hops)]
        own = [c for c in everything if facts.RELATIONS[c[0]].subject == self._kind(problem)]
        while True:
            plan = self._drawn(rng.choice(own if rng.random() < 0.8 else everything), rng)
            if self._followed(problem, plan).answer != problem.answer:
                yield plan

    @staticmethod
    def _kind(problem: Problem) -> str:
        return facts.RELATIONS[problem.meta["chain"][0]].subject

    def canonical_abstraction(self, abstraction: str) -> str:
        """Spacing does not matter; what is no plan stands for itself."""
        text = " ".join(abstraction.split())
        plan = Plan.parse(text)
        return plan.text if plan else text

    def adheres(self, problem: Problem, abstraction: str, solution: str) -> bool:
        """Whether the first query of every hop is the plan's: how to go on after a fruitless one is the solution's."""
        plan = Plan.parse(self.canonical_abstraction(abstraction))
        if plan is None:
            return False
        expected = [hop[0] for hop in self._followed(problem, plan).queries]
        return bool(expected) and first_queries(solution) == expected

    def recipe(self, problem: Problem) -> tuple[str, ...]:
        """The relations that the question asks for."""
        return problem.meta["chain"]
