"""NoThinking (2504.09858): the thought is declared finished before it begins."""

from __future__ import annotations

from rlad.config.registry import decoding
from rlad.generation.base import Sampling
from rlad.generation.decoding.base import (
    DecodingMethod,
    GrowingSequence,
    Marks,
    Trace,
    Writer,
    by_prompt,
    in_turn,
    traces_of,
)


def opening(marks: Marks) -> list[int]:
    """What is written before the model's own tokens: a thought that says that it is finished, and its end; where
    thoughts are not marked, what begins the answer.

    >>> thinks = Marks(close=(7,), cue=(8, 9), done=(5, 6), again=(), piece=str)
    >>> opening(thinks), opening(Marks(close=(), cue=(8, 9), done=(), again=(), piece=str))
    ([5, 6, 7], [8, 9])
    """
    return [*marks.done, *marks.close] if marks.close else list(marks.cue)


class _Opened(DecodingMethod):
    def begin(self, row: GrowingSequence) -> None:
        row.forced = opening(self.marks)


@decoding("nothinking", source="2504.09858")
def nothinking(writer: Writer, prompts: list[list[int]], samples: int, sampling: Sampling) -> list[list[Trace]]:
    """Samples that begin behind a thought which only says that it is finished: many of them for one thought's tokens.

    What is written for the model counts as its tokens.
    """
    rows = writer.write(in_turn(prompts, samples), _Opened(writer, sampling), sampling.max_new_tokens)
    return by_prompt(traces_of(rows), samples)
