"""Rules about `cotrain.shared_weights`: one model, one optimiser, several roles."""

from __future__ import annotations

from rlad.config import ConfigError, RunConfig
from rlad.config.players import aggregation_of
from rlad.config.rules.groups import without_proposer

ONE = ("model", "lr", "min_lr_ratio", "weight_decay", "beta1", "beta2", "max_grad_norm")
"""Keys of a player that are its model's or its optimiser's."""


def check_shared(config: RunConfig) -> None:
    """Raises ConfigError where players of one model ask it for different things."""
    step = config.cotrain
    if not step.shared_weights:
        if step.shared_norm != "role":
            raise ConfigError(f"cotrain.shared_norm={step.shared_norm} is for cotrain.shared_weights=true.")
        return
    if why := without_proposer(config):
        raise ConfigError(f"cotrain.shared_weights is for several players, but {why}.")
    if step.schedule.kind != "simultaneous":
        raise ConfigError(
            f"cotrain.shared_weights moves all players together, which cotrain.schedule.kind={step.schedule.kind} "
            "does not; use simultaneous."
        )
    if config.warmstart.role_steps:
        raise ConfigError("cotrain.shared_weights has one base for all players; set warmstart.role_steps=0.")
    first, *others = config.players
    for other in others:
        for key in ONE:
            one, another = (getattr(config.players[role], key) for role in (first, other))
            if one != another:
                raise ConfigError(
                    f"cotrain.shared_weights has one model and one optimiser, but {first}.{key}={one} and "
                    f"{other}.{key}={another}; give them the same."
                )
    for role, player in config.players.items():
        if player.shaping == "autopilot":
            raise ConfigError(
                f"{role}.shaping=autopilot steers a learning rate of the player's own, and cotrain.shared_weights has "
                "one for all."
            )
        _check_joint(config, role)


def _check_joint(config: RunConfig, role: str) -> None:
    if config.cotrain.shared_norm != "joint":
        return
    modes = sorted({aggregation_of(player) for player in config.players.values()})
    if len(modes) > 1 or "constant" in modes:
        raise ConfigError(
            f"cotrain.shared_norm=joint counts all players' rows alike, which their aggregations do not "
            f"({', '.join(modes)}); give all the same one that counts."
        )
    forking = config.players[role].forking
    if forking.share < 1 and forking.denominator == "kept":
        raise ConfigError(
            f"{role}.forking.denominator=kept counts its own tokens; with cotrain.shared_norm=joint use all."
        )
