"""Keys that say how a model behind a server with OpenAI's chat API is asked."""

from __future__ import annotations

from dataclasses import dataclass

from rlad.config.registry import key

LIMITS = ("max_tokens", "max_completion_tokens")
"""Names of a request's token limit."""
DROPPED = ("seed", "temperature", "n", "logprobs", "chat_template_kwargs")
"""Fields of a request that some servers refuse; without n they give one sample at a time."""
PACING = ("api_key", "requests", "per_minute", "timeout")
"""Keys that have no part in what a server answers."""


def is_url(place: str | None) -> bool:
    """Whether a model's place is a server's address.

    >>> is_url("http://127.0.0.1:8000/v1"), is_url("runs/demo/base"), is_url(None)
    (True, False, False)
    """
    return place is not None and place.startswith(("http://", "https://"))


@dataclass
class ServerConfig:
    """How a model behind any server with OpenAI's chat API is asked."""

    name: str = ""
    """Name of the model that is sent; empty = the first that the server lists."""
    api_key: str | None = None
    """Name of the environment variable that holds the API key; null = no key."""
    requests: int = key(8, least=1, most=1024)
    """Requests that are open at a time."""
    per_minute: int = key(0, least=0)
    """Most requests begun in a minute; 0 = no limit. Of distill's models behind one URL the smallest limit holds."""
    timeout: float = key(300.0, above=0)
    """Seconds for one request."""
    limit_field: str = key(LIMITS[0], one_of=LIMITS)
    """Under which name the server is told how long an answer may be; public reasoning models want the second."""
    drop: list[str] = key(one_of=DROPPED, factory=list)
    """Fields of a request that the server refuses, and that are left out; it then samples as it sees fit. Without
    logprobs, selection rules have no likelihoods to read; without chat_template_kwargs, ROLE.thinking is not told."""


@dataclass
class ChatServerConfig(ServerConfig):
    """A model behind any server with OpenAI's chat API."""

    url: str | None = None
    """Base URL of the server, e.g. http://127.0.0.1:8000/v1."""
    max_tokens: int = key(1024, least=1)
    """Most tokens of one answer; for a solver with and without an abstraction alike."""
    thinking: str = key("auto", one_of=("auto", "true", "false"))
    """What the server's chat template is told as enable_thinking: true, false, or auto = nothing, and for a transfer's
    solver what solution.thinking says."""
