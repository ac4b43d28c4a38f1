"""The whole configuration of a run, and reading it from YAML and `key=value` overrides."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from rlad.config.errors import ConfigError
from rlad.config.instruments import InstrumentsConfig
from rlad.config.players import LoraConfig, ModelConfig, PlayerConfig
from rlad.config.problems import ProblemsConfig
from rlad.config.running import EngineConfig, LaunchConfig, SweepConfig, TrackConfig, VerifierConfig, ZeroConfig
from rlad.config.serving import ServingConfig
from rlad.config.training import CotrainConfig, WarmstartConfig


@dataclass
class RunConfig:
    name: str = "run"
    """The run folder is runs_dir/name."""
    runs_dir: str = "runs"
    seed: int = 0
    problems: ProblemsConfig = field(default_factory=ProblemsConfig)
    base: ModelConfig = field(default_factory=ModelConfig)
    """The base both players (and all baselines) start from."""
    abstraction: PlayerConfig = field(default_factory=lambda: PlayerConfig(max_new_tokens=16))
    solution: PlayerConfig = field(default_factory=PlayerConfig)
    lora: LoraConfig = field(default_factory=LoraConfig)
    warmstart: WarmstartConfig = field(default_factory=WarmstartConfig)
    cotrain: CotrainConfig = field(default_factory=CotrainConfig)
    instruments: InstrumentsConfig = field(default_factory=InstrumentsConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    verifier: VerifierConfig = field(default_factory=VerifierConfig)
    sweep: SweepConfig = field(default_factory=SweepConfig)
    serving: ServingConfig = field(default_factory=ServingConfig)
    launch: LaunchConfig = field(default_factory=LaunchConfig)
    zero: ZeroConfig = field(default_factory=ZeroConfig)
    track: TrackConfig = field(default_factory=TrackConfig)


def known_keys(node: Any = RunConfig, prefix: str = "") -> list[str]:
    """All dotted keys of the schema, e.g. `cotrain.bare.share`."""
    keys = []
    instance = node() if isinstance(node, type) else node
    for item in fields(instance):
        keys.append(name := f"{prefix}{item.name}")
        value = getattr(instance, item.name) or (ModelConfig() if item.name == "model" else None)
        if is_dataclass(value):
            keys.extend(known_keys(value, f"{name}."))
    return keys


def _check_known(tree: Any, prefix: str = "") -> None:
    known = set(known_keys())
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if name not in known:
            near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.0)
            raise ConfigError(f"Unknown configuration key '{name}'; the nearest known key is '{near[0]}'.")
        if isinstance(value, dict):
            _check_known(value, f"{name}.")
        elif any(key.startswith(f"{name}.") for key in known) and not (value is None and name.endswith(".model")):
            raise ConfigError(f"'{name}' is a section with keys of its own, so it cannot be '{value}'.")


def read_yaml(path: str | Path) -> Any:
    """A YAML file as OmegaConf node. Raises ConfigError when it is missing or no YAML."""
    if not Path(path).is_file():
        raise ConfigError(f"There is no configuration file '{path}'.")
    try:
        return OmegaConf.load(path)
    except Exception as error:  # the YAML library's errors share no base with OmegaConf's
        raise ConfigError(f"'{path}' is not valid YAML: {str(error).splitlines()[0]}.") from error


def load_config(path: str | Path | None, overrides: list[str] | tuple[str, ...] = ()) -> RunConfig:
    """Reads a YAML file (None = defaults), applies `key=value` overrides, validates.

    Raises ConfigError with one plain sentence for a missing file, unknown key, wrong type or impossible combination.
    """
    tree = OmegaConf.create({}) if path is None else read_yaml(path)
    if not OmegaConf.is_dict(tree):
        raise ConfigError(f"'{path}' must hold a mapping of keys to values.")
    for item in overrides:
        if "=" not in item:
            raise ConfigError(f"Overrides are written key=value; '{item}' is not.")
        try:
            tree = OmegaConf.merge(tree, OmegaConf.from_dotlist([item]))
        except (YAMLError, OmegaConfBaseException) as error:
            raise ConfigError(f"The value of '{item}' cannot be read.") from error
    _check_known(OmegaConf.to_container(tree))
    try:
        merged = OmegaConf.merge(OmegaConf.structured(RunConfig), tree)
        config: RunConfig = OmegaConf.to_object(merged)  # type: ignore[assignment]
    except OmegaConfBaseException as error:
        raise ConfigError(f"Wrong type for '{error.full_key}': {str(error).splitlines()[0].rstrip('.')}.") from error
    from rlad.config.rules import validate

    validate(config)
    return config


def save_config(config: RunConfig, path: str | Path) -> None:
    """Writes the resolved configuration as YAML."""
    Path(path).write_text(OmegaConf.to_yaml(OmegaConf.structured(config)))
