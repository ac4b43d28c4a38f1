"""The entropy bonus's coefficient: by a schedule, or adapted to a target (Skywork-OR1, 2505.22312)."""

from __future__ import annotations

import math

from rlad.config import PlayerConfig


def adapt_entropy(coefficient: float, entropy: float, player: PlayerConfig) -> float:
    """A step up below the target, a step down above it, kept in [0, entropy_max]; `entropy` in nats per token.

    >>> player = PlayerConfig(entropy_target=1.0, entropy_step=0.1, entropy_max=0.25)
    >>> c = 0.0
    >>> for entropy in (0.5, 0.5, 0.5, 1.5):
    ...     c = adapt_entropy(c, entropy, player)
    >>> round(c, 3)
    0.15

    Where we differ from public code: the authors' scripts start at 0 and take steps of 1e-4 up to 0.005, target 0.2;
    their yaml and TRL name other numbers. Our runs are short, so step and ceiling are ten times the scripts'.
    """
    step = player.entropy_step if entropy < player.entropy_target else -player.entropy_step
    return min(max(coefficient + step, 0.0), player.entropy_max)


def scheduled(player: PlayerConfig, progress: float) -> float:
    """The coefficient on its way from `entropy_coef` to `entropy_final`, when a share of the training is done.

    >>> line = PlayerConfig(entropy_coef=0.01, entropy_final=0.0)
    >>> [round(scheduled(line, progress), 4) for progress in (0, 0.25, 0.5, 1)]
    [0.01, 0.0075, 0.005, 0.0]
    >>> wave = PlayerConfig(entropy_coef=0.01, entropy_final=0.0, entropy_schedule="cosine")
    >>> [round(scheduled(wave, progress), 4) for progress in (0, 0.25, 0.5, 1)]
    [0.01, 0.0085, 0.005, 0.0]
    """
    gone = progress if player.entropy_schedule == "linear" else (1 - math.cos(math.pi * progress)) / 2
    return player.entropy_coef + (player.entropy_final - player.entropy_coef) * gone


def bonus(coefficient: float, entropy: float | None, player: PlayerConfig) -> float:
    """The coefficient in use: with a target it acts only while the entropy last measured is below it.

    >>> player = PlayerConfig(entropy_target=1.0)
    >>> bonus(0.2, 0.5, player), bonus(0.2, 1.5, player), bonus(0.2, 1.5, PlayerConfig())
    (0.2, 0.0, 0.2)
    """
    above = player.entropy_target is not None and entropy is not None and entropy >= player.entropy_target
    return 0.0 if above else coefficient
