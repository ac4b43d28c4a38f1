"""What happens while a tree grows, in the order in which it happens."""

from __future__ import annotations

from dataclasses import dataclass

from rlad.reasoning.tree import Branch, Solution
from rlad.reasoning.vote import Place, Votes


@dataclass(frozen=True)
class Opened:
    """A new, distinct abstraction."""

    index: int
    branch: Branch
    tokens: int


@dataclass(frozen=True)
class Written:
    """A part of a solution's text."""

    place: Place
    text: str


@dataclass(frozen=True)
class Solved:
    """A finished solution."""

    place: Place
    solution: Solution
    answer: str | None
    seconds: float


@dataclass(frozen=True)
class Voted:
    """How the vote stands."""

    votes: list[Votes]


@dataclass(frozen=True)
class Ended:
    """The tree is finished."""

    stopped: str
    """complete, decided or budget."""
    votes: list[Votes]
    chosen: Place | None


Event = Opened | Written | Solved | Voted | Ended
