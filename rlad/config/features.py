"""Keys of `features`: a sparse autoencoder of the solver's residual stream, and steering by its features."""

from __future__ import annotations

from dataclasses import dataclass

from rlad.config.registry import key


@dataclass
class FeaturesConfig:
    """`./launch.sh features RUN` (2601.08058)."""

    layer: int | None = key(None, least=0)
    """The block, from 0, behind which the stream is read and steered; null = the middle one."""
    latents: int = key(0, least=0)
    """Features of the autoencoder; 0 = four times the stream's width."""
    active: int = key(8, least=1)
    """Features that are active at once."""
    problems: int = key(1000, least=2)
    """Training problems whose solutions the autoencoder learns from, one with an abstraction and one without each."""
    steps: int = key(800, least=1)
    """Training steps of the autoencoder."""
    batch: int = key(512, least=1)
    """Tokens of a training step."""
    lr: float = key(1e-3, above=0)
    """Learning rate of the autoencoder (Adam); it falls to 0 in the second half."""
    top: int = key(4, least=1)
    """Features that are tried: those that guided solutions have most more of."""
    controls: int = key(4, least=1)
    """Sets of as many random features, each tried in the same way."""
    strengths: list[float] = key(least=0, some=True, factory=lambda: [0.25, 0.5, 1.0, 2.0])
    """Lengths of what is added at the first token, in multiples of the stream's mean norm there."""
