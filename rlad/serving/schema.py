"""What goes over the wire, as pydantic models: requests, answers, and the events of a reasoning tree.

Requests take unknown keys only where OpenAI's clients may send some; a misspelt option of the tree is refused. Limits
that belong to a server and not to the protocol (how many abstractions at most, how long a problem) are in its
configuration and checked in rlad/serving/options.py.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

PAIR = "rlad"
PLAYERS = {"rlad-abstraction": "abstraction", "rlad-solution": "solution"}
"""Model names of the players alone, with their roles."""

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Stopped = Literal["complete", "decided", "budget", "cancelled"]
"""Why a tree ended: everything was solved; the vote could not change any more; max_total_tokens was spent; the client
went away."""


class TreeOptions(BaseModel):
    """How to spend the samples on a problem. What is left out has the server's default."""

    model_config = ConfigDict(extra="forbid")

    abstractions: StrictInt | None = Field(None, ge=0, description="n distinct abstractions; 0 solves without any.")
    solutions: StrictInt | None = Field(None, ge=1, description="m solutions per abstraction.")
    select: StrictStr | None = Field(None, description="Selection rule, such as weighted_majority or majority.")
    max_total_tokens: StrictInt | None = Field(
        None, ge=1, description="Tokens that both players may generate together; never exceeded."
    )
    propose_temperature: Number | None = Field(None, gt=0, le=10, description="Temperature of the abstractions.")
    early_stop: StrictBool | None = Field(None, description="End when no outstanding solution can change the vote.")


class SolveRequest(TreeOptions):
    """Body of POST /v1/solve."""

    problem: StrictStr = Field(min_length=1)
    temperature: Number | None = Field(None, ge=0, le=10, description="Temperature of the solutions; 0 = greedy.")
    max_tokens: StrictInt | None = Field(None, ge=1, description="Longest solution, in tokens.")
    seed: StrictInt | None = Field(None, ge=0, lt=2**63)
    gold: StrictStr | None = Field(
        None, min_length=1, description="The answer, where it is known: abstractions that give it away are marked."
    )
    stream: StrictBool = False
    deltas: StrictBool = Field(False, description="With stream: also send the solutions' text as it is written.")


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


class Vote(BaseModel):
    answer: str = Field(description="One of the equivalent forms in which it was given.")
    forms: list[str] = Field(description="All of them, so that a solution's `answer` can be told apart from others.")
    weight: float = Field(description="Its score under the selection rule.")
    share: float = Field(description="Its part of the sum of all weights.")


class Chosen(BaseModel):
    """Where in the tree the selected solution stands."""

    abstraction: int | None = Field(description="Index of the abstraction; null = solved without one.")
    solution: int


class SolutionNode(BaseModel):
    solution: int = Field(description="Index among the solutions of its abstraction.")
    text: str
    answer: str | None = Field(description="What it puts in its box; null = no answer could be read.")
    tokens: int
    ms: float = Field(description="From sending the request to its end.")


class AbstractionNode(BaseModel):
    index: int
    text: str
    tokens: int
    leak: bool | None = Field(description="Whether it gives the answer away; null = nobody knows the answer.")
    solutions: list[SolutionNode] = Field(default_factory=list)


class SolveResponse(BaseModel):
    """The whole tree: what POST /v1/solve answers without `stream`."""

    id: str
    answer: str | None
    text: str = Field(description="The selected solution; empty when there is none.")
    chosen: Chosen | None
    votes: list[Vote]
    abstractions: list[AbstractionNode]
    bare: list[SolutionNode] = Field(description="Solutions without an abstraction.")
    usage: Usage
    ms: float
    stopped: Stopped


# ------------------------------------------------------------------------------------------------------- events
class StartEvent(BaseModel):
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
    seed: int


class AbstractionEvent(BaseModel):
    type: Literal["abstraction"] = "abstraction"
    index: int
    text: str
    tokens: int
    leak: bool | None


class SolutionDeltaEvent(BaseModel):
    type: Literal["solution_delta"] = "solution_delta"
    abstraction: int | None
    solution: int
    text: str


class SolutionEvent(BaseModel):
    type: Literal["solution"] = "solution"
    abstraction: int | None
    solution: int
    text: str
    answer: str | None
    tokens: int
    ms: float


class VoteEvent(BaseModel):
    type: Literal["vote"] = "vote"
    votes: list[Vote] = Field(description="All answers so far, the heaviest first.")


class DoneEvent(BaseModel):
    type: Literal["done"] = "done"
    answer: str | None
    text: str
    chosen: Chosen | None
    votes: list[Vote]
    usage: Usage
    ms: float
    stopped: Stopped


class ErrorBody(BaseModel):
    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorEvent(BaseModel):
    type: Literal["error"] = "error"
    error: ErrorBody


class ErrorResponse(BaseModel):
    """OpenAI's error shape: what every 4xx and 5xx answer holds."""

    error: ErrorBody


TreeEvent = StartEvent | AbstractionEvent | SolutionDeltaEvent | SolutionEvent | VoteEvent | DoneEvent | ErrorEvent


# ------------------------------------------------------------------------------------------------ OpenAI requests
class StreamOptions(BaseModel):
    model_config = ConfigDict(extra="allow")

    include_usage: StrictBool = False


class SamplingRequest(BaseModel):
    """What both OpenAI routes share. Other keys of OpenAI's are accepted when they ask for nothing special."""

    model_config = ConfigDict(extra="allow")

    model: StrictStr = Field(description="rlad, rlad-abstraction or rlad-solution.")
    n: StrictInt | None = Field(None, ge=1, description="Choices; of the pair, each is the result of its own tree.")
    temperature: Number | None = Field(None, ge=0, le=10)
    max_tokens: StrictInt | None = Field(None, ge=1, description="Longest solution, in tokens.")
    seed: StrictInt | None = Field(None, ge=0, lt=2**63)
    stream: StrictBool | None = None
    stream_options: StreamOptions | None = None
    rlad: TreeOptions | None = Field(None, description="Options of the reasoning tree; only of the model rlad.")


class TextPart(BaseModel):
    type: Literal["text"]
    text: StrictStr


class Message(BaseModel):
    model_config = ConfigDict(extra="allow")

    role: Literal["system", "developer", "user", "assistant"]
    content: StrictStr | list[TextPart] | None = None


class ChatRequest(SamplingRequest):
    messages: list[Message] = Field(min_length=1)
    max_completion_tokens: StrictInt | None = Field(None, ge=1)


class CompletionRequest(SamplingRequest):
    prompt: StrictStr | list[StrictStr] | list[StrictInt] | list[list[StrictInt]]


class ModelCard(BaseModel):
    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "rlad"


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[ModelCard]


class Health(BaseModel):
    status: str
    players: dict[str, Any] = Field(default_factory=dict)
