"""Keys of `instruments`: what is measured of entropy and exploration while the players train."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass
class InstrumentsConfig:
    """Costs at most a twentieth of a step (docs/entropy.md); nothing here changes what is learnt."""

    every: int = 1
    """Steps between measurements of both players, into metrics.jsonl; 0 = never."""
    tokens: int = 65536
    """Most tokens per player and step whose quantiles are taken, over all ranks; of more, every so many-th."""
    texts: int = 256
    """Most texts per player and step that are read for format, repetition and strategic grams, over all ranks."""
    forking_entropy: float = 0.672
    """Nats above which a token counts as a forking token (the 80th percentile 2506.01939 found)."""
    cluster_problems: int = 8
    """Problems per step, over all ranks, whose solutions are clustered; 0 = none."""
    rank_every: int = 10
    """Steps between measurements of the hidden states' effective rank (a multiple of `every`); 0 = never."""
    rank_rows: int = 4
    """Texts per rank and player in such a measurement."""
    rank_stride: int = 8
    """Tokens between the prefixes whose rank is taken; the authors use 20 to 40, for much longer texts."""
    planning: bool = True
    """Mine strategic grams before training, into strategic_grams.json, and tell planning from execution tokens."""
    gram_problems: int = 64
    """Training problems whose correct solutions by the warm-started base are mined."""
    gram_samples: int = 8
    """Solutions sampled per such problem."""
    gram_clusters: int = 100
    embedder: Optional[str] = None
    """Folder of a local sentence encoder that clusters the grams; None = TF-IDF."""
