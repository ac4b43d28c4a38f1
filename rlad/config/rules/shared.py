"""Rules about `cotrain.shared_weights` (one model, one optimiser, several roles) and `cotrain.shared_norm`."""

from __future__ import annotations

from rlad.config import ConfigError, RunConfig
from rlad.config.players import aggregation_of
from rlad.config.rules.groups import without_proposer

ONE = ("model", "lr", "min_lr_ratio", "weight_decay", "beta1", "beta2", "max_grad_norm")
"""Keys of a player that are its model's or its optimiser's."""


def check_shared(config: RunConfig) -> None:
    """Raises ConfigError where players that share a model or a count ask for different things."""
    step = config.cotrain
    if step.shared_norm == "joint":
        _check_joint(config)
    if not step.shared_weights:
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


def _check_joint(config: RunConfig) -> None:
    if why := without_proposer(config):
        raise ConfigError(f"cotrain.shared_norm=joint is for several players, but {why}.")
    modes = sorted({aggregation_of(player) for player in config.players.values()})
    if len(modes) > 1 or "constant" in modes:
        raise ConfigError(
            f"cotrain.shared_norm=joint counts all players' rows alike, which their aggregations do not "
            f"({', '.join(modes)}); give all the same one that counts."
        )
    for role, player in config.players.items():
        if player.forking.share < 1 and player.forking.denominator == "kept":
            raise ConfigError(
                f"{role}.forking.denominator=kept counts its own tokens; with cotrain.shared_norm=joint use all."
            )
