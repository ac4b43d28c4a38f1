"""Methods of learning that fit together: a loss, its aggregation, the log-probs it needs, the samples it gets."""

from __future__ import annotations

from rlad.config import ROLES, ConfigError, PlayerConfig, RunConfig
from rlad.config.players import aggregation_of
from rlad.config.rules.groups import trains


def check_learning(config: RunConfig) -> None:
    """Raises ConfigError for a player that learns by a combination which cannot work."""
    if config.cotrain.refills and not config.cotrain.drop_constant_groups:
        raise ConfigError(
            "cotrain.refills replaces problems without a signal, which cotrain.drop_constant_groups=false trains on; "
            "set it true (bare anchors stay either way)."
        )
    for role in ROLES:
        if trains(config, role) and (role == "solution" or config.cotrain.abstractions):
            player: PlayerConfig = getattr(config, role)
            _check_loss(role, player, config)
            _check_advantage(role, player, config)
            _check_old_logprobs(role, player)
            _check_bounds(role, player)


def _check_loss(role: str, player: PlayerConfig, config: RunConfig) -> None:
    if player.loss == "kl_cov" and config.cotrain.updates_per_rollout == 1:
        raise ConfigError(
            f"{role}.loss=kl_cov does nothing on the first update after a rollout, and "
            "cotrain.updates_per_rollout=1 makes no other; use at least 2, or clip_cov."
        )
    if player.loss == "gspo" and aggregation_of(player) != "sequence-mean":
        raise ConfigError(
            f"{role}.aggregation={player.aggregation} weighs tokens of long sequences more, which undoes "
            f"{role}.loss=gspo; use sequence-mean or auto."
        )
    if player.loss == "gspo" and player.mismatch.kind != "none" and player.mismatch.level == "token":
        raise ConfigError(
            f"{role}.loss=gspo has one ratio per sequence, but {role}.mismatch.level=token weighs every token by its "
            "own; use sequence or geometric."
        )
    if player.loss == "dr_grpo" and (aggregation_of(player) != "constant" or player.advantage != "mean"):
        raise ConfigError(
            f"{role}.loss=dr_grpo is {role}.aggregation=constant and {role}.advantage=mean together; "
            "for one without the other use ppo_clip."
        )
    if player.forking.share < 1 and player.forking.denominator == "kept" and aggregation_of(player) == "constant":
        raise ConfigError(
            f"{role}.forking.denominator=kept counts tokens, but {role}'s aggregation divides by a constant; use all."
        )


def _check_advantage(role: str, player: PlayerConfig, config: RunConfig) -> None:
    if player.advantage == "reinforce_pp" and config.cotrain.drop_constant_groups:
        raise ConfigError(
            f"{role}.advantage=reinforce_pp has no group baseline, so a constant group carries signal too; "
            "set cotrain.drop_constant_groups=false."
        )
    if player.advantage == "reinforce_pp" and player.shaping != "none":
        raise ConfigError(
            f"{role}.advantage=reinforce_pp gives every token its own return, and {role}.shaping={player.shaping} its "
            "own advantage; use one of them."
        )


def _check_old_logprobs(role: str, player: PlayerConfig) -> None:
    if player.old_logprobs == "trainer":
        return
    if player.mismatch.kind != "none":
        raise ConfigError(
            f"{role}.old_logprobs=sampler already holds the mismatch in its ratio; {role}.mismatch.kind="
            f"{player.mismatch.kind} would count it twice, so use none."
        )
    if player.loss == "kl_cov":
        raise ConfigError(
            f"{role}.loss=kl_cov would hold tokens at the sampler's rounding errors; use {role}.old_logprobs=trainer."
        )


def _check_bounds(role: str, player: PlayerConfig) -> None:
    if player.clip_cov.low >= player.clip_cov.high:
        raise ConfigError(
            f"{role}.clip_cov.low={player.clip_cov.low} must be less than {role}.clip_cov.high={player.clip_cov.high}."
        )
    if player.overlong >= player.max_new_tokens:
        raise ConfigError(
            f"{role}.overlong={player.overlong} leaves no length unpunished; it must be less than "
            f"{role}.max_new_tokens={player.max_new_tokens}."
        )
