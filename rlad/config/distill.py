"""Keys of `distill`: a teacher writes abstractions, gates choose among them."""

from __future__ import annotations

from dataclasses import dataclass, field

from rlad.config.registry import key
from rlad.config.servers import ChatServerConfig

KINDS = ("summary_traces", "summary_solution", "contrast", "hindsight")
"""What a teacher is shown when it writes an abstraction; trainers/distill/writing.py."""


@dataclass
class ChatModelConfig(ChatServerConfig):
    """A model behind any server with OpenAI's chat API, or the base model itself."""

    url: str | None = None
    """Base URL of the server, e.g. http://127.0.0.1:8000/v1; null = the model of base.path, in this process."""
    temperature: float = key(0.7, least=0, most=10)
    """Sampling temperature."""
    price_in: float = key(0.0, least=0)
    """Price of a million prompt tokens, for the accounts."""
    price_out: float = key(0.0, least=0)
    """Price of a million generated tokens, for the accounts."""


@dataclass
class DistillConfig:
    """Abstraction data from a teacher (RLAD's warm start, 2510.02263)."""

    teacher: ChatModelConfig = field(default_factory=ChatModelConfig)
    solver: ChatModelConfig = field(default_factory=ChatModelConfig)
    problems: int = key(0, least=0)
    """Training problems that are worked on; 0 = all."""
    kinds: list[str] = key(one_of=KINDS, some=True, factory=lambda: list(KINDS))
    """From what the teacher writes: several traces, the reference solution, a right beside a wrong trace, a right trace
    in hindsight."""
    candidates: int = key(2, least=1, most=64)
    """Candidates per problem and kind."""
    traces: int = key(16, least=1, most=256)
    """Solutions of the solver without an abstraction: base success, and what the teacher reads."""
    shown: int = key(3, least=2, most=16)
    """Traces that a summary of several shows."""
    guided: int = key(16, least=1, most=256)
    """Solutions of the solver with a candidate."""
    alpha: float = key(0.1, above=0, below=1)
    """A candidate is useful where Fisher's exact test, one-sided, gives a smaller chance of so many right solutions."""
    probe: int = key(16, least=0, most=256)
    """Answers of the solver to a candidate without the problem; one that is right rejects it. 0 = no probe."""
    least_chars: int = key(20, least=0)
    """Shortest abstraction, characters."""
    most_chars: int = key(1200, least=1)
    """Longest abstraction, characters."""
    duplicate: float = key(70.0, above=0, most=100)
    """chrF, in percent, from which two candidates of a problem are the same wording."""
    encoder: str | None = None
    """Folder of a sentence encoder that tells strategies apart; null = the teacher is asked."""
    same_strategy: float = key(0.85, above=0, most=1)
    """Cosine of the encoder's vectors from which two abstractions are the same strategy."""
    one_per_strategy: bool = True
    """Whether of several abstractions with the same strategy only the most useful one is kept."""
