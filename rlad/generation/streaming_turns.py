"""Turns with a tool for requests that overlap: what the server plays with an engine (rlad/generation/turns.py)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace

from rlad.generation.base import Sampling
from rlad.generation.streaming import Piece, StreamingSampler
from rlad.generation.together import together
from rlad.generation.turns import STRIDE, Text, Turns, stretches


class StreamingTurns:
    """A streaming sampler that plays turns with another one; every sample goes on as soon as it may."""

    def __init__(self, inner: StreamingSampler, turns: Turns):
        self.inner, self.turns = inner, turns

    async def sample(
        self, prompt: list[int], count: int, sampling: Sampling, deltas: bool = False
    ) -> AsyncIterator[Piece]:
        texts = [Text(list(prompt), sampling.max_new_tokens) for _ in range(count)]
        inbox: asyncio.Queue[tuple[int, Piece] | asyncio.Task] = asyncio.Queue()
        tasks: set[asyncio.Task] = set()

        def send(numbers: Sequence[int]) -> None:
            task = asyncio.create_task(self._carry(texts, numbers, sampling, deltas, inbox))
            tasks.add(task)
            task.add_done_callback(inbox.put_nowait)

        send(range(count))
        try:
            while tasks:
                got = await inbox.get()
                if isinstance(got, asyncio.Task):
                    tasks.discard(got)
                    got.result()  # raises what went wrong with it
                    continue
                number, piece = got
                text = texts[number]
                text.write(piece.token_ids, piece.logprobs, piece.model_logprob)
                reply = text.turn(piece.finish_reason, self.turns) if piece.finish_reason else ()
                yield replace(piece, sample=number, finish_reason=text.reason)
                if piece.finish_reason and text.reason is None:
                    send([number])
                    known = (0.0,) * len(reply) if text.logprobs else ()
                    if reply:
                        yield Piece(number, reply, known, None, 0.0, given=True)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _carry(
        self, texts: list[Text], numbers: Sequence[int], sampling: Sampling, deltas: bool, inbox: asyncio.Queue
    ) -> None:
        """The pieces of a turn of texts that stand at the same place."""
        text = texts[numbers[0]]
        # The first turn is asked for as it would be without a tool; later ones of every sample have seeds of their own.
        turn = text.turns + numbers[0] * self.turns.turns(sampling.max_new_tokens) if text.turns else 0
        stop, seed = (*sampling.stop, *self.turns.ends), (sampling.seed + STRIDE * turn) % 2**31
        asked = replace(sampling, max_new_tokens=text.left, seed=seed, stop=stop)
        async with aclosing(self.inner.sample(text.context, len(numbers), asked, deltas)) as pieces:
            async for piece in pieces:
                inbox.put_nowait((numbers[piece.sample], piece))

    async def score(self, prompt: list[int], token_ids: Sequence[int]) -> float:
        """Of the text's own tokens, each stretch after all that stands before it."""
        parts = stretches(prompt, token_ids, self.turns)
        return sum(await together([self.inner.score(before, ids) for before, ids in parts]))
