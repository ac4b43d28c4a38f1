"""The typed run configuration: every key that a YAML file or a `key=value` override may set.

A configuration is a tree of dataclasses. `load_config` merges a YAML file and overrides into it and refuses, in one
sentence, what cannot be run: an unknown key (naming the nearest), a wrong type, numbers that do not fit together.
Nothing here imports torch, so a bad configuration is refused before any model is touched.
"""

from rlad.config.errors import ConfigError
from rlad.config.instruments import InstrumentsConfig
from rlad.config.load import RunConfig, known_keys, load_config, read_yaml, save_config
from rlad.config.players import ROLES, LoraConfig, ModelConfig, PlayerConfig
from rlad.config.problems import (
    SOURCES,
    WORLDS,
    AlgebraConfig,
    CountdownConfig,
    FieldNames,
    InductionConfig,
    ProblemsConfig,
)
from rlad.config.rewards import (
    CritiqueConfig,
    DiversityConfig,
    EffectiveRankConfig,
    HillConfig,
    R3Config,
    RlcrConfig,
)
from rlad.config.running import EngineConfig, LaunchConfig, SweepConfig, TrackConfig, VerifierConfig, ZeroConfig
from rlad.config.serving import ServingConfig
from rlad.config.training import (
    BareConfig,
    BroadenConfig,
    CotrainConfig,
    GateConfig,
    MixtureConfig,
    RftConfig,
    ScheduleConfig,
    WarmstartConfig,
)

__all__ = [
    "ROLES",
    "SOURCES",
    "WORLDS",
    "AlgebraConfig",
    "BareConfig",
    "BroadenConfig",
    "ConfigError",
    "CotrainConfig",
    "CountdownConfig",
    "CritiqueConfig",
    "DiversityConfig",
    "EffectiveRankConfig",
    "EngineConfig",
    "FieldNames",
    "GateConfig",
    "HillConfig",
    "InductionConfig",
    "InstrumentsConfig",
    "LaunchConfig",
    "LoraConfig",
    "MixtureConfig",
    "ModelConfig",
    "PlayerConfig",
    "ProblemsConfig",
    "R3Config",
    "RftConfig",
    "RlcrConfig",
    "RunConfig",
    "ScheduleConfig",
    "ServingConfig",
    "SweepConfig",
    "TrackConfig",
    "VerifierConfig",
    "WarmstartConfig",
    "ZeroConfig",
    "known_keys",
    "load_config",
    "read_yaml",
    "save_config",
]
