"""Texts that are written in turns: the player calls its world's tool, the reply is put into its context, it goes on.

`TurnSampler` plays turns with any sampler of whole batches, `StreamingTurns` (streaming_turns.py) with any sampler of
overlapping requests. A text's tokens are those that the player has sampled and those that it was given; a completion
says which (`Completion.given`), and only its own count as generated, are paid for from its budget and are learnt from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from rlad.generation.base import Completion, Sampler, Sampling, Span, numbered
from rlad.players.marks import Marks
from rlad.problems.base import Tool

if TYPE_CHECKING:
    import torch

STRIDE = 1_000_003
"""Between the seeds of one turn and the next."""


class Turns:
    """A tool in the tokens of a player."""

    def __init__(self, tool: Tool, tokenizer):
        """Raises ConfigError where the player's tokenizer cannot be used with it."""
        self.tool, self.marks, self.calls = tool, Marks(tool, tokenizer), tool.calls
        self.ends, self.ended, self.reply = self.marks.ends, self.marks.ended, self.marks.reply

    @property
    def most(self) -> int:
        """Most tokens that a text is given."""
        return self.calls * self.marks.room

    def turns(self, most: int) -> int:
        """Most turns of a text of so many tokens of its own: where the mark is split, every token may end one."""
        return self.calls + 1 + (most if self.marks.split else 0)

    def given(self, ids: Sequence[int]) -> tuple[Span, ...]:
        """Which tokens of a whole text are the tool's: where a call is followed by what the tool says to it.

        The same call has the same reply, so a text of a player's, or a demonstration, tells by itself.
        """
        found: list[Span] = []
        begin = 0
        for place, token in enumerate(ids):
            if token not in self.ends or place < begin or len(found) == self.calls:
                continue
            if not self.ended(ids[begin : place + 1]):
                continue
            reply = self.reply(ids[begin : place + 1])
            if tuple(ids[place + 1 : place + 1 + len(reply)]) == reply:
                begin = place + 1 + len(reply)
                found.append((place + 1, begin))
        return tuple(found)


@dataclass
class Text:
    """A text while it is written."""

    prompt: list[int]
    most: int
    """Tokens of its own that it may have."""
    number: int = 0
    """In its seed's stream, in every turn."""
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    given: list[Span] = field(default_factory=list)
    model_logprob: float | None = 0.0
    version: int = 0
    turns: int = 0
    """That it has behind it."""
    reason: str | None = None
    """None while it is not finished."""

    @property
    def left(self) -> int:
        return self.most - len(self.ids) + sum(end - begin for begin, end in self.given)

    @property
    def context(self) -> list[int]:
        return [*self.prompt, *self.ids]

    def write(self, ids: Sequence[int], logprobs: Sequence[float], model_logprob: float | None) -> None:
        """Adds tokens of its own."""
        self.ids += ids
        self.logprobs += logprobs
        known = self.model_logprob is not None and model_logprob is not None
        self.model_logprob = self.model_logprob + model_logprob if known else None

    def turn(self, reason: str, turns: Turns) -> tuple[int, ...]:
        """After a turn that ended for a sampler's `reason`: puts the tool's reply behind a call and returns it, or
        finishes the text. A call that comes when no calls or no tokens are left ends it as too long; a token that may
        end a call, and did not, ends nothing."""
        self.turns += 1
        begin = self.given[-1][1] if self.given else 0
        if reason != "stop" or self.ids[-1] not in turns.ends:
            self.reason = reason
        elif not self.left:
            self.reason = "length"
        elif turns.ended(self.ids[begin:]):
            if len(self.given) == turns.calls:
                self.reason = "length"
                return ()
            reply = turns.reply(self.ids[begin:])
            self.given.append((len(self.ids), len(self.ids) + len(reply)))
            self.ids += reply
            self.logprobs += [0.0] * len(reply) if self.logprobs else []
            return reply
        return ()

    @property
    def completion(self) -> Completion:
        return Completion(
            tuple(self.ids), tuple(self.logprobs), self.reason, self.version, self.model_logprob, tuple(self.given)
        )


class TurnSampler:
    """A sampler that plays turns with another one, all texts of a batch together."""

    def __init__(self, inner: Sampler, turns: Turns):
        self.inner, self.turns = inner, turns

    @property
    def version(self) -> int:
        return self.inner.version

    @property
    def adapters(self) -> bool:
        return self.inner.adapters

    def generate(self, prompts: list[list[int]], sampling: Sampling) -> list[Completion]:
        """`sampling.max_new_tokens` are a text's own; the first turn's seeds are those of `sampling`, and no
        turn's depend on which other texts go on."""
        numbers = [number for _, number in sampling.streams(len(prompts))]
        texts = [Text(list(own), sampling.max_new_tokens, number) for own, number in zip(prompts, numbers, strict=True)]
        parts = [(own, alone.seed) for own, alone in sampling.apart(texts)]
        turn = 0
        while parts:
            self._turn(parts, sampling, turn)
            parts = [([text for text in own if text.reason is None], seed) for own, seed in parts]
            parts, turn = [(own, seed) for own, seed in parts if own], turn + 1
        return [text.completion for text in texts]

    def _turn(self, parts: list[tuple[Sequence[Text], int]], sampling: Sampling, turn: int) -> None:
        """One turn of all unfinished texts. Those with fewer tokens left than others are cut."""
        texts = [text for own, _ in parts for text in own]
        streams = tuple((len(own), seed + turn * STRIDE) for own, seed in parts)
        asked = replace(
            sampling,
            max_new_tokens=max((text.left for text in texts), default=sampling.max_new_tokens),
            seed=streams[0][1],
            parts=streams if len(streams) > 1 else (),
            numbers=(),
            stop=(*sampling.stop, *self.turns.ends),
        )
        begun = [text.context for text in texts]
        written = self.inner.generate(begun, numbered(asked, [text.number for text in texts]))
        cut = [i for i, (text, own) in enumerate(zip(texts, written, strict=True)) if len(own.token_ids) > text.left]
        kept = [own.token_ids[: text.left] for text, own in zip(texts, written, strict=True)]
        known = [i for i in cut if written[i].model_logprob is not None]
        scores = self.inner.score([begun[i] for i in known], [kept[i] for i in known]) if known else []
        rescored = dict(zip(known, scores, strict=True))
        for i, (text, own) in enumerate(zip(texts, written, strict=True)):
            text.version = own.version
            text.write(kept[i], own.logprobs[: text.left], rescored.get(i, own.model_logprob))
            text.turn("length" if i in cut else own.finish_reason, self.turns)

    def score(self, prompts: list[list[int]], completions: Sequence[Sequence[int]]) -> list[float]:
        """Of a completion's own tokens, each stretch after all that stands before it."""
        parts = [stretches(prompt, ids, self.turns) for prompt, ids in zip(prompts, completions, strict=True)]
        flat = [stretch for own in parts for stretch in own]
        scores = iter(self.inner.score([before for before, _ in flat], [ids for _, ids in flat]))
        return [sum(next(scores) for _ in own) for own in parts]

    def load_weights(self, source: Iterable[tuple[str, torch.Tensor]], version: int) -> None:
        self.inner.load_weights(source, version)

    def differing(self, expected: Mapping[str, int]) -> list[str]:
        return self.inner.differing(expected)

    def sleep(self) -> None:
        self.inner.sleep()

    def wake(self) -> None:
        self.inner.wake()

    def close(self) -> None:
        self.inner.close()


def stretches(prompt: Sequence[int], ids: Sequence[int], turns: Turns) -> list[tuple[list[int], list[int]]]:
    """(what stands before it, tokens) of every stretch of a text that the player wrote itself."""
    ends = [(0, 0), *turns.given(ids), (len(ids), len(ids))]
    own = [(begin, end) for (_, begin), (end, _) in pairwise(ends)]
    return [([*prompt, *ids[:begin]], list(ids[begin:end])) for begin, end in own if end > begin]


def in_turns(sampler: Sampler, tool: Tool | None, tokenizer) -> Sampler:
    """The sampler as it is, or playing turns where there is a tool."""
    return sampler if tool is None else TurnSampler(sampler, Turns(tool, tokenizer))
