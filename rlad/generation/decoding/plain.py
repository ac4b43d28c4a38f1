"""Plain sampling as a decoding method: the condition beside which the others stand."""

from __future__ import annotations

from rlad.config.registry import decoding
from rlad.generation.base import Sampling
from rlad.generation.decoding.base import DecodingMethod, Trace, Writer, by_prompt, in_turn, traces_of


@decoding("plain")
def plain(writer: Writer, prompts: list[list[int]], samples: int, sampling: Sampling) -> list[list[Trace]]:
    """Independent samples, one vote each."""
    rows = writer.write(in_turn(prompts, samples), DecodingMethod(writer, sampling), sampling.max_new_tokens)
    return by_prompt(traces_of(rows), samples)
