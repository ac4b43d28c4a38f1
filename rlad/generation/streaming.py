"""The seam for requests that overlap: what the server asks of a sampler, one prompt at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from rlad.generation.base import Certainty, Completion, Sampling


@dataclass(frozen=True)
class Piece:
    """A part of one sample, in order. A sampler may give a sample in one piece."""

    sample: int
    """Which of the prompt's samples, from 0."""
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    """log p of each token, nats; empty where the sampler gives none."""
    finish_reason: str | None = None
    """stop or length in a sample's last piece, None before."""
    model_logprob: float | None = None
    """log p of these tokens under the model itself, at temperature 1 whatever they were sampled at, nats; None where
    the engine cannot tell."""
    given: bool = False
    """Whether a tool has put these tokens there; they are no sampler's."""
    certainty: Certainty | None = None
    """Of the whole sample, in its last piece; None where the sampler gives none."""


def pieces_of(sample: int, completion: Completion) -> list[Piece]:
    """A whole completion in pieces, those that a tool has put there apart. Its `model_logprob` comes with the last one.

    >>> text = Completion((5, 6, 7), (-1.0, 0.0, -2.0), "stop", 0, -3.0, given=((1, 2),))
    >>> [(piece.token_ids, piece.given, piece.finish_reason, piece.model_logprob) for piece in pieces_of(0, text)]
    [((5,), False, None, 0.0), ((6,), True, None, 0.0), ((7,), False, 'stop', -3.0)]
    """
    edges = [0, *(edge for span in completion.given for edge in span), len(completion.token_ids)]
    parts = [(begin, end, bool(i % 2)) for i, (begin, end) in enumerate(pairwise(edges))]
    parts = [part for part in parts if part[0] < part[1]] or [(0, 0, False)]
    return [
        Piece(
            sample,
            completion.token_ids[begin:end],
            completion.logprobs[begin:end],
            completion.finish_reason if last else None,
            completion.model_logprob if last or completion.model_logprob is None else 0.0,
            given,
            completion.certainty if last else None,
        )
        for (begin, end, given), last in zip(parts, [*[False] * (len(parts) - 1), True], strict=True)
    ]


class StreamingSampler(Protocol):
    """A sampler for one player that many callers use at once, from one event loop."""

    def sample(self, prompt: list[int], count: int, sampling: Sampling, deltas: bool = False) -> AsyncIterator[Piece]:
        """`count` samples of one prompt. With `deltas`, pieces arrive while samples are written, where it can.

        Closing the iterator abandons what is unfinished. Raises SamplerDown or PromptRefused.
        """

    async def score(self, prompt: list[int], token_ids: Sequence[int]) -> float:
        """log p of given tokens after a prompt under the model itself, at temperature 1, nats. Raises as `sample`."""


class SamplerDown(RuntimeError):
    """The sampler does not answer now; it may be starting again."""


class PromptRefused(ValueError):
    """The sampler will not take this prompt, say because it is too long. The message says why."""
