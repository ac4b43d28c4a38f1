"""The whole configuration of a run, and reading it from YAML and `key=value` overrides."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, is_dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, get_origin, get_type_hints

import yaml

from rlad.config.alarms import AlarmsConfig
from rlad.config.concepts import ConceptsConfig
from rlad.config.curriculum import CurriculumConfig
from rlad.config.distill import DistillConfig
from rlad.config.errors import ConfigError
from rlad.config.features import FeaturesConfig
from rlad.config.instruments import InstrumentsConfig
from rlad.config.merging import overridden, read_tree
from rlad.config.nearest import hint
from rlad.config.phases import STAGES
from rlad.config.players import ROLES, LoraConfig, ModelConfig, PlayerConfig, role_names, starting_player
from rlad.config.problems import ProblemsConfig
from rlad.config.registry import key
from rlad.config.renamed import renamed
from rlad.config.routing import RoutingConfig
from rlad.config.running import EngineConfig, LaunchConfig, SweepConfig, TrackConfig, VerifierConfig, ZeroConfig
from rlad.config.sections import MethodSection, method_keys, plain_fields, sections
from rlad.config.serving import ServingConfig
from rlad.config.steering import SteeringConfig
from rlad.config.text import PlainScalar, Raw, default_of, is_null, parse_yaml, section_of, typed
from rlad.config.training import CotrainConfig, WarmstartConfig
from rlad.config.transfer import TransferConfig


class UnknownKey(ConfigError):
    """A key that the configuration does not have, or no longer under this name."""

    def __init__(self, prefix: str, left: dict[str, Any]):
        self.name, value = next((f"{prefix}{name}", value) for name, value in left.items())
        self.leaf = f"{self.name}.{next(iter(value))}" if isinstance(value, dict) and value else self.name
        super().__init__(f"'{self.name}' is no key.")

    def told(self, known: list[str]) -> ConfigError:
        """The error in full: the key's new name, or what it may have been meant to be (rlad/config/nearest.py)."""
        new = renamed(self.name, ROLES) or renamed(self.leaf, ROLES)
        if new is not None:
            return ConfigError(f"'{self.name}' is now called {new}.")
        return ConfigError(f"Unknown configuration key '{self.leaf}'; {hint(self.leaf, known)}.")


@dataclass
class RunConfig:
    name: str = "run"
    """The run folder is runs_dir/name."""
    runs_dir: str = "runs"
    """The folder in which runs have their folders."""
    seed: int = 0
    """Seed of everything that is drawn at random but the problems."""
    roles: list[str] = key(factory=lambda: list(ROLES))
    """The players of the run; each has a section of its own, named after its role."""
    stages: list[str] = key(one_of=STAGES, some=True, factory=lambda: ["warmstart", "train", "sweep", "report"])
    """What `./launch.sh pipeline` and the demo do, in this order; each is a verb of its own as well."""
    wording: str = key("full", one_of=("full", "short"))
    """Prompts of models with a chat template: full says what is wanted, short is the question and the hint alone, for
    models that a warm start teaches the rest (fewer tokens to read)."""
    problems: ProblemsConfig = field(default_factory=ProblemsConfig)
    base: ModelConfig = field(default_factory=ModelConfig)
    """The base all players (and all baselines) start from."""
    players: dict[str, PlayerConfig] = field(default_factory=lambda: {role: starting_player(role) for role in ROLES})
    """Role -> what it is, how it samples and how it learns; `run.ROLE` is the same as `run.players[ROLE]`."""
    lora: LoraConfig = field(default_factory=LoraConfig)
    steering: SteeringConfig = field(default_factory=SteeringConfig)
    warmstart: WarmstartConfig = field(default_factory=WarmstartConfig)
    cotrain: CotrainConfig = field(default_factory=CotrainConfig)
    curriculum: CurriculumConfig = field(default_factory=CurriculumConfig)
    instruments: InstrumentsConfig = field(default_factory=InstrumentsConfig)
    alarms: AlarmsConfig = field(default_factory=AlarmsConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    verifier: VerifierConfig = field(default_factory=VerifierConfig)
    sweep: SweepConfig = field(default_factory=SweepConfig)
    features: FeaturesConfig = field(default_factory=FeaturesConfig)
    routing: RoutingConfig = field(default_factory=RoutingConfig)
    concepts: ConceptsConfig = field(default_factory=ConceptsConfig)
    transfer: TransferConfig = field(default_factory=TransferConfig)
    distill: DistillConfig = field(default_factory=DistillConfig)
    serving: ServingConfig = field(default_factory=ServingConfig)
    launch: LaunchConfig = field(default_factory=LaunchConfig)
    zero: ZeroConfig = field(default_factory=ZeroConfig)
    track: TrackConfig = field(default_factory=TrackConfig)

    @property
    def frozen_base(self) -> bool:
        """Whether the players learn beside one frozen base: as low-rank adapters or as steering vectors."""
        return bool(self.lora.rank) or self.steering.active

    def __getattr__(self, name: str) -> PlayerConfig:
        """A player by its role."""
        players = self.__dict__.get("players", {})
        if name not in players:
            raise AttributeError(f"A run has neither a section nor a player called '{name}'.")
        return players[name]


def known_keys(config: Any = None, prefix: str = "") -> list[str]:
    """All dotted keys that may be set, e.g. `cotrain.bare.share` and `solution.gspo.clip_low`."""
    config = RunConfig() if config is None else config
    keys = []
    for name, section in _inner(config, prefix):
        keys.append(f"{prefix}{name}")
        keys += known_keys(section, f"{prefix}{name}.") if is_dataclass(section) else []
    return keys


def _inner(config: Any, prefix: str) -> list[tuple[str, Any]]:
    """What stands in a section: plain keys and sections, players, the sections of methods."""
    found = [(item.name, getattr(config, item.name)) for item in plain_fields(config)]
    found = [(name, ModelConfig() if name == "model" and value is None else value) for name, value in found]
    found += getattr(config, "players", {}).items()
    if isinstance(config, MethodSection):
        found += [(name, keys()) for name, keys in method_keys(config, prefix.rstrip(".")).items()]
    return found


def read_section(kind: type, tree: Any, prefix: str = "", start: Any = None) -> Any:
    """An instance of the dataclass `kind` with a tree's values, of which the leaves are text.

    Args:
        prefix: the section's dotted name with a dot behind it, as errors say it.
        start: the instance whose values stand where the tree says nothing; None = the defaults.

    Raises ConfigError, in a sentence, for an unknown key, a value of the wrong type and one that is missing.
    """
    name = prefix.rstrip(".")
    if isinstance(tree, Raw) and tree.startswith("{"):
        tree = parse_yaml(tree)
    if not isinstance(tree, dict):
        raise ConfigError(f"'{name}' is a section with keys of its own, so it cannot be '{tree}'.")
    hints, values, rest, missing = _hints(kind), {}, dict(tree), []
    for item in plain_fields(kind):
        default = default_of(item) if start is None else getattr(start, item.name)
        if item.name in rest:
            values[item.name] = _read(rest.pop(item.name), hints[item.name], f"{prefix}{item.name}", default)
        elif default is MISSING:
            missing.append(f"{prefix}{item.name}")
    if missing:
        raise UnknownKey(prefix, rest) if rest else ConfigError(f"'{missing[0]}' must be given.")
    if kind is RunConfig:
        values["players"] = _players(rest, values.get("roles", list(ROLES)))
    made = kind(**values) if start is None else replace(start, **values)
    if isinstance(made, MethodSection):
        made.methods = _methods(made, rest, prefix)
    if rest:
        raise UnknownKey(prefix, rest)
    return made


@lru_cache
def _hints(kind: type) -> dict[str, Any]:
    """The types of a section's keys: to evaluate them takes a quarter of the time in which a configuration is read."""
    return get_type_hints(kind)


def _read(value: Any, kind: Any, name: str, default: Any) -> Any:
    inner = section_of(kind)
    if inner is None or (inner is not kind and is_null(value)):
        return typed(value, kind, name)
    if get_origin(kind) is not dict:
        return read_section(inner, value, f"{name}.", default if is_dataclass(default) else None)
    if not isinstance(value, dict):
        raise ConfigError(f"'{name}' is a section with keys of its own, so it cannot be '{value}'.")
    return {one: read_section(inner, _nothing(tree), f"{name}.{one}.") for one, tree in value.items()}


def _nothing(tree: Any) -> Any:
    """An entry without a body, as `name:` alone on a line, has its defaults."""
    return {} if isinstance(tree, PlainScalar) and not tree else tree


def _players(rest: dict, roles: list[str]) -> dict[str, PlayerConfig]:
    return {
        role: read_section(PlayerConfig, rest.pop(role, {}), f"{role}.", starting_player(given))
        for role, given in zip(role_names(roles), roles, strict=True)
    }


def _methods(section: MethodSection, rest: dict, prefix: str) -> dict[str, Any]:
    """The keys of the methods whose sections are given, and of those that are chosen."""
    found = {}
    if rest:
        known = method_keys(section, prefix.rstrip("."))
        for name in [name for name in rest if name in known]:
            found[name] = read_section(known[name], rest.pop(name), f"{prefix}{name}.")
    return found


def load_config(path: str | Path | None, overrides: list[str] | tuple[str, ...] = ()) -> RunConfig:
    """Reads a YAML file and those that it extends (None = defaults), applies `key=value` overrides, validates.

    Raises ConfigError with one plain sentence for a missing file, unknown key, wrong type or impossible combination.
    """
    tree = overridden({}, overrides) if path is None else read_tree(path, overrides)
    try:
        config: RunConfig = read_section(RunConfig, tree)
    except UnknownKey as error:
        raise error.told(known_keys()) from error
    from rlad.config.rules import validate

    validate(config)
    for _, section in sections(config):
        if isinstance(section, MethodSection):
            section.settle()
    return config


def as_tree(config: Any) -> Any:
    """A configuration, or a section of one, in plain containers: as a YAML file holds it."""
    if isinstance(config, list | tuple):
        return [as_tree(item) for item in config]
    if isinstance(config, dict):
        return {name: as_tree(value) for name, value in config.items()}
    if not is_dataclass(config):
        return config
    found = {}
    for name, value in vars(config).items():
        if name == "players":
            found |= as_tree(value)
        elif name != "methods":
            found[name] = as_tree(value)
    return found | as_tree(getattr(config, "methods", {}))


def as_yaml(config: Any) -> str:
    """A configuration as YAML that reads back as it is."""
    return yaml.safe_dump(as_tree(config), sort_keys=False, allow_unicode=True)


def save_config(config: RunConfig, path: str | Path) -> None:
    """Writes the resolved configuration as YAML."""
    Path(path).write_text(as_yaml(config))
