"""What the sections of a configuration can do: name methods, hold their keys, and be walked key by key."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import Field, dataclass, field, fields, is_dataclass
from functools import lru_cache
from typing import Any

from rlad.config.registry import REGISTRIES, Method, Registry


@dataclass
class MethodSection:
    """A section with keys that name methods; the methods' own keys stand in sections of their names beside."""

    methods: dict[str, Any] = field(default_factory=dict, kw_only=True)
    """Method name -> its keys, of those that were given or asked for."""

    def chosen(self, key: str) -> Method:
        """The method that a key of this section names. Raises ConfigError when there is none."""
        return REGISTRIES[kinds(type(self))[key]][getattr(self, key)]

    def of(self, name: str) -> Any:
        """The keys of a method (a name or `module:attribute`) that this section can name; None for one without keys."""
        method = own_methods(self).get(name) or self._found(name)
        if method.keys and method.name not in self.methods:
            self.methods[method.name] = method.keys()
        return self.methods.get(method.name)

    def bound(self, key: str) -> Any:
        """The method that a key names, given its keys from this section."""
        method = self.chosen(key)
        return method.bound(self.of(getattr(self, key)))

    def named(self) -> Iterator[tuple[str, str, Registry]]:
        """(key, name, the registry that should know it) of every method that the section names."""
        for item in fields(self):
            kind, value = item.metadata.get("kind"), getattr(self, item.name)
            for name in value if isinstance(value, list) else [value]:
                if kind and name not in item.metadata.get("one_of", ()):
                    yield item.name, name, REGISTRIES[kind]

    def settle(self) -> None:
        """Holds the keys of every method that is named, so that they are saved with the section."""
        for _, name, _ in self.named():
            self.of(name)

    def _found(self, name: str) -> Method:
        registries = [REGISTRIES[kind] for kind in kinds(type(self)).values()]
        return next((registry for registry in registries if name in registry), registries[0])[name]


def kinds(section: type) -> dict[str, str]:
    """Which keys of a section name methods, and of which kind.

    >>> from rlad.config import ServingConfig
    >>> kinds(ServingConfig)
    {'select': 'rule'}
    """
    return {item.name: item.metadata["kind"] for item in fields(section) if "kind" in item.metadata}


def own_methods(section: MethodSection) -> dict[str, Method]:
    """Name -> method, by declared name and `module:attribute`, of those from outside the project that it names."""
    outside = {name: registry[name] for _, name, registry in section.named() if ":" in name}
    return outside | {method.name: method for method in outside.values()}


def method_keys(section: MethodSection, role: str | None = None) -> dict[str, type]:
    """Section name -> dataclass of keys, of every method that has keys and can be named here."""
    found = {}
    for kind in kinds(type(section)).values():
        found |= {method.name: method.keys for method in REGISTRIES[kind] if method.keys and method.fits(role or "")}
    return found | {method.name: method.keys for method in own_methods(section).values() if method.keys}


def plain_fields(section: Any) -> list[Field]:
    """The fields of a section (or its class) without what it holds for methods."""
    return [item for item in fields(section) if item.name not in ("methods", "players")]


def sections(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted prefix, section) of a configuration and all sections in it, players and given methods included."""
    yield prefix, config
    inner = {item.name: getattr(config, item.name) for item in plain_fields(config)}
    for name, section in (inner | getattr(config, "players", {}) | getattr(config, "methods", {})).items():
        if is_dataclass(section):
            yield from sections(section, f"{prefix}{name}.")


@lru_cache
def meanings(keys: type) -> dict[str, str]:
    """Key -> the docstring under it, of a dataclass and those that it inherits from.

    >>> from rlad.config import VerifierConfig
    >>> meanings(VerifierConfig)["time_limit"]
    'Seconds per item in a worker.'
    """
    found: dict[str, str] = {}
    for base in reversed([one for one in keys.__mro__ if is_dataclass(one)]):
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0].body
        for item, after in zip(body, [*body[1:], None], strict=True):
            if isinstance(item, ast.AnnAssign) and isinstance(after, ast.Expr):
                found[item.target.id] = " ".join(str(after.value.value).split())
    return found
