"""A teacher that writes critiques: any server with OpenAI's chat API."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from rlad.chat_model import HttpModel
from rlad.config import CritiqueConfig
from rlad.generation.together import together


class Teacher:
    """Asks for one text per prompt, several requests at a time, each up to `attempts` times."""

    def __init__(self, config: CritiqueConfig, attempts: int = 4, pause: float = 1.0):
        self.config = config
        self._model = HttpModel(config.server(), attempts, pause, prefix="cotrain.critique.teacher_")
        self._loop = asyncio.Runner()

    def __call__(self, prompts: Sequence[str]) -> list[str]:
        """One answer per prompt, in order. Raises ModelDown when one cannot be had."""
        return self._loop.run(self._answers(prompts)) if prompts else []

    async def _answers(self, prompts: Sequence[str]) -> list[str]:
        await self._model.begin()
        return await together([self._answer(prompt) for prompt in prompts])

    async def _answer(self, prompt: str) -> str:
        messages = [{"role": "user", "content": prompt}]
        body = {"messages": messages, "n": 1, "temperature": 0.0, "max_tokens": self.config.max_new_tokens, "seed": 0}
        return (await self._model.complete(body)).texts[0].strip()

    def close(self) -> None:
        self._loop.run(self._model.close())
        self._loop.close()
