"""Reading configurations as text: a value keeps its spelling until the type of its key is known.

YAML 1.1 would make 1.1 of `name: 1.10`, 8 of `010`, 750 of `12:30` and a switch of `on` before anybody asks what the
key is for. Here every scalar arrives as text; the key's type then says what it means (`typed`), or refuses it.
"""

from __future__ import annotations

import re
from dataclasses import MISSING, Field, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, ClassVar, Union, get_args, get_origin

import yaml

from rlad.config.errors import ConfigError

NULL = ("", "~", "null", "Null", "NULL")
SWITCH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
WHOLE = re.compile(r"[-+]?(0|[1-9]\d*(_\d+)*)")
NUMBER = re.compile(r"[-+]?((0|[1-9]\d*(_\d+)*)(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
SPECIAL = re.compile(r"[-+]?\.?inf|\.?nan", re.IGNORECASE)


class PlainScalar(str):
    """A scalar that was written without quotes, so that `null` can mean nothing at all."""


class Raw(PlainScalar):
    """What follows `key=` on a command line: text as it stands for a text key, YAML for any other."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # by libyaml, where PyYAML was built with it
    """Every scalar is text, and no key stands twice."""

    yaml_implicit_resolvers: ClassVar = {"<": yaml.SafeLoader.yaml_implicit_resolvers["<"]}

    def construct_yaml_str(self, node):
        text = self.construct_scalar(node)
        return text if node.style else PlainScalar(text)

    def construct_mapping(self, node, deep=False):
        names = [key.value for key, _ in node.value if key.value != "<<"]
        if len(set(map(str, names))) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise yaml.constructor.ConstructorError(None, None, f"the key '{twice}' stands twice", node.start_mark)
        return {str(name): value for name, value in super().construct_mapping(node, deep).items()}


_Loader.add_constructor("tag:yaml.org,2002:str", _Loader.construct_yaml_str)


def parse_yaml(text: str) -> Any:
    """YAML as dicts, lists and text. Raises yaml.YAMLError.

    >>> parse_yaml("{name: 1.10, at: 12:30, list: [on, 007]}")
    {'name': '1.10', 'at': '12:30', 'list': ['on', '007']}
    """
    found = yaml.load(str(text), _Loader)  # a SafeLoader
    return PlainScalar("") if found is None else found


def read_yaml(path: str | Path) -> Any:
    """A YAML file as dicts, lists and text. Raises ConfigError when it is missing or no YAML."""
    if not Path(path).is_file():
        raise ConfigError(f"There is no configuration file '{path}'.")
    try:
        return parse_yaml(Path(path).read_text()) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"'{path}' is not valid YAML: {str(error).splitlines()[0]}.") from error


def typed(value: Any, kind: Any, name: str) -> Any:
    """A value as the type of its key wants it. Raises ConfigError, in a sentence, for one that does not fit.

    >>> typed("1.10", str, "name"), typed("1.10", float, "lr"), typed("1_000", int, "steps"), typed("on", bool, "gate")
    ('1.10', 1.1, 1000, True)
    >>> typed(Raw("[[4, 1]]"), list[list[int]], "sweep.grid"), typed(PlainScalar("null"), float | None, "dual_clip")
    ([[4, 1]], None)
    >>> typed(Raw("[3]"), list[int] | str, "layers"), typed(Raw("all"), list[int] | str, "layers")
    ([3], 'all')
    >>> typed({"rank": "0.5"}, dict[str, float], "others")
    {'rank': 0.5}
    """
    if isinstance(value, Raw):
        value = _read_raw(value, kind, name)
    if get_origin(kind) in (Union, UnionType):
        if is_null(value):
            return None
        parts = [part for part in get_args(kind) if part is not type(None)]
        kind = next((part for part in parts if (get_origin(part) is list) == isinstance(value, list)), parts[0])
    if get_origin(kind) is list:
        if not isinstance(value, list):
            raise ConfigError(f"Wrong type for '{name}': '{_shown(value)}' is no list; write [a, b].")
        return [typed(item, get_args(kind)[0], name) for item in value]
    if get_origin(kind) is dict:
        if not isinstance(value, dict):
            raise ConfigError(f"Wrong type for '{name}': '{_shown(value)}' names nothing; write {{name: value}}.")
        return {one: typed(item, get_args(kind)[1], f"{name}.{one}") for one, item in value.items()}
    if not isinstance(value, str) or (is_null(value) and kind is not str):
        raise ConfigError(f"Wrong type for '{name}': '{_shown(value)}' is not {WORDS[kind]}.")
    if kind is str:
        return str(value)
    return _scalar(value, kind, name)


def is_null(value: Any) -> bool:
    """Whether nothing was written, in one of YAML's ways of saying so."""
    return isinstance(value, PlainScalar) and value in NULL


WORDS = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}


def _scalar(text: str, kind: type, name: str) -> Any:
    if kind is bool and text.lower() in SWITCH:
        return SWITCH[text.lower()]
    if kind is int and WHOLE.fullmatch(text):
        return int(text)
    if kind is float and NUMBER.fullmatch(text):
        return float(text)
    if kind is float and SPECIAL.fullmatch(text):
        return float(text.replace(".", ""))
    why = ""
    if kind in (int, float) and re.fullmatch(r"[-+]?0\d[\d_.]*", text):
        why = ", and a leading 0 would make it octal for some"
    elif kind in (int, float) and re.fullmatch(r"[-+]?\d+(:[\d.]+)+", text):
        why = ", and numbers to the base 60 are not read"
    raise ConfigError(f"Wrong type for '{name}': '{text}' is not {WORDS[kind]}{why}.")


def _read_raw(value: Raw, kind: Any, name: str) -> Any:
    parts = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    listed = value.startswith("[") and any(get_origin(part) is list for part in parts)
    if str in parts and not listed and not value.startswith(("'", '"')):
        return PlainScalar(value)
    try:
        return parse_yaml(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"The value of '{name}={value}' cannot be read.") from error


def _shown(value: Any) -> str:
    return str(value).splitlines()[0] if str(value) else ""


def default_of(item: Field) -> Any:
    """A field's default; MISSING for one that must be given."""
    return item.default if item.default_factory is MISSING else item.default_factory()


def section_of(kind: Any) -> type | None:
    """The dataclass that a key's type means, itself or its Optional; None for anything else."""
    return next((part for part in (kind, *get_args(kind)) if isinstance(part, type) and is_dataclass(part)), None)
