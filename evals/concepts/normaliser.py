"""Sentence vectors in units of their own spread, and back."""

from __future__ import annotations

from dataclasses import dataclass

import torch

GAUSSIAN = 0.7413
"""The standard deviation of a Gaussian in units of its interquartile range."""


@dataclass(frozen=True)
class Normaliser:
    """(x - centre) / scale, per component (2412.08821)."""

    centre: torch.Tensor
    """(V,)"""
    scale: torch.Tensor
    """(V,), above 0."""

    @staticmethod
    def of(vectors: torch.Tensor, kind: str) -> Normaliser:
        """Of vectors (N, V); kind: standard (mean, standard deviation), iqr (median, IQR), robust (median, .7413 IQR).

        A component that does not vary keeps its unit.

        >>> known = torch.tensor([[0.0], [1.0], [2.0], [3.0], [94.0]])
        >>> [round(float(Normaliser.of(known, kind).scale), 4) for kind in ("standard", "iqr", "robust")]
        [37.0135, 2.0, 1.4826]
        >>> [float(Normaliser.of(known, kind).centre) for kind in ("standard", "iqr")]
        [20.0, 2.0]
        """
        if kind == "standard":
            centre, scale = vectors.mean(0), vectors.std(0, unbiased=False)
        else:
            low, centre, high = vectors.quantile(torch.tensor([0.25, 0.5, 0.75], dtype=vectors.dtype), dim=0)
            scale = (high - low) * (GAUSSIAN if kind == "robust" else 1.0)
        return Normaliser(centre, torch.where(scale > 1e-6, scale, torch.ones_like(scale)))

    def normalise(self, vectors: torch.Tensor) -> torch.Tensor:
        """Vectors (..., V) as the concept models see them."""
        return (vectors - self.centre) / self.scale

    def denormalise(self, normal: torch.Tensor) -> torch.Tensor:
        """The inverse."""
        return normal * self.scale + self.centre
