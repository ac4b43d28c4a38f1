"""A teacher that writes critiques: any server with OpenAI's chat API, asked through httpx."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from rlad.cli import PlainError
from rlad.config import CritiqueConfig


class TeacherError(PlainError):
    """The teacher cannot be asked; the message is one plain sentence."""


def _passing(error: BaseException) -> bool:
    """Whether asking again may help: the line broke, or the server is busy."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code == 429 or error.response.status_code >= 500
    return isinstance(error, httpx.TransportError)


class Teacher:
    """Asks for one text per prompt, several requests at a time, each up to `attempts` times."""

    def __init__(self, config: CritiqueConfig, attempts: int = 4, pause: float = 1.0):
        self.config = config
        headers = {}
        if config.teacher_key:
            if config.teacher_key not in os.environ:
                raise TeacherError(f"The environment variable '{config.teacher_key}' (teacher_key) is not set.")
            headers["Authorization"] = f"Bearer {os.environ[config.teacher_key]}"
        url = config.teacher_url.rstrip("/") + "/"
        self._client = httpx.Client(base_url=url, headers=headers, timeout=config.teacher_timeout)
        self._retrying = Retrying(
            retry=retry_if_exception(_passing),
            stop=stop_after_attempt(attempts),
            wait=wait_exponential(multiplier=pause, max=30 * pause),
            reraise=True,
        )
        self._model = config.teacher_model

    def __call__(self, prompts: Sequence[str]) -> list[str]:
        """One answer per prompt, in order. Raises TeacherError when one cannot be had."""
        if not prompts:
            return []
        if not self._model:
            self._model = self._read(self._asked("GET", "models"), "data", 0, "id")
        with ThreadPoolExecutor(self.config.teacher_requests) as pool:
            return list(pool.map(self._ask, prompts))

    def _ask(self, prompt: str) -> str:
        body = {
            "model": self._model,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": self.config.max_new_tokens,
            "temperature": 0.0,
        }
        content = self._read(self._asked("POST", "chat/completions", json=body), "choices", 0, "message", "content")
        return (content or "").strip()

    def _asked(self, method: str, path: str, **content) -> dict:
        try:
            return self._retrying(self._request, method, path, **content)
        except (httpx.HTTPError, ValueError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise TeacherError(
                f"The teacher at {self.config.teacher_url} did not answer: {reason.rstrip('.')}."
            ) from error

    def _read(self, answer, *path):
        """What stands at a path in an answer. Raises TeacherError for a server with another API."""
        try:
            for key in path:
                answer = answer[key]
        except (KeyError, IndexError, TypeError) as error:
            where = ".".join(map(str, path))
            raise TeacherError(
                f"The teacher at {self.config.teacher_url} does not answer as OpenAI's API does: no '{where}'."
            ) from error
        return answer

    def _request(self, method: str, path: str, **content) -> dict:
        response = self._client.request(method, path, **content)
        response.raise_for_status()
        return response.json()

    def close(self) -> None:
        self._client.close()
