"""One player called alone: samples of one prompt."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from rlad.generation.base import Sampling
from rlad.reasoning.requests import Request
from rlad.reasoning.text import reader
from rlad.reasoning.tree import BARE
from rlad.serving.metrics import Metrics
from rlad.serving.pair import Player


@dataclass(frozen=True)
class Said:
    """A part of one choice's text; `finish_reason` is set in its last part."""

    choice: int
    text: str
    finish_reason: str | None


class Alone:
    """`count` samples of a player's prompt, and what they cost."""

    def __init__(self, player: Player, prompt: list[int], count: int, sampling: Sampling, metrics: Metrics):
        self.player, self.prompt, self.count, self.sampling, self.metrics = player, prompt, count, sampling, metrics
        self.generated = 0
        self.prefilled = len(prompt)

    async def parts(self, deltas: bool) -> AsyncIterator[Said]:
        """The choices' text, in parts with `deltas`. Closing it cancels the request."""
        decode = reader(self.player.prompts)
        request = Request(self.player.role, BARE, 0, self.prompt, self.count, self.sampling.max_new_tokens, decode)
        try:
            async with aclosing(self.player.sampler.sample(self.prompt, self.count, self.sampling, deltas)) as pieces:
                async for piece in pieces:
                    text = request.add(piece)
                    if piece.given:
                        self.prefilled += len(piece.token_ids)
                    else:
                        self.generated += len(piece.token_ids)
                    if text or piece.finish_reason:
                        yield Said(piece.sample, text, piece.finish_reason)
        finally:
            self.metrics.count_tokens(self.player.role, self.prefilled, self.generated)

    async def run(self) -> list[tuple[str, str]]:
        """(text, finish reason) of every choice."""
        texts, reasons = [""] * self.count, ["length"] * self.count
        async with aclosing(self.parts(deltas=False)) as parts:
            async for said in parts:
                texts[said.choice] += said.text
                reasons[said.choice] = said.finish_reason or reasons[said.choice]
        return list(zip(texts, reasons, strict=True))
