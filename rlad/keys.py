"""Every key of a configuration with its default, range and meaning: `./launch.sh keys [PREFIX | WORD]`.

`python -m rlad.keys --markdown` prints docs/keys.md. Nothing is listed by hand: sections are walked, methods are those
of the registries, meanings are the docstrings under the keys.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass
from itertools import groupby
from typing import Any

from rlad.cli import Parser, main_guard
from rlad.config import ROLES, ConfigError, ModelConfig, RunConfig
from rlad.config.load import known_keys
from rlad.config.nearest import hint
from rlad.config.players import starting_player
from rlad.config.registry import REGISTRIES
from rlad.config.sections import MethodSection, meanings, method_keys, plain_fields


@dataclass(frozen=True)
class Key:
    """One key, as tables show it."""

    name: str
    default: str
    allowed: str
    """Its range or names in words; empty where its type says enough."""
    meaning: str

    @property
    def section(self) -> str:
        return self.name.rpartition(".")[0]


def keys_of(section: Any, prefix: str = "") -> Iterator[Key]:
    """The keys of a section and of all sections in it, those of methods included."""
    inner: list[tuple[str, Any]] = []
    for item in plain_fields(section):
        value = getattr(section, item.name)
        if item.name == "model":
            inner.append((item.name, ModelConfig()))
        elif is_dataclass(value):
            inner.append((item.name, value))
        else:
            allowed = _allowed(item.metadata, prefix.rstrip("."))
            yield Key(f"{prefix}{item.name}", _as_yaml(value), allowed, meanings(type(section))[item.name])
    inner += getattr(section, "players", {}).items()
    if isinstance(section, MethodSection):
        inner += [(name, keys()) for name, keys in sorted(method_keys(section, prefix.rstrip(".")).items())]
    for name, one in inner:
        yield from keys_of(one, f"{prefix}{name}.")


def _allowed(facts: Any, role: str) -> str:
    names = list(facts.get("one_of", ()))
    if "kind" in facts:
        names = [*REGISTRIES[facts["kind"]].names(role), *names, "module:attribute"]
    return ", ".join(names) or str(facts.get("range", ""))


def _as_yaml(value: Any) -> str:
    """A default as YAML would write it.

    >>> _as_yaml(None), _as_yaml(True), _as_yaml(1e-05), _as_yaml(["a", "b"]), _as_yaml("")
    ('null', 'true', '1e-05', '[a, b]', "''")
    """
    if isinstance(value, list):
        return f"[{', '.join(map(_as_yaml, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value) if value != "" else "''"


def keys_under(prefix: str) -> list[Key]:
    """All keys under a dotted prefix, which may begin with a further role of the project; where there is none, those
    with the prefix in their names.

    Raises ConfigError, naming what may have been meant, where there is none either.
    """
    run, role = RunConfig(), prefix.partition(".")[0]
    if role in REGISTRIES["role"]:
        run.players.setdefault(role, starting_player(role))
    every = list(keys_of(run))
    found = [key for key in every if f"{key.name}.".startswith(f"{prefix.rstrip('.')}.") or not prefix]
    found = found or [key for key in every if prefix in key.name]
    if not found:
        raise ConfigError(f"No key begins with '{prefix}' or holds it; {hint(prefix, known_keys(run))}.")
    return found


def as_text(keys: list[Key], width: int = 100) -> str:
    """A key a line, its meaning below it."""
    lines = []
    for key in keys:
        lines.append(f"{key.name} = {key.default}" + (f"    ({key.allowed})" if key.allowed else ""))
        lines += textwrap.wrap(key.meaning, width, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines)


HEAD = """# Every key

Made by `.venv/bin/python -m rlad.keys --markdown > docs/keys.md`; `./launch.sh keys [PREFIX | WORD]` prints the same. A
method's keys stand in a section of its name. **ROLE stands for a player's section**: {roles}, or that of a further
role of the run, such as `selector`. So `solution.loss` is found as `ROLE.loss`.
"""
TABLE = "| key | default | range | meaning |\n|---|---|---|---|"


def as_markdown() -> str:
    """docs/keys.md: a table per section; the players' sections are alike and stand once, as ROLE."""
    lines = [HEAD.format(roles=" or ".join(f"`{role}`" for role in ROLES))]
    for section, keys in groupby(_with_roles_once(list(keys_of(RunConfig()))), key=lambda key: key.section):
        lines += [f"## `{section}`\n" if section else "## A run\n", TABLE]
        for key in keys:
            cells = (f"`{key.name}`", f"`{key.default}`", key.allowed, key.meaning)
            lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
        lines.append("")
    return "\n".join(lines)


def _with_roles_once(keys: list[Key]) -> list[Key]:
    """The players' keys under ROLE, each once; where players differ, all their defaults or names."""
    merged: dict[str, list[Key]] = {}
    for key in keys:
        role, _, rest = key.name.partition(".")
        merged.setdefault(f"ROLE.{rest}" if role in ROLES else key.name, []).append(key)
    return [
        Key(name, " / ".join(dict.fromkeys(k.default for k in alike)), _both(alike), alike[0].meaning)
        for name, alike in sorted(merged.items(), key=lambda item: not item[0].startswith("ROLE"))
    ]


def _both(alike: list[Key]) -> str:
    """What any of the players allows."""
    if len({key.allowed for key in alike}) == 1:
        return alike[0].allowed
    return "; ".join(f"{key.name.partition('.')[0]}: {key.allowed}" for key in alike)


def main(words: list[str] | None = None) -> None:
    parser = Parser(prog="keys", description=__doc__.splitlines()[0])
    parser.add_argument("prefix", nargs="?", default="", help="a section, a key or a word in their names")
    parser.add_argument("--markdown", action="store_true", help="print docs/keys.md")
    arguments = parser.parse_args(words)
    print(as_markdown().rstrip() if arguments.markdown else as_text(keys_under(arguments.prefix)))


if __name__ == "__main__":
    main_guard(main)
