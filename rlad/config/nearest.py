"""Which of the known keys one that is not known was meant to be: a key of its own section before one of another."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from itertools import takewhile

ALIKE = 0.6
"""Least likeness of two names (difflib's ratio) that makes one a hint to the other: less only misleads."""
NAMED = 4
"""Most keys of other sections that a hint names."""
LISTED = 16
"""Most keys of a section that are all named where none is like the unknown one."""


def hint(key: str, known: Sequence[str]) -> str:
    """What to say of an unknown key: how the sentence "Unknown configuration key 'cotrain.stepz'; ..." goes on.

    Args:
        key: its dotted name; already its section may be misspelt.
        known: dotted names of all keys and sections.

    >>> known = ["seed", "stages", "cotrain", "cotrain.steps", "warmstart", "warmstart.lr", "solution", "solution.lr"]
    >>> hint("cotrain.stepz", known), hint("cotrian.stepz", known)
    ("the nearest known key is 'cotrain.steps'", "the nearest known key is 'cotrain.steps'")
    >>> hint("cotrain.lr", known)
    "'cotrain' has no key like it (it has steps); other sections have 'warmstart.lr', 'solution.lr'"
    >>> hint("steps", known), hint("solution.rule", known)
    ("there is 'cotrain.steps'", "'solution' has no key like it (it has lr)")
    """
    parts, depth = key.split("."), 1
    while depth < len(parts) and _is_section(parts[:depth], known):
        depth += 1
    name, deeper = ".".join(parts[:depth]), "".join(f".{part}" for part in parts[depth:])
    section = name.rpartition(".")[0]
    others = _elsewhere(name, known, deeper)
    near = _near(name, known, deeper) if section or not others else None
    if near is not None:
        return f"the nearest known key is '{near}'"
    named = ", ".join(f"'{one}'" for one in others[:NAMED])
    named += f" and {len(others) - NAMED} more" if len(others) > NAMED else ""
    if not section:
        return f"there is {named}" if others else f"no key is like it ({_listed(section, known)})"
    none = f"'{section}' has no key like it ({_listed(section, known)})"
    return f"{none}; other sections have {named}" if others else none


def _is_section(parts: Sequence[str], known: Sequence[str]) -> bool:
    return any(key.startswith(f"{'.'.join(parts)}.") for key in known)


def _listed(section: str, known: Sequence[str]) -> str:
    """The keys of a section, or how to see them where they are many."""
    own = [key.rpartition(".")[2] for key in known if key.rpartition(".")[0] == section]
    if len(own) > LISTED:
        return f"'./launch.sh keys {section}' lists those that it has" if section else "'./launch.sh keys' lists all"
    return f"{'it has' if section else 'there are'} {', '.join(own)}"


def _near(name: str, known: Sequence[str], deeper: str) -> str | None:
    """The likest key of the same section, with the likest of what follows where that is a section; None = none."""
    section, _, leaf = name.rpartition(".")
    prefix = f"{section}." if section else ""
    own = [key.removeprefix(prefix) for key in known if key.rpartition(".")[0] == section]
    if deeper:
        own = [one for one in own if _is_section([f"{prefix}{one}"], known)]
    near = difflib.get_close_matches(leaf, sorted(own), n=1, cutoff=ALIKE)
    if not near:
        return None
    found = f"{prefix}{near[0]}"
    if not deeper or f"{found}{deeper}" in known:
        return f"{found}{deeper}"
    return _near(f"{found}{deeper}", known, "") or found


def _elsewhere(name: str, known: Sequence[str], deeper: str) -> list[str]:
    """Keys of the same name in other sections: first those that share most of the way, then those nearest the top."""
    section, _, leaf = name.rpartition(".")

    def far(key: str) -> tuple[int, int]:
        parts = key.split(".")
        alike = takewhile(lambda pair: pair[0] == pair[1], zip(parts, section.split("."), strict=False))
        return -len(list(alike)), len(parts)

    return sorted((key for key in known if key.endswith(f".{leaf}{deeper}")), key=far)
