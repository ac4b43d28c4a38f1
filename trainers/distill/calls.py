"""Calls of models: kept by the hash of what was asked, so that none is made twice, and counted in tokens and money.

A finished call is one line of a file, written before its answer is used. A run that was killed reads the file and
asks only what is not in it; a half-written last line is asked again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections import Counter
from pathlib import Path

from rlad.chat_model import Model, Reply


class Calls:
    """The calls of a run to its models, by role: teacher and solver."""

    def __init__(self, path: Path, models: dict[str, Model]):
        self.models, self.kept, self.spent = models, _read(path), Counter()
        self.counted: set[str] = set()
        self._under_way: dict[str, asyncio.Future] = {}
        self._file = path.open("a")

    async def ask(self, role: str, message: str, n: int, temperature: float, max_tokens: int, seed: int) -> list[str]:
        """`n` answers of a role's model to a message; from the file where the same was asked before."""
        messages = [{"role": "user", "content": message}]
        body = {"messages": messages, "n": n, "temperature": temperature, "max_tokens": max_tokens, "seed": seed}
        model = self.models[role]
        key = hashlib.blake2b(json.dumps([model.name, body], sort_keys=True).encode(), digest_size=16).hexdigest()
        if key in self._under_way:
            await self._under_way[key]
        elif key not in self.kept:
            self._under_way[key] = asyncio.get_running_loop().create_future()
            try:
                self._keep(key, await model.complete(body))
            finally:
                self._under_way.pop(key).set_result(None)
        reply = self.kept[key]
        if key not in self.counted:
            self.counted.add(key)
            self.spent.update(
                {(role, "calls"): 1, (role, "in"): reply.prompt_tokens, (role, "out"): reply.generated_tokens}
            )
        return reply.texts

    def _keep(self, key: str, reply: Reply) -> None:
        self.kept[key] = reply
        row = {"key": key, "texts": reply.texts, "in": reply.prompt_tokens, "out": reply.generated_tokens}
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()  # what is written survives the death of this process; only the machine's own could lose it

    def close(self) -> None:
        self._file.close()


def _read(path: Path) -> dict[str, Reply]:
    """The calls of a file. A last line without an end is cut off, so that the next one does not continue it."""
    if not path.exists():
        return {}
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(path, len(whole))
    rows = map(json.loads, whole.splitlines())
    return {row["key"]: Reply(row["texts"], row["in"], row["out"]) for row in rows}
