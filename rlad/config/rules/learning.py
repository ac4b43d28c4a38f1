"""What the methods that a player learns by ask of the run, each by its own check, and what they must share."""

from __future__ import annotations

from rlad.config import ConfigError, PlayerConfig, RunConfig
from rlad.config.players import aggregation_of
from rlad.config.rules.groups import learning_roles


def check_learning(config: RunConfig) -> None:
    """Raises ConfigError for a player that learns by a combination which cannot work."""
    step = config.cotrain
    if step.dynamic_sampling and not step.drop_constant_groups:
        raise ConfigError(
            "cotrain.dynamic_sampling replaces problems without a signal, which cotrain.drop_constant_groups=false "
            "trains on; set it true (bare anchors stay either way)."
        )
    for role in learning_roles(config):
        player = config.players[role]
        for key, _, _ in player.named():
            if check := player.chosen(key).check:
                check(config, role)
        _check_forking(role, player)
        _check_old_logprobs(role, player)
        _check_entropy(role, player)
        _check_lengths(role, player)


def _check_forking(role: str, player: PlayerConfig) -> None:
    if player.forking.share < 1 and player.forking.denominator == "kept" and aggregation_of(player) == "constant":
        raise ConfigError(
            f"{role}.forking.denominator=kept counts tokens, but {role}'s aggregation divides by a constant; use all."
        )


def _check_old_logprobs(role: str, player: PlayerConfig) -> None:
    if player.old_logprobs == "sampler" and player.mismatch.kind != "none":
        raise ConfigError(
            f"{role}.old_logprobs=sampler already holds the mismatch in its ratio; {role}.mismatch.kind="
            f"{player.mismatch.kind} would count it twice, so use none."
        )


def _check_entropy(role: str, player: PlayerConfig) -> None:
    if player.entropy_target is not None and player.entropy_final is not None:
        raise ConfigError(
            f"{role}.entropy_target adapts the coefficient that {role}.entropy_final moves by a schedule; use one of "
            "them."
        )


def _check_lengths(role: str, player: PlayerConfig) -> None:
    if player.overlong >= player.max_new_tokens:
        raise ConfigError(
            f"{role}.overlong={player.overlong} leaves no length unpunished; it must be less than "
            f"{role}.max_new_tokens={player.max_new_tokens}."
        )
