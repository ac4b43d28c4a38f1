"""Whether steering vectors fit the rest: one frozen base, layers that it has, biases that they merge into."""

from __future__ import annotations

from rlad.config import ConfigError, RunConfig
from rlad.config.rules.models import model_config
from rlad.config.steering import chosen_layers, site_of

_COUNTS = ("num_hidden_layers", "n_layer")


def check_steering(config: RunConfig) -> None:
    """Raises ConfigError for vectors beside a base that cannot have them. Models not here are asked when they start."""
    if not config.steering.active:
        return
    if config.lora.rank:
        raise ConfigError(
            f"lora.rank={config.lora.rank} and steering.layers are two ways to learn beside one base; leave one out."
        )
    for role in config.players:
        if config.players[role].model is not None:
            raise ConfigError(f"With steering.layers all players have one base; leave {role}.model out.")
    if config.warmstart.role_steps:
        raise ConfigError(
            f"warmstart.role_steps={config.warmstart.role_steps} gives each player a base of its own, but steering "
            "vectors share one; set it to 0."
        )
    tiny = {"model_type": "qwen3", "n_layer": config.base.layers}
    facts = model_config(config.base.path) if config.base.path else tiny
    if facts is not None:
        site_of(facts.get("model_type"), config.steering.site)
        count = next((int(facts[name]) for name in _COUNTS if name in facts), None)
        if count is not None:
            chosen_layers(config.steering, count)
