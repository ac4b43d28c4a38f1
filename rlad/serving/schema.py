"""What goes over the wire, as pydantic models: requests and answers. The events are those of rlad/reasoning/events.py.

Requests take unknown keys only where OpenAI's clients may send some; a misspelt option of the tree is refused. Limits
that belong to a server and not to the protocol (how many abstractions at most, how long a problem) are in its
configuration and checked in rlad/serving/options.py.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from rlad.reasoning.events import AbstractionNode, ErrorBody, SolutionNode, TreeOutcome

PAIR = "rlad"
PLAYERS = {"rlad-abstraction": "abstraction", "rlad-solution": "solution"}
"""Model names of the players alone, with their roles."""

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
LARGEST = 2**31 - 1
"""Bound of every integer: a server allows less, and nobody computes with numbers of thousands of digits."""
Count = Annotated[StrictInt, Field(ge=1, le=LARGEST)]
Seed = Annotated[StrictInt, Field(ge=0, lt=2**63)]
TokenId = Annotated[StrictInt, Field(ge=0, le=LARGEST)]


class TreeOptions(BaseModel):
    """How to spend the samples on a problem. What is left out has the server's default."""

    model_config = ConfigDict(extra="forbid")

    abstractions: StrictInt | None = Field(
        None, ge=0, le=LARGEST, description="n distinct abstractions; 0 solves without any."
    )
    solutions: Count | None = Field(None, description="m solutions per abstraction.")
    select: StrictStr | None = Field(None, description="Selection rule, such as proposer or majority.")
    max_total_tokens: Count | None = Field(
        None, description="Tokens that all players may generate together; never exceeded."
    )
    budget: Literal["auto"] | None = Field(
        None, description="auto: the tree decides what is worth its tokens; abstractions and solutions are ceilings."
    )
    mean_tokens: Count | None = Field(
        None, description="With budget=auto: tokens of a tree on average over problems; None = all that gain anything."
    )
    propose_temperature: Number | None = Field(None, gt=0, le=10, description="Temperature of the abstractions.")
    early_stop: StrictBool | None = Field(None, description="End when no outstanding solution can change the vote.")


class SolveRequest(TreeOptions):
    """Body of POST /v1/solve."""

    problem: StrictStr = Field(min_length=1)
    temperature: Number | None = Field(None, ge=0, le=10, description="Temperature of the solutions; 0 = greedy.")
    max_tokens: Count | None = Field(None, description="Longest solution, in tokens.")
    seed: Seed | None = None
    gold: StrictStr | None = Field(
        None, min_length=1, description="The answer, where it is known: abstractions that give it away are marked."
    )
    stream: StrictBool = False
    deltas: StrictBool = Field(False, description="With stream: also send the solutions' text as it is written.")


class SolvedAbstraction(AbstractionNode):
    """An abstraction with everything that was solved with it."""

    solutions: list[SolutionNode]


class SolveResponse(TreeOutcome):
    """The whole tree: what POST /v1/solve answers without `stream`."""

    id: str
    abstractions: list[SolvedAbstraction]
    bare: list[SolutionNode] = Field(description="Solutions without an abstraction.")


class ErrorResponse(BaseModel):
    """OpenAI's error shape: what every 4xx and 5xx answer holds."""

    error: ErrorBody


# ------------------------------------------------------------------------------------------------ OpenAI requests
class StreamOptions(BaseModel):
    model_config = ConfigDict(extra="allow")

    include_usage: StrictBool = False


class SamplingRequest(BaseModel):
    """What both OpenAI routes share. Other keys are accepted when they ask for nothing (rlad/serving/parameters.py)."""

    model_config = ConfigDict(extra="allow")

    model: StrictStr = Field(description="rlad, rlad-abstraction or rlad-solution.")
    n: Count | None = Field(None, description="Choices; of the pair, each is the result of its own tree.")
    temperature: Number | None = Field(None, ge=0, le=10)
    max_tokens: Count | None = Field(None, description="Longest solution, in tokens.")
    seed: Seed | None = None
    stop: StrictStr | Annotated[list[StrictStr], Field(max_length=16)] | None = Field(
        None, description="The text ends before the first of these; not of a stream. What is cut off was generated."
    )
    stream: StrictBool | None = None
    stream_options: StreamOptions | None = None
    rlad: TreeOptions | None = Field(None, description="Options of the reasoning tree; only of the model rlad.")


class Part(BaseModel):
    """A part of a message; only text is supported."""

    model_config = ConfigDict(extra="allow")

    type: StrictStr
    text: StrictStr | None = None


class Message(BaseModel):
    model_config = ConfigDict(extra="allow")

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: StrictStr | list[Part] | None = None


class ChatRequest(SamplingRequest):
    messages: list[Message] = Field(min_length=1)
    max_completion_tokens: Count | None = None


class CompletionRequest(SamplingRequest):
    prompt: StrictStr | list[StrictStr] | list[TokenId] | list[list[TokenId]]


class ModelCard(BaseModel):
    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "rlad"
    select: str | None = Field(None, description="Of the pair: the selection rule where a request names none.")
    examples: list[str] | None = Field(None, description="Of the pair: problems such as it was trained on, if known.")


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[ModelCard]


class Health(BaseModel):
    status: str
    players: dict[str, Any] = Field(default_factory=dict)
