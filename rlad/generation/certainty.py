"""How sure a model is along one text, read off the whole distribution of every next token, at temperature 1.

Self-certainty (2502.18581) is the divergence of these distributions from the uniform one, DeepConf's confidence
(2508.15260) the negative mean log-probability of their likeliest tokens. Both need what only a sampler sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, log
from typing import TYPE_CHECKING

from rlad.generation.base import Certainty

if TYPE_CHECKING:  # who only lists methods need not load torch
    import torch

TOP = 20
"""Likeliest tokens of a distribution of which DeepConf's confidence is the mean."""


def token_certainty(logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Of every row of `logits` (B, V) KL(uniform || p) and the confidence of the top 20, nats: two of (B,), float32.

    >>> import torch
    >>> logits = torch.tensor([[0.9, 0.1], [0.5, 0.5]]).log()
    >>> [[round(value, 4) for value in row] for row in map(torch.Tensor.tolist, token_certainty(logits))]
    [[0.5108, 0.0], [1.204, 0.6931]]
    """
    logp = logits.float().log_softmax(-1)
    return -logp.mean(-1) - log(logp.shape[-1]), top_confidence(logp, TOP)


def top_confidence(logp: torch.Tensor, top: int) -> torch.Tensor:
    """The negative mean of each row's `top` largest log-probs (B, V): (B,), higher = more peaked."""
    return -logp.topk(min(top, logp.shape[-1]), dim=-1).values.mean(-1)


def window_means(values: Sequence[float], window: int) -> list[float]:
    """The mean over every window of a trace; over all of it where it is shorter.

    >>> window_means([4, 2, 6, 4], 2), window_means([4, 2], 8)
    ([3.0, 4.0, 5.0], [3.0])
    """
    width = min(window, len(values))
    return [sum(values[i : i + width]) / width for i in range(len(values) - width + 1)]


def certainty_of(divergences: Sequence[float], confidences: Sequence[float], window: int) -> Certainty:
    """One text's certainty from its tokens', at least one; `window`: tokens of a window.

    >>> certainty_of([0.0, 0.5, 0.5, 1.0], [4, 2, 6, 4], 2)  # windows 3, 4, 5
    Certainty(divergence=0.5, mean=4.0, lowest=3.0, bottom=3.0, tail=5.0)
    """
    means = sorted(window_means(confidences, window))
    least = means[: ceil(len(means) / 10)]
    tail = confidences[-window:]
    parts = (divergences, confidences, means[:1], least, tail)
    return Certainty(*(sum(part) / len(part) for part in parts))
