"""The seam for requests that overlap: what the server asks of a sampler, one prompt at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from rlad.generation.base import Sampling


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
