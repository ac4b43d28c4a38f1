"""What stands at a key itself: the range of its numbers, the names that it may hold."""

from __future__ import annotations

import math

from rlad.config import ROLES, ConfigError, RunConfig
from rlad.config.registry import Range, unknown
from rlad.config.sections import MethodSection, plain_fields, sections


def check_fields(config: RunConfig) -> None:
    """Raises ConfigError for the first number out of its range, unknown name, or list that must not be empty."""
    for prefix, section in sections(config):
        for item in plain_fields(section):
            value, facts = getattr(section, item.name), item.metadata
            if facts.get("some") and not value:
                raise ConfigError(f"{prefix}{item.name} is empty; it must hold at least one.")
            for one in value if isinstance(value, list) else [value]:
                if "range" in facts:
                    check_range(f"{prefix}{item.name}", one, facts["range"])
                if "one_of" in facts and "kind" not in facts:
                    require_name(f"{prefix}{item.name}", one, facts["one_of"])
        if isinstance(section, MethodSection):
            check_names(section, prefix)


def check_range(key: str, value: float | None, allowed: Range) -> None:
    """Raises ConfigError unless a number, where there is one, lies in its range."""
    if value is not None and value not in allowed:
        finite = "finite and " if math.isinf(value) else ""
        raise ConfigError(f"{key}={value} is out of range; it must be {finite}{allowed}.")


def check_names(section: MethodSection, prefix: str) -> None:
    """Raises ConfigError for a method that there is not, or that does not fit the player whose section it is."""
    role = prefix.rstrip(".")
    for key, name, registry in section.named():
        if ":" not in name:
            others = next(item for item in plain_fields(section) if item.name == key).metadata.get("one_of", ())
            require_name(f"{prefix}{key}", name, (*registry.names(role), *others))
            continue
        try:
            method = registry[name]
        except ConfigError as error:
            raise ConfigError(f"{prefix}{key}={error}") from error
        if not method.fits(role):
            raise ConfigError(
                f"{prefix}{key}='{name}' is made for another player ({', '.join(method.roles or ROLES)})."
            )


def require_name(key: str, value: str, known: tuple[str, ...]) -> None:
    """Raises ConfigError, naming the nearest known name, unless `value` is one of `known`."""
    if value not in known:
        raise ConfigError(f"{key}={unknown(value, known)}")
