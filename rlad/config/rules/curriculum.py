"""Rules about `curriculum`."""

from __future__ import annotations

from rlad.config import ConfigError, RunConfig
from rlad.config.curriculum import BANDS


def check_curriculum(config: RunConfig) -> None:
    """Raises ConfigError for bands that overlap, stages without bands, lengths by stage that fit none,
    and trees that cannot be grown or compared."""
    curriculum, step = config.curriculum, config.cotrain
    if curriculum.hard >= curriculum.easy:
        raise ConfigError(
            f"curriculum.hard={curriculum.hard} must be less than curriculum.easy={curriculum.easy}: medium is between."
        )
    if len(set(curriculum.bands)) < len(curriculum.bands):
        raise ConfigError("curriculum.bands names a band twice.")
    if curriculum.steps and len(curriculum.bands) < 2:
        raise ConfigError("curriculum.steps gives every band its turn; name at least two in curriculum.bands.")
    _check_stage_lengths(config)
    for band in BANDS:
        shape = getattr(curriculum, f"{band}_tree")
        if not shape:
            continue
        if len(shape) != 2:
            raise ConfigError(f"curriculum.{band}_tree={shape} must be [n, m]: abstractions, and solutions with each.")
        if not step.abstractions:
            raise ConfigError(f"curriculum.{band}_tree needs abstractions, but cotrain.abstractions=0.")
        if shape[1 if step.solution_group == "abstraction" else 0] < 2:
            raise ConfigError(
                f"curriculum.{band}_tree={shape} leaves nothing to compare a solution with; use at least 2 "
                f"{'solutions' if step.solution_group == 'abstraction' else 'abstractions'}."
            )
        if shape[0] < 2 and not step.subtract_bare:
            raise ConfigError(f"curriculum.{band}_tree={shape} leaves nothing to compare an abstraction with.")


def _check_stage_lengths(config: RunConfig) -> None:
    lengths, bands, player = config.curriculum.max_new_tokens, config.curriculum.bands, config.solution
    if not lengths:
        return
    if not config.curriculum.steps:
        raise ConfigError("curriculum.max_new_tokens is by stage; say in curriculum.steps how long one takes.")
    if len(lengths) != len(bands):
        raise ConfigError(
            f"curriculum.max_new_tokens={lengths} must be one number for each of curriculum.bands={bands}."
        )
    if max(lengths) != player.max_new_tokens:
        raise ConfigError(
            f"curriculum.max_new_tokens={lengths} has another largest number than "
            f"solution.max_new_tokens={player.max_new_tokens}, by which memory and positions are counted; set that to "
            f"{max(lengths)}."
        )
    if player.overlong >= min(lengths):
        raise ConfigError(
            f"solution.overlong={player.overlong} must be less than each of curriculum.max_new_tokens={lengths}."
        )
