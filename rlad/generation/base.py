"""The seam between reasoning and the thing that samples: token ids in, token ids out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:  # a process that only watches another need not load torch
    import torch


Span = tuple[int, int]
"""Places begin..end - 1 of a completion's tokens."""


def outside(values: Sequence, spans: Sequence[Span]) -> tuple:
    """The values at the places that no span covers; the spans are in order.

    >>> outside("abcdef", ((1, 3), (4, 5))), outside("abc", ())
    (('a', 'd', 'f'), ('a', 'b', 'c'))
    """
    kept, begin = [], 0
    for start, end in (*spans, (len(values), len(values))):
        kept += values[begin:start]
        begin = end
    return tuple(kept)


class Certainty(NamedTuple):
    """How sure a model was along one text, at temperature 1; higher = surer. Nats (rlad/generation/certainty.py)."""

    divergence: float
    """Self-certainty (2502.18581): mean over tokens of KL(uniform || p); 0 = it had no idea."""
    mean: float
    """Mean over tokens of DeepConf's confidence (2508.15260), the negative mean log-prob of the 20 likeliest tokens."""
    lowest: float
    """The same over the window where it is lowest."""
    bottom: float
    """The same over the tenth of all windows in which it is lowest, at least one."""
    tail: float
    """The same over the last window."""


@dataclass(frozen=True)
class Sampling:
    """How to sample: the full distribution at one temperature, as training needs it (no top-p, no top-k)."""

    temperature: float = 1.0
    """0 = greedy."""
    max_new_tokens: int = 64
    seed: int = 0
    parts: tuple[tuple[int, int], ...] = ()
    """Of several calls in one: how many of the prompts are each one's, and its seed. All are decoded together, and each
    draws what it would by itself."""
    numbers: tuple[int, ...] = ()
    """Of every prompt its number among those of its seed, where that is not its place among them. Engines seed every
    request by it; a sampler that draws a whole batch from one generator has no use for it."""
    stop: tuple[int, ...] = ()
    """Tokens that end a completion, beside those that always do."""
    certainty: int = 0
    """Tokens of a window over which a completion's certainty is measured, where the sampler can; 0 = not measured."""

    def apart(self, prompts: Sequence) -> list[tuple[Sequence, Sampling]]:
        """Every part's prompts with a sampling of its own.

        >>> Sampling(1.0, 8, parts=((2, 5), (1, 6))).apart("abc") == [
        ...     ("ab", Sampling(1.0, 8, 5)), ("c", Sampling(1.0, 8, 6))]
        True
        """
        found, start = [], 0
        for count, seed in self.parts or ((len(prompts), self.seed),):
            numbers = self.numbers[start : start + count]
            found.append((prompts[start : start + count], replace(self, seed=seed, parts=(), numbers=numbers)))
            start += count
        return found

    def streams(self, count: int) -> list[tuple[int, int]]:
        """The seed of every request, and its number among those of that seed.

        >>> Sampling(parts=((2, 5), (1, 6))).streams(3), Sampling(seed=4).streams(2)
        ([(5, 0), (5, 1), (6, 0)], [(4, 0), (4, 1)])
        >>> Sampling(numbers=(3, 4, 9), parts=((2, 5), (1, 6))).streams(3)
        [(5, 3), (5, 4), (6, 9)]
        """
        return [
            (own.seed, number) for part, own in self.apart(range(count)) for number in own.numbers or range(len(part))
        ]


def numbered(sampling: Sampling, numbers: Sequence[int]) -> Sampling:
    """A sampling whose requests have these numbers in their seeds' streams."""
    places = [number for _, number in replace(sampling, numbers=()).streams(len(numbers))]
    return replace(sampling, numbers=() if list(numbers) == places else tuple(numbers))


@dataclass(frozen=True)
class Completion:
    """One sampled continuation."""

    token_ids: tuple[int, ...]
    """Includes the end-of-sequence token when it was sampled."""
    logprobs: tuple[float, ...]
    """log p of each token under the sampling distribution (temperature applied), nats."""
    finish_reason: str
    """stop (end-of-sequence) or length."""
    version: int
    """Of the weights that sampled it."""
    model_logprob: float | None = None
    """log p of the whole continuation under the model itself, at temperature 1 whatever it was sampled at, nats; None
    where the sampler cannot tell."""
    given: tuple[Span, ...] = ()
    """Which of its tokens a tool has put there (rlad/generation/turns.py), in order; their log-probs are 0, and nothing
    else of them counts as the sampler's."""
    certainty: Certainty | None = None
    """None where nobody asked, where a tool wrote in between, or where the sampler does not see whole distributions."""

    @property
    def generated(self) -> int:
        """Tokens that were sampled.

        >>> Completion((5, 6, 7), (-1.0, 0.0, -1.0), "stop", 0, given=((1, 2),)).generated
        2
        """
        return len(self.token_ids) - sum(end - begin for begin, end in self.given)


def untempered(logprobs: Sequence[float], temperature: float) -> float | None:
    """What a sampler that only reports the sampling distribution (nats by token) can say of `model_logprob`.

    >>> untempered([-0.25, -0.5], temperature=1.0), untempered([-0.25, -0.5], temperature=0.3)
    (-0.75, None)
    """
    return sum(logprobs) if logprobs and temperature == 1 else None


class SamplerFailed(RuntimeError):
    """A sampler could not be started, ended, hung, or could not take new weights. Says which sampler and why."""


class Stream(Protocol):
    """Requests to one sampler that are taken while others run, each answered as soon as it has ended."""

    def send(self, keys: Sequence, prompts: list[list[int]], sampling: Sampling) -> None:
        """Begins a completion of each prompt; a key comes back with each. Does not wait."""

    def close(self) -> None:
        """Abandons what has not ended."""


class Sampler(Protocol):
    """A sampler for one player.

    One that takes requests while others run also has `stream(ended) -> Stream`. Of every request it calls `ended(key,
    completion)`, or once `ended(None, error)`, in a thread of its own.
    """

    version: int
    adapters: bool
    """Whether new weights are those of the player's adapter alone (rlad/players/adapters.py), not of a whole model."""

    def generate(self, prompts: list[list[int]], sampling: Sampling) -> list[Completion]:
        """One completion per prompt, in order; identical prompts share their prefill."""

    def score(self, prompts: list[list[int]], completions: Sequence[Sequence[int]]) -> list[float]:
        """log p of each given completion (token ids, its end included) after its prompt, nats, at temperature 1."""

    def load_weights(self, source: Iterable[tuple[str, torch.Tensor]], version: int) -> None:
        """Takes new weights, given as (name, full tensor) pairs."""

    def differing(self, expected: Mapping[str, int]) -> list[str]:
        """Names of published tensors whose checksum is not the `expected` one (rlad/generation/checksums.py) in here.

        Empty for a rank whose engine another rank sends weights to: that one asks.
        """

    def sleep(self) -> None:
        """Frees what it can between rollouts."""

    def wake(self) -> None:
        """Makes the sampler ready to generate again."""

    def close(self) -> None:
        """Ends everything the sampler started."""
