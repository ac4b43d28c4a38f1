"""Keys of `cotrain.critique`: second attempts under a critique."""

from __future__ import annotations

from dataclasses import dataclass

from rlad.config.registry import key
from rlad.config.servers import DROPPED, LIMITS, ChatServerConfig


@dataclass
class CritiqueConfig:
    """Critique-GRPO (2506.03106): failed solutions are refined under a critique and learnt from beside the group."""

    source: str = key("none", one_of=("none", "verifier", "self", "teacher"))
    """none, verifier (the verdict), self (the solution player writes it) or teacher (an OpenAI-compatible endpoint)."""
    groups: str = key("all_wrong", one_of=("all_wrong", "any"))
    """all_wrong (refine only groups without a success) or any (the failures of every group)."""
    keep: int = key(1, least=1)
    """k: refinements that join a group, right ones first."""
    gamma: float = key(0.1, above=0)
    """Refinements are learnt from through p / (p + gamma) instead of a clipped ratio."""
    show_gold: bool = False
    """The verifier's critique and the teacher also get the right answer."""
    max_new_tokens: int = key(64, least=1)
    """Longest critique that the player itself or the teacher writes."""
    teacher_url: str | None = None
    """Base URL of an OpenAI-compatible server, e.g. http://127.0.0.1:8000/v1."""
    teacher_model: str = ""
    """Model name sent to the teacher; empty = the first that it serves."""
    teacher_key: str | None = None
    """Name of the environment variable that holds the teacher's key; None = no key."""
    teacher_requests: int = key(8, least=1, most=256)
    """Requests that one rank has open at a time."""
    teacher_timeout: float = key(120.0, above=0)
    """Seconds for one critique."""
    teacher_limit_field: str = key(LIMITS[0], one_of=LIMITS)
    """Under which name the teacher is told `max_new_tokens`; public reasoning models want the second."""
    teacher_drop: list[str] = key(one_of=DROPPED, factory=list)
    """Fields of a request that the teacher refuses, and that are left out."""

    def server(self) -> ChatServerConfig:
        """The teacher, as every server with OpenAI's chat API is described."""
        return ChatServerConfig(
            url=self.teacher_url,
            name=self.teacher_model,
            api_key=self.teacher_key,
            max_tokens=self.max_new_tokens,
            requests=self.teacher_requests,
            timeout=self.teacher_timeout,
            limit_field=self.teacher_limit_field,
            drop=self.teacher_drop,
        )
