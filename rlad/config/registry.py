"""One declaration per method, in the method's own file: what it is called, its keys, what it fits and what it does not.

A loss, reward, advantage, shaping, world, selection rule, sampler, decoding method or role is one file that
decorates one function or class:

    @dataclass
    class GspoKeys:
        clip_low: float = key(3e-4, above=0, most=0.1)
        \"\"\"Lower bound of the sequence's ratio.\"\"\"

    @loss("gspo", keys=GspoKeys, aggregation="sequence-mean", source="2507.18071")
    def gspo(tokens: LossTensors, keys: GspoKeys): ...

Everything else (configuration, checks, dry run, tables in the docs, parametrised tests) reads these registries. Where a
name is asked for, `module:attribute` names a method outside the project. Nothing here imports torch, and a declaring
file is imported when its method is asked for: names are found by reading the files of a room, where the decorator
begins a line and the name follows it as a literal.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cached_property, partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rlad.config.errors import ConfigError
from rlad.config.renamed import METHODS


@dataclass(frozen=True)
class Range:
    """The numbers that a key may take: bounds, each with or without its end."""

    least: float = -math.inf
    most: float = math.inf
    above: bool = False
    """Whether `least` itself is left out."""
    below: bool = False
    """Whether `most` itself is left out."""

    def __contains__(self, value: float) -> bool:
        if not math.isfinite(value):
            return False
        over = value > self.least if self.above else value >= self.least
        return over and (value < self.most if self.below else value <= self.most)

    def __str__(self) -> str:
        """In words, as errors and the table of keys give it.

        >>> str(Range(0, 0.1, above=True)), str(Range(1)), str(Range(0, 1, below=True)), str(Range())
        ('above 0 and at most 0.1', 'at least 1', 'at least 0 and below 1', 'a number')
        """
        parts = []
        if self.least > -math.inf:
            parts.append(f"{'above' if self.above else 'at least'} {self.least:g}")
        if self.most < math.inf:
            parts.append(f"{'below' if self.below else 'at most'} {self.most:g}")
        return " and ".join(parts) or "a number"


def key(
    default: Any = MISSING,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
    one_of: tuple[str, ...] = (),
    kind: str | None = None,
    factory: Callable[[], Any] | None = None,
    some: bool = False,
) -> Any:
    """A dataclass field that carries the range of its numbers (`least`/`above` to `most`/`below`) or its known names.

    Args:
        one_of: the names that are known.
        kind: the registry that knows further names ("loss"); the methods' own keys then stand in the same section.
        factory: makes the default where that is a list or a section.
        some: whether a list must not be empty.
    """
    facts: dict[str, Any] = {}
    if any(bound is not None for bound in (least, above, most, below)):
        low = above if above is not None else least if least is not None else -math.inf
        high = below if below is not None else most if most is not None else math.inf
        facts["range"] = Range(low, high, above is not None, below is not None)
    facts |= {"one_of": one_of} if one_of else {}
    facts |= {"kind": kind} if kind else {}
    facts |= {"some": True} if some else {}
    if factory is not None:
        return field(default_factory=factory, metadata=facts)
    return field(default=default, metadata=facts)


@dataclass(frozen=True)
class Method:
    """What was declared about one method."""

    kind: str
    name: str
    call: Any
    """The decorated function or class."""
    keys: type | None = None
    """Dataclass of its keys; they stand in a section named after the method, beside the key that names it."""
    source: str = ""
    """Where it was published (arXiv id), or empty for ours."""
    roles: tuple[str, ...] | None = None
    """Roles that it fits; None = all."""
    check: Callable[[Any, str], None] | None = None
    """`check(run, section)` raises ConfigError for a configuration that the method does not go with. The section is the
    one where its name stands: a role for what belongs to a player, else `problems`, `sweep`, `serving` or `engine`."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else its kind declares, e.g. a loss's `aggregation`."""

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return (self.call.__doc__ or "").strip().split("\n")[0]

    def bound(self, keys: Any = None) -> Any:
        """What was decorated, given its keys (None = their defaults); a method without keys is not handed any."""
        return partial(self.call, keys=keys or self.keys()) if self.keys else self.call

    def fits(self, role: str) -> bool:
        """Whether a player of this role may use it."""
        return self.roles is None or role in self.roles


class Registry:
    """The methods of one kind: those declared in the files of `home`, and any `module:attribute`."""

    def __init__(self, kind: str, home: str, words: str):
        self.kind, self.home, self.words = kind, home, words
        self._methods: dict[str, Method] = {}

    def __call__(
        self,
        name: str,
        *,
        keys: type | None = None,
        source: str = "",
        roles: tuple[str, ...] | None = None,
        check: Callable[[Any, str], None] | None = None,
        **facts: Any,
    ) -> Callable:
        """The decorator that declares a method. Raises ValueError for a second one of a name and for required keys."""

        def declare(call):
            module = call.__module__
            before = self._methods.get(name)
            if before is not None and (before.call.__module__, before.call.__qualname__) != (module, call.__qualname__):
                raise ValueError(
                    f"Two {self.words} are called '{name}': one in {before.call.__module__}, one in {module}."
                )
            for item in fields(keys) if keys else ():
                if item.default is MISSING and item.default_factory is MISSING:
                    raise ValueError(f"The key '{item.name}' of the {self.kind} '{name}' has no default.")
            method = Method(self.kind, name, call, keys, source, roles, check, facts)
            # What comes from outside is reached by module:attribute only: a name must not depend on what was imported.
            if module == self.home or module.startswith(f"{self.home}."):
                self._methods[name] = method
            _DECLARED[(self.kind, module, call.__qualname__)] = method
            return call

        return declare

    @cached_property
    def _modules(self) -> dict[str, str]:
        """Name -> the module that declares it, from the text of the files in `home`."""
        place = find_spec(self.home)
        found = {}
        for folder in (place and place.submodule_search_locations) or ():
            for path in sorted(Path(folder).rglob("*.py")):
                parts = path.relative_to(folder).with_suffix("").parts
                module = ".".join([self.home, *(parts[:-1] if parts[-1] == "__init__" else parts)])
                names = re.findall(rf'^@{self.kind}\(\s*"([^"]+)"', path.read_text(), re.MULTILINE)
                found |= dict.fromkeys(names, module)
        return found

    def names(self, role: str | None = None) -> tuple[str, ...]:
        """The project's own names, sorted; with a role only those that fit it."""
        return tuple(sorted(n for n in self._modules if role is None or self[n].fits(role)))

    def __contains__(self, name: str) -> bool:
        """Whether the project has a method of this name."""
        return name in self._modules

    def __iter__(self) -> Iterator[Method]:
        return iter([self[name] for name in self.names()])

    def __getitem__(self, name: str) -> Method:
        """The method of a name or `module:attribute`. Raises ConfigError, naming the nearest, for anything else."""
        if ":" in name:
            return self._outside(name)
        if name not in self._modules:
            new = METHODS.get((self.kind, name))
            raise ConfigError(f"'{name}' is called '{new}' now." if new else unknown(name, self.names()))
        if name not in self._methods:
            import_module(self._modules[name])
        return self._methods[name]

    def name_of(self, call: Any) -> str:
        """The name under which a function or class was declared."""
        return _DECLARED[(self.kind, call.__module__, call.__qualname__)].name

    def _outside(self, name: str) -> Method:
        module, _, attribute = name.partition(":")
        try:
            call = getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            raise ConfigError(f"'{name}' cannot be imported: there is no module '{error.name}'.") from error
        except (AttributeError, ValueError) as error:
            raise ConfigError(f"'{name}' cannot be imported: '{module}' has no '{attribute}'.") from error
        found = _DECLARED.get((self.kind, getattr(call, "__module__", ""), getattr(call, "__qualname__", "")))
        if found is None:
            raise ConfigError(
                f"'{name}' is not declared as one of the {self.words}; decorate it with @{self.kind}(NAME)."
            )
        return found


def unknown(name: str, known: tuple[str, ...]) -> str:
    """What to say of a name that nobody knows: the nearest, and all that there are.

    >>> unknown("gpso", ("gspo", "ppo_clip"))
    "'gpso' is unknown; the nearest is 'gspo' (known: gspo, ppo_clip)."
    """
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    if not near:
        return f"'{name}' is unknown, and there is none."
    return f"'{name}' is unknown; the nearest is '{near[0]}' (known: {', '.join(known)})."


_DECLARED: dict[tuple[str, str, str], Method] = {}
"""(kind, module, attribute) -> declaration, of methods inside and outside the project."""

# Homes are named, not imported: a method is looked for when a configuration names one.
loss = Registry("loss", "trainers.losses", "losses")
reward = Registry("reward", "trainers.rewards", "rewards")
advantage = Registry("advantage", "trainers.credit", "advantages")
shaping = Registry("shaping", "trainers.credit", "shapings")
world = Registry("world", "rlad.problems", "worlds")
rule = Registry("rule", "rlad.selection", "selection rules")
sampler = Registry("sampler", "rlad.generation", "samplers")
decoding = Registry("decoding", "rlad.generation.decoding", "decoding methods")
role = Registry("role", "rlad.players.roles", "roles")

REGISTRIES: dict[str, Registry] = {
    one.kind: one for one in (loss, reward, advantage, shaping, world, rule, sampler, decoding, role)
}
