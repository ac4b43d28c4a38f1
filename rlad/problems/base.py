"""What a problem is, and what a world must offer."""

from __future__ import annotations

import hashlib
import random
import re
from dataclasses import dataclass, field
from typing import Any, Protocol

SPLITS = ("train", "validation", "test")
WORD = r"\\boxed\{|\\[A-Za-z]+|\d+|[A-Za-z]+|\S"
"""A word of a world's texts: a LaTeX command, an integer, a run of letters or another character; a token each."""


def words(text: str) -> list[str]:
    r"""The words of a world's text.

    >>> words("so 3x \\boxed{ 12 }")
    ['so', '3', 'x', '\\boxed{', '12', '}']
    """
    return re.findall(WORD, text)


class ProblemError(ValueError):
    """Problems cannot be loaded or generated as asked; the message is one plain sentence."""


@dataclass(frozen=True)
class Problem:
    """One problem: text for the players, a gold answer for the verifier."""

    id: str
    question: str
    answer: str
    solution: str | None = None
    """A worked solution, where the data has one."""
    abstraction: str | None = None
    """A known useful abstraction, where the data has one."""
    attempt: str | None = None
    critique: str | None = None
    """A noisy solution and what is to be said about it, where the data has them."""
    abstractions: tuple[str, ...] = ()
    """Different useful abstractions, where the data has a list of them."""
    right_solutions: tuple[str, ...] = ()
    wrong_solutions: tuple[str, ...] = ()
    """Solutions by their verdict, where the data has them."""
    meta: dict[str, Any] = field(default_factory=dict, compare=False)
    """World-private facts (the hidden rule, the family ...)."""


class Tool(Protocol):
    """What a world answers while a solution is written: a call ends in a mark, a reply follows, the text goes on."""

    end: str
    """The word that ends a call; one token of the player's tokenizer, or several (rlad/players/marks.py)."""
    calls: int
    """Most calls of one text, bad ones included; one more ends it unfinished."""

    @property
    def room(self) -> int:
        """Most words of a reply, tokens where the player's tokenizer splits none; what is longer is cut."""

    def reply(self, text: str) -> str:
        """The answer to a call, the same for the same call. `text` is what was written since the last reply, and ends
        in `end`. Never raises: a bad call is told that it is one."""


class World(Protocol):
    """A generator of problems with known answers, demonstrations for the warm start, and a check of adherence."""

    name: str

    def sample(self, rng: random.Random) -> Problem:
        """One random problem. `meta["canonical"]` holds its canonical form: problems that are the same up to
        renaming or reordering share it, and it alone decides the split, unless `meta["split"]` names it: a world that
        keeps whole kinds of problems for testing says so there."""

    def vocabulary(self) -> list[str]:
        """Every word that questions, abstractions and solutions of this world can contain."""

    def propose(self, problem: Problem, rng: random.Random) -> str:
        """A demonstration for the abstraction player: a valid abstraction, or a useless one in the configured share."""

    def right_abstraction(self, problem: Problem) -> str | None:
        """An abstraction that is known to be right for the problem; None where the world cannot state one."""
        return None

    def solve(self, problem: Problem, abstraction: str | None, rng: random.Random) -> str:
        """A demonstration for the solution player, ending in \\boxed{...}; follows the abstraction when there is one
        (also a useless one, as far as it can be followed), else solves plainly."""

    def canonical_abstraction(self, abstraction: str) -> str:
        """The identity under which proposals count as the same."""

    def adheres(self, problem: Problem, abstraction: str, solution: str) -> bool:
        """Whether the solution uses the abstraction."""

    def valid(self, problem: Problem, solution: str) -> bool:
        """A condition on top of the verifier's verdict: a solution counts when it is correct *and* valid. Worlds whose
        question gives the answer away need it (countdown states its target); a world that inherits from this class and
        does not, accepts whatever the verifier accepts."""
        return True

    def leaks(self, problem: Problem, abstraction: str) -> bool | None:
        """Whether the abstraction gives the answer away, where the world has a rule of its own for that; None leaves it
        to the gate, which reads English and mathematics. Worlds in formal language inherit from `FormalWorld`."""
        return None

    def tool(self) -> Tool | None:
        """What solutions may call while they are written; None where they are written in one piece."""
        return None

    def recipe(self, problem: Problem) -> tuple[str, ...]:
        """The operations of the exact way to the answer, without their numbers, in a canonical form: ways that are one
        function have one, so that another order is another recipe only where it is another function. () where the
        world cannot tell."""
        return ()

    def steps(self, problem: Problem) -> int:
        """How many steps that way takes when it is written out."""
        return len(self.recipe(problem))


def split_of(canonical: str, seed: int) -> str:
    """The split a canonical form belongs to: 80 % train, 10 % validation, 10 % test, by a hash.

    >>> split_of("3,5>14", 0) == split_of("3,5>14", 0)
    True
    """
    digest = hashlib.blake2b(f"{seed}|{canonical}".encode(), digest_size=4).digest()
    bucket = int.from_bytes(digest, "big") % 10
    return "train" if bucket < 8 else SPLITS[bucket - 7]


def generate_split(world: World, split: str, count: int, seed: int) -> list[Problem]:
    """`count` problems with different canonical forms, all of them in `split`.

    Raises ProblemError when the world is too small to give that many.
    """
    rng = random.Random(f"{world.name}|{split}|{seed}")
    found: dict[str, Problem] = {}
    misses = 0
    while len(found) < count:
        problem = world.sample(rng)
        canonical = problem.meta["canonical"]
        if canonical in found or (problem.meta.get("split") or split_of(canonical, seed)) != split:
            misses += 1
            if misses > 200 * count + 20_000:
                raise ProblemError(
                    f"The world '{world.name}' is too small: it gave {len(found)} of the {count} different {split} "
                    "problems asked for; ask for fewer or make it larger."
                )
            continue
        found[canonical] = problem
    return list(found.values())
