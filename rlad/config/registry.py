"""One declaration per method, in the method's own file: what it is called, its keys, what it fits and what it does not.

A loss, reward, advantage, shaping, world, selection rule, prompt set, sampler or role is one file that decorates one
function or class:

    @dataclass
    class GspoKeys:
        clip_low: float = key(3e-4, above=0, most=0.1)
        \"\"\"Lower bound of the sequence's ratio.\"\"\"

    @loss("gspo", keys=GspoKeys, aggregation="sequence-mean", source="2507.18071")
    def gspo(tokens: LossTensors, keys: GspoKeys): ...

Everything else (configuration, checks, dry run, tables in the docs, parametrised tests) reads these registries. Where a
name is asked for, `module:attribute` names a method outside the project. Nothing here imports torch.
"""

from __future__ import annotations

import difflib
import math
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from importlib import import_module
from typing import Any

from rlad.config.errors import ConfigError


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
    one_of: tuple[str, ...] | str | None = None,
    factory: Callable[[], Any] | None = None,
) -> Any:
    """A dataclass field that carries the range of its numbers (`least`/`above` to `most`/`below`) or its known names.

    Args:
        one_of: the names, or the kind of a registry that knows them ("loss").
        factory: makes the default where that is a list or a section.
    """
    facts: dict[str, Any] = {}
    if any(bound is not None for bound in (least, above, most, below)):
        low = above if above is not None else least if least is not None else -math.inf
        high = below if below is not None else most if most is not None else math.inf
        facts["range"] = Range(low, high, above is not None, below is not None)
    if one_of is not None:
        facts["one_of"] = one_of
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
    """`check(run, role)` raises ConfigError for a configuration that it does not go with."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else its kind declares, e.g. a loss's `aggregation`."""

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return (self.call.__doc__ or "").strip().split("\n")[0]

    def settings(self) -> Any:
        """Its keys with their defaults; None for a method without keys."""
        return self.keys() if self.keys else None


class Registry:
    """The methods of one kind: those declared in the modules of `home`, and any `module:attribute`."""

    def __init__(self, kind: str, home: str, words: str):
        self.kind, self.home, self.words = kind, home, words
        self._methods: dict[str, Method] = {}
        self._searched = False

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
        """The decorator that declares a method."""

        def declare(call):
            module = getattr(call, "__module__", "")
            before = self._methods.get(name)
            if before is not None and (before.call.__module__, before.call.__qualname__) != (module, call.__qualname__):
                raise ValueError(
                    f"Two {self.words} are called '{name}': one in {before.call.__module__}, one in {module}."
                )
            method = Method(self.kind, name, call, keys, source, roles, check, facts)
            # What comes from outside is reached by module:attribute only: a name must not depend on what was imported.
            if module.split(".")[0] == self.home.split(".")[0]:
                self._methods[name] = method
            _DECLARED[(self.kind, module, call.__qualname__)] = method
            return call

        return declare

    def names(self) -> tuple[str, ...]:
        """The project's own names, sorted."""
        self._search()
        return tuple(sorted(self._methods))

    def __iter__(self) -> Iterator[Method]:
        return iter([self._methods[name] for name in self.names()])

    def __getitem__(self, name: str) -> Method:
        """The method of a name or `module:attribute`. Raises ConfigError, naming the nearest, for anything else."""
        if ":" in name:
            return self._outside(name)
        self._search()
        if name not in self._methods:
            known = self.names()
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
            raise ConfigError(f"'{name}' is unknown; the nearest is '{near}' (known: {', '.join(known)}).")
        return self._methods[name]

    def _search(self) -> None:
        if self._searched:
            return
        home = import_module(self.home)
        for module in pkgutil.iter_modules(home.__path__, f"{self.home}."):
            import_module(module.name)
        self._searched = True

    def _outside(self, name: str) -> Method:
        module, _, attribute = name.partition(":")
        try:
            call = getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            raise ConfigError(f"'{name}' cannot be imported: there is no module '{error.name}'.") from error
        except AttributeError as error:
            raise ConfigError(f"'{name}' cannot be imported: '{module}' has no '{attribute}'.") from error
        declared = _DECLARED.get((self.kind, call.__module__, call.__qualname__))
        if declared is None:
            raise ConfigError(
                f"'{name}' is not declared as one of the {self.words}; decorate it with @{self.kind}(NAME)."
            )
        return declared


_DECLARED: dict[tuple[str, str, str], Method] = {}
"""(kind, module, attribute) -> declaration, of methods inside and outside the project."""

# Homes are named, not imported: a method is looked for when a configuration names one.
loss = Registry("loss", "trainers.losses", "losses")
reward = Registry("reward", "trainers.rewards", "rewards")
advantage = Registry("advantage", "trainers.credit", "advantages")
shaping = Registry("shaping", "trainers.credit", "shapings")
world = Registry("world", "rlad.problems", "worlds")
rule = Registry("rule", "rlad.selection", "selection rules")
prompt_set = Registry("prompt_set", "rlad.players", "prompt sets")
sampler = Registry("sampler", "rlad.generation", "samplers")
role = Registry("role", "rlad.players.roles", "roles")

REGISTRIES = {one.kind: one for one in (loss, reward, advantage, shaping, world, rule, prompt_set, sampler, role)}


def described(keys: type) -> list[tuple[str, Any, str]]:
    """(name, default, range or names in words) of a dataclass's own keys, sections left out."""
    rows = []
    for item in fields(keys):
        default = item.default if item.default is not MISSING else item.default_factory()
        rows.append((item.name, default, str(item.metadata.get("range") or item.metadata.get("one_of") or "")))
    return rows
