"""The typed run configuration: every key that a YAML file or a `key=value` override may set.

A configuration is a tree of dataclasses. `load_config` merges a YAML file and overrides into it and refuses, in one
sentence, what cannot be run: an unknown key (naming the nearest), a wrong type, numbers that do not fit together.
Nothing here imports torch, so a bad configuration is refused before any model is touched.
"""

from rlad.config.critique import CritiqueConfig
from rlad.config.curriculum import CurriculumConfig
from rlad.config.distill import ChatModelConfig, DistillConfig
from rlad.config.errors import ConfigError
from rlad.config.instruments import InstrumentsConfig
from rlad.config.load import (
    RunConfig,
    UnknownKey,
    as_tree,
    as_yaml,
    known_keys,
    load_config,
    read_section,
    save_config,
)
from rlad.config.merging import changes_of, overridden, read_tree
from rlad.config.methods import DiversityConfig, ForkingConfig, MismatchConfig
from rlad.config.players import ROLES, LoraConfig, ModelConfig, PlayerConfig
from rlad.config.problems import FieldNames, ProblemsConfig
from rlad.config.running import EngineConfig, LaunchConfig, SweepConfig, TrackConfig, VerifierConfig, ZeroConfig
from rlad.config.servers import ChatServerConfig, ServerConfig, is_url
from rlad.config.serving import ServingConfig
from rlad.config.steering import SteeringConfig
from rlad.config.text import parse_yaml, read_yaml
from rlad.config.training import (
    AdaptiveConfig,
    BareConfig,
    CotrainConfig,
    GateConfig,
    MixtureConfig,
    RftConfig,
    ScheduleConfig,
    SftPhaseConfig,
    WarmstartConfig,
)

__all__ = [
    "ROLES",
    "AdaptiveConfig",
    "BareConfig",
    "ChatModelConfig",
    "ChatServerConfig",
    "ConfigError",
    "CotrainConfig",
    "CritiqueConfig",
    "CurriculumConfig",
    "DistillConfig",
    "DiversityConfig",
    "EngineConfig",
    "FieldNames",
    "ForkingConfig",
    "GateConfig",
    "InstrumentsConfig",
    "LaunchConfig",
    "LoraConfig",
    "MismatchConfig",
    "MixtureConfig",
    "ModelConfig",
    "PlayerConfig",
    "ProblemsConfig",
    "RftConfig",
    "RunConfig",
    "ScheduleConfig",
    "ServerConfig",
    "ServingConfig",
    "SftPhaseConfig",
    "SteeringConfig",
    "SweepConfig",
    "TrackConfig",
    "UnknownKey",
    "VerifierConfig",
    "WarmstartConfig",
    "ZeroConfig",
    "as_tree",
    "as_yaml",
    "changes_of",
    "is_url",
    "known_keys",
    "load_config",
    "overridden",
    "parse_yaml",
    "read_section",
    "read_tree",
    "read_yaml",
    "save_config",
]
