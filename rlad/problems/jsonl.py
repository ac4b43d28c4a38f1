"""Rows of JSON files as they stand: every value keeps the type that the file gives it."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from rlad.problems.base import ProblemError

Row = dict[str, Any]


def json_lines(path: str | Path, name: str | None = None) -> Iterator[tuple[str, Row]]:
    """Pairs ("line 3", row) of a file with one JSON object per line; errors call the file `name`.

    Raises ProblemError with the line's number.
    """
    name = name or str(path)
    with _opened(path, name) as lines:
        for number, line in enumerate(lines, 1):
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")  # a byte order mark is no part of the first row
            if not line.strip():
                continue
            row = _parsed(line, f"Line {number} of '{name}'")
            if not isinstance(row, dict):
                raise ProblemError(f"Line {number} of '{name}' is not a JSON object.")
            yield f"line {number}", row


def json_rows(path: str | Path, field: str | None, name: str) -> Iterator[Row]:
    """The rows of a file that is one JSON array, an object that holds one under `field`, or one object per line."""
    with _opened(path, name) as file:
        content = file.read().removeprefix(b"\xef\xbb\xbf")
    if field is None and not content.lstrip().startswith(b"["):
        yield from (row for _, row in json_lines(path, name))
        return
    rows = _parsed(content, f"'{name}'")
    if field is not None:
        rows = rows.get(field) if isinstance(rows, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ProblemError(f"'{name}' is not a list of JSON objects.")
    yield from rows


@contextmanager
def _opened(path: str | Path, name: str) -> Iterator[IO[bytes]]:
    """A file's bytes, uncompressed where its first two are gzip's. Raises ProblemError for a broken archive."""
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not packed:
            yield file
            return
        try:
            with gzip.open(file) as content:
                yield content
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ProblemError(f"'{name}' is no whole gzip file: {error}.") from error


def _parsed(content: bytes, what: str) -> Any:
    try:
        return json.loads(content)
    except UnicodeDecodeError as error:
        raise ProblemError(f"{what} is not UTF-8 text.") from error
    except json.JSONDecodeError as error:
        raise ProblemError(f"{what} is not JSON: {error.msg}.") from error
    except ValueError as error:
        raise ProblemError(f"{what} holds a number of too many digits; write it as text.") from error
    except RecursionError as error:
        raise ProblemError(f"{what} is nested too deeply.") from error
