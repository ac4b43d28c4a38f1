"""One request to a sampler that is under way, and what has come back of it so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from time import perf_counter

from rlad.generation.base import Completion
from rlad.generation.streaming import Piece
from rlad.players.roles import role_of
from rlad.reasoning.text import GrowingText


@dataclass(eq=False)
class Request:
    """`count` samples of one prompt."""

    role: str
    branch: int
    first: int
    """Number of its first sample among the branch's solutions."""
    prompt: list[int]
    count: int
    each: int
    """Most tokens of a sample; what was reserved for it."""
    decode: Callable[[list[int]], str] | None = None
    """Set where the text is wanted while it is written."""
    opening: str = ""
    """What the prompt has opened of that text (a thought)."""
    begin: float = field(default_factory=perf_counter)

    def __post_init__(self) -> None:
        self._ids: list[list[int]] = [[] for _ in range(self.count)]
        self._logprobs: list[list[float]] = [[] for _ in range(self.count)]
        self._model_logprobs: list[float | None] = [0.0] * self.count
        self._finished: set[int] = set()
        self._texts = [GrowingText(self.decode, self.opening) for _ in range(self.count)] if self.decode else None

    @cached_property
    def proposes(self) -> bool:
        """Whether its samples open branches."""
        return role_of(self.role).proposes

    @property
    def deltas(self) -> bool:
        return self.decode is not None

    @property
    def unfinished(self) -> int:
        """Samples that are not complete."""
        return self.count - len(self._finished)

    @property
    def unfinished_tokens(self) -> int:
        """Tokens that came in of samples that are not complete."""
        return sum(len(ids) for i, ids in enumerate(self._ids) if i not in self._finished)

    def add(self, piece: Piece) -> str:
        """Takes a piece; returns the text that it adds, where that is wanted."""
        self._ids[piece.sample] += piece.token_ids
        self._logprobs[piece.sample] += piece.logprobs
        before, more = self._model_logprobs[piece.sample], piece.model_logprob
        self._model_logprobs[piece.sample] = None if before is None or more is None else before + more
        if piece.finish_reason:
            self._finished.add(piece.sample)
        return self._texts[piece.sample].add(piece.token_ids) if self._texts else ""

    def completion(self, sample: int, finish_reason: str) -> Completion:
        ids, logprobs = tuple(self._ids[sample]), tuple(self._logprobs[sample])
        return Completion(ids, logprobs, finish_reason, 0, self._model_logprobs[sample])
