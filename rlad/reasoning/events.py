"""What happens while a tree grows: the events' names and fields, the same from the explorer to the HTTP stream.

An event is made once, by the exploration to which it happens, and written once, as the JSON of its model; a server
passes it on and the playground reads it as it is. Nodes (`SolutionNode`, `AbstractionNode`) are parts of a tree as they
are told, in events and in the whole tree at the end alike. docs/serving.md has the table.
"""

from __future__ import annotations

from collections import Counter
from math import exp
from typing import Literal

from pydantic import BaseModel, Field

from rlad.config import ROLES
from rlad.reasoning.scores import proposals_of, under
from rlad.reasoning.tree import BARE, Branch, Place, Solution, Tree

Stopped = Literal["complete", "decided", "settled", "budget", "cancelled"]
"""Why a tree ended: everything was solved; the vote could not change any more; to a budget policy nothing was worth its
tokens any more; max_total_tokens was spent; the client went away."""


class PlayerUsage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Usage(BaseModel):
    """Tokens of both players. A prompt counts once, however many samples share it."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    abstraction: PlayerUsage = Field(default_factory=PlayerUsage)
    solution: PlayerUsage = Field(default_factory=PlayerUsage)
    others: dict[str, PlayerUsage] = Field(
        default_factory=dict, exclude_if=lambda found: not found, description="Of further players, where one was asked."
    )

    @classmethod
    def of(cls, prompt: Counter[str], generated: Counter[str]) -> Usage:
        """Tokens by player, and their sums.

        >>> Usage.of(Counter(abstraction=3), Counter(abstraction=2, solution=5)).total_tokens
        10
        """

        def known(role: str) -> PlayerUsage:
            return PlayerUsage(prompt_tokens=prompt[role], completion_tokens=generated[role])

        return cls(
            prompt_tokens=prompt.total(),
            completion_tokens=generated.total(),
            total_tokens=prompt.total() + generated.total(),
            **{role: known(role) for role in ROLES},
            others={role: known(role) for role in sorted({*prompt, *generated} - set(ROLES))},
        )


class AnswerVotes(BaseModel):
    """What one answer has got in the vote."""

    answer: str = Field(description="One of the equivalent forms in which it was given.")
    forms: list[str] = Field(description="All of them, so that a solution's `answer` can be told apart from others.")
    weight: float = Field(description="Its score under the selection rule.")
    share: float = Field(description="Its part of the sum of all weights.")


class Chosen(BaseModel):
    """Where in the tree the selected solution stands."""

    abstraction: int | None = Field(description="Index of the abstraction; null = solved without one.")
    solution: int

    @classmethod
    def at(cls, place: Place | None) -> Chosen | None:
        """A place of the tree in these words."""
        return None if place is None else cls(abstraction=index_of(place[0]), solution=place[1])


class SolutionNode(BaseModel):
    solution: int = Field(description="Index among the solutions of its abstraction.")
    text: str
    answer: str | None = Field(description="What it puts in its box; null = no answer could be read.")
    tokens: int
    ms: float = Field(description="From sending the request to its end.")

    @classmethod
    def of(cls, solution: Solution, answer: str | None, **more) -> SolutionNode:
        """A finished solution, with the answer that the vote has read."""
        ms = round(solution.seconds * 1e3, 1)
        return cls(solution=solution.index, text=solution.text, answer=answer, tokens=solution.tokens, ms=ms, **more)


class AbstractionNode(BaseModel):
    index: int
    text: str
    tokens: int
    leak: bool | None = Field(description="Whether it gives the answer away; null = nobody knows the answer.")
    probability: float | None = Field(None, description="What the proposer gives it; null = the sampler doesn't say.")

    @classmethod
    def of(cls, tree: Tree, index: int, **more) -> AbstractionNode:
        """A branch of the tree as it is now; its tokens are those of the draw that opened it."""
        branch: Branch = tree.branches[index]
        tokens = next(draw.completion.generated for draw in tree.draws if draw.branch == index)
        leak = branch.leak if tree.problem.answer else None
        proposal = under(index, proposals_of(tree), 1).proposal
        probability = None if proposal is None else float(f"{exp(proposal):.4g}")
        return cls(index=index, text=branch.text, tokens=tokens, leak=leak, probability=probability, **more)


class TreeOutcome(BaseModel):
    """How a tree has ended."""

    answer: str | None
    text: str = Field(description="The selected solution; empty when there is none.")
    chosen: Chosen | None
    votes: list[AnswerVotes]
    usage: Usage
    ms: float
    stopped: Stopped


# ------------------------------------------------------------------------------------------------------- events
class StartEvent(BaseModel):
    """The tree begins: the options in force."""

    type: Literal["start"] = "start"
    id: str
    abstractions: int
    solutions: int
    select: str
    max_total_tokens: int
    propose_temperature: float
    temperature: float
    max_tokens: int
    early_stop: bool
    budget: Literal["auto"] | None = None
    seed: int


class AbstractionEvent(AbstractionNode):
    """A new, distinct abstraction."""

    type: Literal["abstraction"] = "abstraction"


class SolutionDeltaEvent(BaseModel):
    """A part of a solution's text."""

    type: Literal["solution_delta"] = "solution_delta"
    abstraction: int | None
    solution: int
    text: str


class SolutionEvent(SolutionNode):
    """A finished solution."""

    type: Literal["solution"] = "solution"
    abstraction: int | None


class VoteEvent(BaseModel):
    """How the vote stands."""

    type: Literal["vote"] = "vote"
    votes: list[AnswerVotes] = Field(description="All answers so far, the selected one first, then the heaviest.")
    weights: list[float] = Field(
        default_factory=list, description="Of each abstraction, the part of all weight that its own solutions have."
    )


class SelectionEvent(BaseModel):
    """A player that a budget policy asked has chosen among the answers."""

    type: Literal["selection"] = "selection"
    player: str = Field(description="Its role, such as selector.")
    answer: str | None = Field(description="The answer that it chose; null = the answers do not fit into its context.")
    tokens: int = Field(description="Generated to choose.")


class DoneEvent(TreeOutcome):
    """The tree is finished."""

    type: Literal["done"] = "done"


class ErrorBody(BaseModel):
    """OpenAI's description of an error."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorEvent(BaseModel):
    """The tree could not be finished."""

    type: Literal["error"] = "error"
    error: ErrorBody


EVENTS = (
    StartEvent,
    AbstractionEvent,
    SolutionDeltaEvent,
    SolutionEvent,
    VoteEvent,
    SelectionEvent,
    DoneEvent,
    ErrorEvent,
)
"""All of them, in the order in which they may come."""
TreeEvent = (
    StartEvent
    | AbstractionEvent
    | SolutionDeltaEvent
    | SolutionEvent
    | VoteEvent
    | SelectionEvent
    | DoneEvent
    | ErrorEvent
)


def index_of(branch: int) -> int | None:
    """The index under which a branch is told: None for the solutions without an abstraction."""
    return None if branch == BARE else branch
