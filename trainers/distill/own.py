"""The base model itself as teacher or solver, in this process."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from rlad.chat_model import Reply
from rlad.cli import PlainError
from rlad.config import RunConfig
from rlad.generation.base import Sampling


class OwnModel:
    """The model of `base.path`, asked in users' messages; one request at a time, its samples in one batch."""

    untold = ()

    def __init__(self, run: RunConfig):
        from rlad.players.prompts import Prompts
        from rlad.players.roles import Task
        from rlad.reasoning.pair import open_pair  # torch is loaded where a model is

        if run.base.path is None:
            raise PlainError("distill needs models: set distill.teacher.url and distill.solver.url, or base.path.")
        run = replace(run, engine=replace(run.engine, kind="transformers"))
        reasoner = open_pair(run, None, run.base.path)
        self._sampler, self.name, self._turn = reasoner.solver, run.base.path, asyncio.Lock()
        self._prompts = Prompts(reasoner.solve_prompts.tokenizer, tasks={"ask": Task("{question}", "{question}")})

    async def begin(self) -> None:
        """The model is there already."""

    async def complete(self, body: dict[str, Any]) -> Reply:
        """See `Model`."""
        prompt = self._prompts.ids("ask", body["messages"][0]["content"])
        sampling = Sampling(body["temperature"], body["max_tokens"], body["seed"])
        async with self._turn:
            found = await asyncio.to_thread(self._sampler.generate, [prompt] * body["n"], sampling)
        texts = [self._prompts.completion_text(list(one.token_ids), "ask") for one in found]
        return Reply(texts, len(prompt), sum(len(one.token_ids) for one in found))

    async def close(self) -> None:
        """Frees the model."""
        self._sampler.close()
