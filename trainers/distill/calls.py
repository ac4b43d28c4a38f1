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
        """`path`: the file; what its calls took is counted from the start, whether this run asks for them or not."""
        self.models, self.kept, self.spent = models, {}, Counter()
        for row in _rows(path):
            self._count(row)
        self._under_way: dict[str, asyncio.Future] = {}
        self._file = path.open("a")

    async def ask(self, role: str, message: str, n: int, temperature: float, max_tokens: int, seed: int) -> list[str]:
        """`n` answers of a role's model to a message; from the file where the same was asked before."""
        messages = [{"role": "user", "content": message}]
        body = {"messages": messages, "n": n, "temperature": temperature, "max_tokens": max_tokens, "seed": seed}
        model = self.models[role]
        asked = [model.name, body, *([list(model.untold)] if model.untold else [])]
        key = hashlib.blake2b(json.dumps(asked, sort_keys=True).encode(), digest_size=16).hexdigest()
        if key in self._under_way:
            await self._under_way[key]
        elif key not in self.kept:
            self._under_way[key] = asyncio.get_running_loop().create_future()
            try:
                self._keep(key, role, await model.complete(body))
            finally:
                self._under_way.pop(key).set_result(None)
        return self.kept[key]

    def _count(self, row: dict) -> None:
        """Keeps the texts of a call, and counts what it took for the role that made it."""
        self.kept[row["key"]], role = row["texts"], row.get("role")  # older files do not say it
        self.spent.update({(role, "calls"): 1, (role, "in"): row["in"], (role, "out"): row["out"]})

    def _keep(self, key: str, role: str, reply: Reply) -> None:
        tokens = {"in": reply.prompt_tokens, "out": reply.generated_tokens}
        row = {"key": key, "role": role, "texts": reply.texts} | tokens
        self._count(row)
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()  # what is written survives the death of this process; only the machine's own could lose it

    def close(self) -> None:
        self._file.close()


def _rows(path: Path) -> list[dict]:
    """The calls of a file. A last line without an end is cut off, so that the next one does not continue it."""
    if not path.exists():
        return []
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(path, len(whole))
    return [json.loads(line) for line in whole.splitlines()]
