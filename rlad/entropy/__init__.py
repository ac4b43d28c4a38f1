"""Entropy and exploration instruments: pure functions on tensors, counts and texts. Formulas: docs/entropy.md."""

from rlad.entropy.planning import StrategicGrams, mine

__all__ = ["StrategicGrams", "mine"]
