"""Reading run folders: whatever of a run is there, as plain data. Nothing here knows how it was made."""

from __future__ import annotations

import gc
import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlad.cli import PlainError

ROLES = ("abstraction", "solution")


class RunError(PlainError, ValueError):
    """The folder cannot be read as a run; the message is one plain sentence."""


@dataclass
class Run:
    """What one run folder holds. Missing files leave empty fields."""

    path: Path
    config_text: str = ""
    """config.yaml as written."""
    warmstart: list[dict[str, Any]] = field(default_factory=list)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)
    sweep: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        return self.path.resolve().name


def require_different(paths: Sequence[str | Path]) -> None:
    """Raises RunError where a run is given twice: it is no second seed, and no interval comes of it."""
    places = [Path(path).resolve() for path in paths]
    for path, place in zip(paths, places, strict=True):
        if places.count(place) > 1:
            raise RunError(f"'{path}' is given more than once; a run counts as one seed.")


@contextmanager
def uncollected() -> Iterator[None]:
    """Without Python's garbage collector, where much is made of a run's rows and nothing of it holds a cycle.

    A collection looks at every dict that is alive, a million in ten thousand steps' rows, and comes again and again
    while more is made: nearly half the seconds of a page.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@uncollected()
def read_run(path: str | Path) -> Run:
    """Reads a run folder. Raises RunError when there is no such folder or nothing of a run in it."""
    folder = Path(path)
    if not folder.is_dir():
        raise RunError(f"There is no run folder '{path}'.")
    config = folder / "config.yaml"
    run = Run(
        path=folder,
        config_text=config.read_text() if config.is_file() else "",
        warmstart=read_jsonl(folder / "warmstart.jsonl"),
        metrics=read_jsonl(folder / "metrics.jsonl"),
        samples=read_jsonl(folder / "samples.jsonl"),
        sweep=read_json(folder / "sweep.json"),
    )
    if not (run.config_text or run.warmstart or run.metrics or run.sweep):
        raise RunError(f"'{path}' holds no run: no config.yaml, warmstart.jsonl, metrics.jsonl or sweep.json.")
    return run


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a JSON file; None when there is no such file. Raises RunError when it isn't a JSON object."""
    if not path.is_file():
        return None
    try:
        value = json.loads(path.read_text())
    except ValueError as error:
        raise RunError(f"'{path}' is not valid JSON: {error}.") from error
    if not isinstance(value, dict):
        raise RunError(f"'{path}' must hold a JSON object.")
    return value


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSONL file, [] when there is none. A torn last line (a killed run's) is left out.

    A run resumed by hand may repeat the steps after its checkpoint: of lines with the same step the last one counts.
    """
    if not path.is_file():
        return []
    lines = path.read_text().splitlines()
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            rows.append(json.loads(line))
        except ValueError as error:
            if number == len(lines):
                break
            raise RunError(f"Line {number} of '{path}' is not valid JSON.") from error
    if all("step" in row for row in rows) and path.name != "samples.jsonl":
        rows = list({(row.get("label"), row["step"]): row for row in rows}.values())
    return rows


def column(rows: list[dict[str, Any]], *keys: str) -> list[float | None]:
    """One nested number per row; None where it is missing or not a number.

    >>> column([{"a": {"b": 1}}, {"a": None}, {}], "a", "b")
    [1.0, None, None]
    """
    found: list[Any] = rows
    for key in keys:
        found = [value.get(key) if isinstance(value, dict) else None for value in found]
    return [float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None for value in found]
