"""A run's folder: where it is, and what was written there before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rlad.cli import Parser, PlainError, locked
from rlad.config import RunConfig, as_yaml, load_config, parse_yaml, read_yaml, save_config


def config_path(given: str) -> Path:
    """The YAML file that a command's CONFIG argument means: itself, or the one in a run's folder."""
    path = Path(given)
    return path / "config.yaml" if path.is_dir() else path


def changes(old: Any, new: Any, prefix: str = "") -> list[str]:
    """What differs between two configurations in plain containers, as `key: old -> new`.

    >>> changes({"a": 1, "b": {"c": 2}}, {"a": 1, "b": {"c": 3}})
    ['b.c: 2 -> 3']
    """
    if isinstance(old, dict) and isinstance(new, dict):  # a key that only one of them knows comes with another version
        return [line for key in old if key in new for line in changes(old[key], new[key], f"{prefix}{key}.")]
    return [] if old == new else [f"{prefix.rstrip('.')}: {old} -> {new}"]


def changed(config: RunConfig, folder: Path) -> list[str]:
    """What differs from the configuration with which the run in `folder` was begun; empty for a new folder."""
    written = folder / "config.yaml"
    if not written.is_file():
        return []
    return changes(read_yaml(written), parse_yaml(as_yaml(config)))


def run_folder(config: RunConfig) -> Path:
    return Path(config.runs_dir) / config.name


@contextmanager
def prepared_folder(config: RunConfig, verb: str, node: int = 0) -> Iterator[Path]:
    """The locked run folder with the resolved configuration written into it; says what changed since the run began."""
    folder = run_folder(config)
    if verb == "train" and config.base.path is None and not (folder / "base" / "config.json").is_file():
        raise PlainError(f"{folder} has no warm-started base yet; run ./launch.sh warmstart with this configuration.")
    with locked(folder, node):
        for line in changed(config, folder):
            print(f"Changed since this run began: {line}", flush=True)
        partial = folder / f"config.yaml.{os.getpid()}"
        save_config(config, partial)
        partial.replace(folder / "config.yaml")  # a rank of another node never reads half a file
        yield folder


def started_run(description: str) -> tuple[RunConfig, Path]:
    """The run that this rank was started for, `--run DIR` (see launching/rank.py): configuration and folder."""
    parser = Parser(description=description)
    parser.add_argument("--run", type=Path, required=True)
    folder = parser.parse_args().run
    return load_config(folder / "config.yaml"), folder
