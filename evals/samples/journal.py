"""The journal of a sweep: what every sampling job gave, written as it ends, so that nothing is drawn twice.

A sweep samples in jobs, each a few problems under one condition, and a job's seed is its place among the test problems.
So a job gives the same whichever process runs it, and a killed sweep or one that several machines share differs in
nothing from one that ran through. `sweep_shards/3_of_8.journal` holds the jobs of shard 3 of 8, one a line, each behind
its checksum; the first line says what they were sampled from.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from rlad.cli import PlainError

FOLDER = "sweep_shards"


@dataclass(frozen=True)
class Shard:
    """One part of a sweep's test problems."""

    number: int = 1
    """1 to `of`."""
    of: int = 1

    @classmethod
    def parse(cls, words: str) -> Shard:
        """Reads `3/8`. Raises PlainError for anything that is no part of a whole.

        >>> Shard.parse("3/8")
        Shard(number=3, of=8)
        """
        found = re.fullmatch(r"(\d{1,4})/(\d{1,4})", words)
        if not found or not 1 <= int(found[1]) <= int(found[2]):
            raise PlainError(f"A shard is one of several, such as 3/8, not '{words}'.")
        return cls(int(found[1]), int(found[2]))

    def owns(self, chunk: int) -> bool:
        """Whether the test problems of the chunk-th job (from 0) are this shard's.

        >>> [chunk for chunk in range(6) if Shard(2, 3).owns(chunk)]
        [1, 4]
        """
        return chunk % self.of == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def path(self, folder: Path) -> Path:
        """Its journal in a run folder."""
        return folder / FOLDER / f"{self.number}_of_{self.of}.journal"


@dataclass
class Journal:
    """The jobs of one shard by name, as they stand in its file."""

    path: Path
    head: dict[str, Any]
    jobs: dict[str, str] = field(default_factory=dict)
    """Name -> its records as JSON."""

    @classmethod
    def read(cls, path: Path, defaults: Mapping[str, Any] | None = None) -> Journal:
        """The journal in a file; a last line that was not finished is left out. Settings that are younger than it have
        their `defaults`.

        Raises PlainError where there is none, and for a line that is not what was written.
        """
        if not path.is_file():
            raise PlainError(f"There is no '{path}'.")
        lines = list(_bodies(path))
        if not lines:
            raise PlainError(f"'{path}' is empty or no journal of a sweep; remove it and sample its shard again.")
        found = cls(path, json.loads(lines[0]))
        if defaults:
            found.settle(defaults)
        for body in lines[1:]:
            name, _, records = body.partition("\t")
            found.jobs[name] = records
        return found

    @classmethod
    def begin(cls, path: Path, head: dict[str, Any], defaults: Mapping[str, Any] | None = None) -> Journal:
        """The journal in a file, to be gone on with where it was sampled from the same; else a new one, and that other
        one is kept beside it and named on stderr. `defaults` as in `read`."""
        if path.is_file() and path.stat().st_size:
            known = cls.read(path, defaults)
            parted = differences(known.head, head)
            if not parted:
                known._drop_unfinished()
                return known
            if known.jobs:
                kept = known._set_aside()
                print(f"'{path}' was sampled otherwise ({'; '.join(parted)}): kept as '{kept.name}'.", file=sys.stderr)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_line(json.dumps(head, sort_keys=True)), encoding="utf-8")
        return cls(path, head)

    def settle(self, defaults: Mapping[str, Any]) -> None:
        """Settings that are younger than the journal have their `defaults`; in memory alone."""
        self.head["settings"] = {**defaults, **self.head.get("settings", {})}

    def add(self, name: str, records: Sequence[Any]) -> None:
        """Writes what a job gave; it is on the disk when this returns."""
        text = json.dumps(records, ensure_ascii=False, separators=(",", ":"))
        with self.path.open("a", encoding="utf-8", errors="surrogatepass") as file:
            file.write(_line(f"{name}\t{text}"))
        self.jobs[name] = text

    def _set_aside(self) -> Path:
        """Frees the file's name; returns the one that it has now."""
        names = (self.path.with_name(f"{self.path.name}.{number}") for number in count(1))
        return self.path.rename(next(name for name in names if not name.exists()))

    def _drop_unfinished(self) -> None:
        """Cuts off the last line where a killed process left it half written."""
        content = self.path.read_bytes()
        self.path.write_bytes(content[: content.rfind(b"\n") + 1])


def _line(body: str) -> str:
    return f"{_checksum(body)} {body}\n"


def _checksum(body: str) -> str:
    return hashlib.blake2b(body.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _bodies(path: Path) -> Iterator[str]:
    content = path.read_bytes().split(b"\n")[:-1]  # behind the last line's end nothing stands, or what was cut off
    for number, raw in enumerate(content, start=1):
        try:
            checksum, _, body = raw.decode("utf-8", "surrogatepass").partition(" ")
        except UnicodeDecodeError:
            checksum, body = "", ""
        if checksum != _checksum(body):
            raise PlainError(
                f"'{path}' is damaged in line {number}: it is not what was written there. Remove the file and sample "
                "its shard again."
            )
        yield body


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """In words: what parts the heads of two journals, that is, what their samples were drawn from.

    >>> settings = {"sweep.plain_samples": 16, "seed": 0}
    >>> differences({"settings": settings, "problems": "a"}, {"settings": settings | {"seed": 1}, "problems": "b"})
    ['seed is 0 and 1', 'the problems differ']
    """
    ours, theirs = one.get("settings", {}), other.get("settings", {})
    found = [
        f"{key} is {ours.get(key)} and {theirs.get(key)}"
        for key in sorted(ours.keys() | theirs.keys())
        if ours.get(key) != theirs.get(key)
    ]
    return found + [f"the {name} differ" for name in ("problems", "models") if one.get(name) != other.get(name)]
