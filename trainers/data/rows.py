"""A row: one sampled or demonstrated sequence to learn from. Credit gives it advantages, a learner learns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from rlad.generation.base import Span


@dataclass(frozen=True)
class Row:
    """One sequence to learn from; completions have at least one token."""

    prompt: tuple[int, ...]
    completion: tuple[int, ...]
    advantage: float = 0.0
    """Shared by all tokens, unless `token_advantages` says otherwise."""
    pg_weight: float = 1.0
    """0 on bare prompts: no policy gradient."""
    kl_weight: float = 1.0
    bare: bool = False
    copies: int = 1
    """How many samples this row stands for; it weighs as much as they would."""
    token_advantages: tuple[float, ...] | None = None
    """One advantage per token, instead of the shared one."""
    shaping: float = 0.0
    """gamma of the shaped ratio p / (p + gamma), for a text that was not written under this prompt; 0 = an ordinary
    sample."""
    distillation: float = 0.0
    """Coefficient of -A * log p for a text that was written under another prompt: beside the step's loss, in no other
    count or mean of it; 0 = an ordinary sample."""
    sampler_logprobs: tuple[float, ...] | None = None
    """The sampler's log-prob of each token, nats; only carried for methods that need it, as alike rows merge."""
    given: tuple[Span, ...] = ()
    """Which of the completion's tokens a tool has put there: they are read, and nothing is learnt from them."""

    @property
    def length(self) -> int:
        """Tokens of the completion that its player wrote.

        >>> Row((1,), (2, 3, 4), given=((1, 2),)).length
        2
        """
        return len(self.completion) - sum(end - begin for begin, end in self.given)

    @property
    def per_token(self) -> tuple[float, ...]:
        """The advantage of every token.

        >>> Row((1,), (2, 3), 0.5).per_token, Row((1,), (2, 3), 0.5, token_advantages=(1.0, 0.0)).per_token
        ((0.5, 0.5), (1.0, 0.0))
        """
        return self.token_advantages or (self.advantage,) * len(self.completion)


def merged(rows: list[Row]) -> list[Row]:
    """Samples that are alike in everything become one row with their number: the same loss for less work.

    >>> [row.copies for row in merged([Row((1,), (2,), 0.5), Row((1,), (3,), 0.5), Row((1,), (2,), 0.5)])]
    [2, 1]
    """
    return [replace(row, copies=copies) for row, copies in Counter(rows).items()]
