"""Engines that sample completions for a player."""

from rlad.generation.base import Completion, Engine, Sampling

__all__ = ["Completion", "Engine", "Sampling"]
