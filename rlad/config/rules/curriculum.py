"""Rules about `curriculum`."""

from __future__ import annotations

from rlad.config import ConfigError, RunConfig
from rlad.config.curriculum import BANDS


def check_curriculum(config: RunConfig) -> None:
    """Raises ConfigError for bands that overlap, stages without bands, and trees that cannot be grown or compared."""
    curriculum, step = config.curriculum, config.cotrain
    if curriculum.hard >= curriculum.easy:
        raise ConfigError(
            f"curriculum.hard={curriculum.hard} must be less than curriculum.easy={curriculum.easy}: medium is between."
        )
    if len(set(curriculum.bands)) < len(curriculum.bands):
        raise ConfigError("curriculum.bands names a band twice.")
    if curriculum.steps and len(curriculum.bands) < 2:
        raise ConfigError("curriculum.steps gives every band its turn; name at least two in curriculum.bands.")
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
