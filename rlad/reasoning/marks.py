"""Where a player's thoughts end and its answers begin, in its own tokens: what decoding methods work with."""

from __future__ import annotations

from functools import lru_cache

from rlad.generation.decoding.base import BOX, Marks
from rlad.players.plain import THINK
from rlad.players.prompts import Prompts

CUE = f"\n\nThe final answer is {BOX}"
DONE = "Okay, I think I have finished thinking.\n"
"""Of NoThinking's authors (2504.09858)."""
AGAIN = "Wait"
WORLD_AGAIN = ";"
"""Between two steps of a world's solution."""


def marks_of(prompts: Prompts, task: str = "plain") -> Marks:
    """The marks of a player that solves by a task: a world's, those of a model with tags around its thoughts, or those
    of one that just writes."""
    piece = lru_cache(65536)(lambda token: prompts.tokenizer.decode([token]))

    def ids(text: str) -> tuple[int, ...]:
        return tuple(prompts.plain([(text, None)])) if text else ()

    if prompts.world:
        known = WORLD_AGAIN in prompts.tokenizer.get_vocab()
        return Marks((), ids(BOX), (), ids(WORLD_AGAIN) if known else (), piece)
    opening = prompts.opening(task)
    tag = THINK.match(opening)[2] if opening else "think" if thinks(prompts.tokenizer) else None
    if tag is None:
        return Marks((), ids(CUE), (), ids(AGAIN), piece)
    begun = "" if opening else f"<{tag}>\n"
    return Marks(ids(f"</{tag}>"), ids(CUE), ids(begun + DONE), ids(AGAIN), piece)


def thinks(tokenizer) -> bool:
    """Whether a tokenizer has a token that closes a thought."""
    return "</think>" in tokenizer.get_vocab()
