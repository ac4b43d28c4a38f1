"""Configurations on top of each other: a file that `extends` another one, and `key=value` words on top of both."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rlad.config.errors import ConfigError
from rlad.config.text import Raw, parse_yaml, read_yaml

EXTENDS = "extends"
"""The key that names the file below, relative to the folder of the file that says it; no key of a run."""


def overridden(tree: Any, words: list[str] | tuple[str, ...]) -> Any:
    """A tree with `key=value` words merged into it, the later ones winning; keys are dotted."""
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise ConfigError(f"Overrides are written key=value; '{word}' is not.")
        new: Any = Raw(value)
        for part in reversed(name.split(".")):
            new = {part: new}
        tree = _merged(tree, new)
    return tree


def _merged(old: Any, new: Any) -> Any:
    if isinstance(new, Raw) and isinstance(old, dict) and new.startswith("{"):
        new = parse_yaml(new)
    if isinstance(old, Raw) and isinstance(new, dict) and old.startswith("{"):
        old = parse_yaml(old)
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    return old | {name: _merged(old[name], value) if name in old else value for name, value in new.items()}


def read_tree(path: str | Path, words: Sequence[str] = ()) -> dict[str, Any]:
    """What a file says on top of those that it extends, with `key=value` words on top of all.

    `extends=FILE` among the words puts another file below in place of the lowest one. Raises ConfigError for a file
    that is missing, is no mapping, extends itself, or extends nothing where `extends=FILE` is given.
    """
    below = [word.partition("=")[2] for word in words if word.startswith(f"{EXTENDS}=")]
    layers = _layers(path)
    if below:
        layers = [*_above(path, layers), *_layers(below[-1])]
    tree: dict[str, Any] = {}
    for layer in reversed(layers):
        tree = _merged(tree, layer)
    return overridden(tree, [word for word in words if not word.startswith(f"{EXTENDS}=")])


def changes_of(path: str | Path) -> list[str]:
    """What a file and those between say on top of the lowest file, as `key=value` words.

    They can be put on top of any other configuration. Raises ConfigError as `read_tree` does.
    """
    tree: dict[str, Any] = {}
    for layer in reversed(_above(path, _layers(path))):
        tree = _merged(tree, layer)
    return [word for word in _words(tree) if not word.startswith("name=")]


def _layers(path: str | Path) -> list[dict[str, Any]]:
    """A file's mapping, that of the file which it extends, and so on down."""
    found, seen, file = [], [], Path(path)
    while True:
        if file.resolve() in seen:
            raise ConfigError(f"'{path}' ends up extending itself, by way of '{file}'.")
        seen.append(file.resolve())
        tree = read_yaml(file)
        if not isinstance(tree, dict):
            raise ConfigError(f"'{file}' must hold a mapping of keys to values.")
        below = tree.pop(EXTENDS, None)
        found.append(tree)
        if below is None:
            return found
        file = file.parent / str(below)


def _above(path: str | Path, layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if len(layers) < 2:
        raise ConfigError(f"'{path}' extends no other configuration, so nothing can be put in the place of one.")
    return layers[:-1]


def _words(tree: dict[str, Any], prefix: str = "") -> list[str]:
    """A tree's leaves as words.

    >>> _words({"bare": {"share": "0.5"}, "roles": ["a", "b c"], "path": "x"})
    ['bare.share=0.5', 'roles=[a, "b c"]', 'path=x']
    """
    found = []
    for name, value in tree.items():
        if isinstance(value, dict):
            found += _words(value, f"{prefix}{name}.")
        else:
            found.append(f"{prefix}{name}={_written(value)}")
    return found


def _written(value: Any, inside: bool = False) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_written(item, inside=True) for item in value) + "]"
    plain = not inside or re.fullmatch(r"[\w.+-]+", value)
    return str(value) if plain else json.dumps(str(value))
