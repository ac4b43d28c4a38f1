"""Keys of `instruments`: what is measured of entropy and exploration while the players train."""

from __future__ import annotations

from dataclasses import dataclass

from rlad.config.registry import key


@dataclass
class InstrumentsConfig:
    """Costs at most a twentieth of a step (docs/entropy.md); nothing here changes what is learnt."""

    every: int = key(1, least=0)
    """Steps between measurements of both players, into metrics.jsonl; 0 = never."""
    tokens: int = key(65536, least=1)
    """Most tokens per player and step whose quantiles are taken, over all ranks; of more, every so many-th."""
    texts: int = key(256, least=1)
    """Most texts per player and step that are read for format, repetition and strategic grams, over all ranks."""
    forking_entropy: float = key(0.672, least=0)
    """Nats above which a token counts as a forking token (the 80th percentile 2506.01939 found)."""
    cluster_problems: int = key(8, least=0)
    """Problems per step, over all ranks, whose solutions are clustered; 0 = none."""
    rank_every: int = key(10, least=0)
    """Steps between measurements of the hidden states' effective rank (a multiple of `every`); 0 = never."""
    rank_rows: int = key(8, least=1)
    """Texts per player in such a measurement, over all ranks."""
    rank_stride: int = key(8, least=1, most=256)
    """Tokens between the prefixes whose rank is taken; the authors use 20 to 40, for much longer texts."""
    reference: bool = False
    """Measure the KL from the reference, and the base's forking tokens, of players with kl_coef=0 too: a forward of the
    frozen reference in every update, and its weights in memory."""
    planning: bool = True
    """Mine strategic grams before training, into strategic_grams.json, and tell planning from execution tokens."""
    gram_problems: int = key(64, least=1)
    """Training problems whose correct solutions by the warm-started base are mined."""
    gram_samples: int = key(8, least=1)
    """Solutions sampled per such problem."""
    gram_clusters: int = key(100, least=1)
    """Clusters of like grams; each counts as one gram."""
    embedder: str | None = None
    """Folder of a local sentence encoder that clusters the grams; None = TF-IDF."""
