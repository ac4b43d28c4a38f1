"""How well stated confidences q in [0, 1] fit what came true, c in {0, 1}. Pure functions on numpy arrays.

RLCR (2507.16806) reports all three, because each can be good on its own: a constant q at the accuracy has no
calibration error, and ranks nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evals.samples.judged import PlainSamples
from rlad.entropy.auroc import auroc


def _pairs(confidence: ArrayLike, correct: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    q, c = np.asarray(confidence, float), np.asarray(correct, float)
    if q.shape != c.shape or q.ndim != 1 or len(q) == 0:
        raise ValueError(f"Calibration needs one confidence per verdict, at least one; got {q.shape} and {c.shape}.")
    if not ((q >= 0) & (q <= 1)).all():
        raise ValueError("Confidences must lie in [0, 1].")
    return q, c


def brier(confidence: ArrayLike, correct: ArrayLike) -> float:
    """Mean (q - c)^2; 0 is perfect, .25 is what q = .5 always gets.

    >>> round(brier([.9, .9, .1, .1], [1, 0, 0, 0]), 4)   # (.01 + .81 + .01 + .01) / 4
    0.21
    """
    q, c = _pairs(confidence, correct)
    return float(((q - c) ** 2).mean())


def expected_calibration_error(confidence: ArrayLike, correct: ArrayLike, bins: int = 10) -> float:
    """ECE: |mean q - mean c| of each of `bins` equal bins, weighted by its share of the answers.

    Bins are [0, .1), [.1, .2) ...; q = 1 belongs to the last one.

    >>> round(expected_calibration_error([.9, .9, .1, .1], [1, 0, 0, 0]), 4)   # (2 * .4 + 2 * .1) / 4
    0.25
    """
    q, c = _pairs(confidence, correct)
    # Rounded first: .3 * 10 is 3.0000000000000004 in binary, .7 * 10 is 6.999999999999999.
    index = np.minimum(np.floor(np.round(q * bins, 9)), bins - 1).astype(int)
    gaps = [abs(q[index == b].sum() - c[index == b].sum()) for b in np.unique(index)]
    return float(sum(gaps) / len(q))


def calibration(confidence: ArrayLike, correct: ArrayLike) -> dict[str, float | None]:
    """All of them, with the means that a reader compares.

    >>> {name: value and round(value, 4) for name, value in calibration([.9, .9, .1, .1], [1, 0, 0, 0]).items()}
    {'accuracy': 0.25, 'confidence': 0.5, 'brier': 0.21, 'ece': 0.25, 'auroc': 0.8333}
    """
    q, c = _pairs(confidence, correct)
    return {
        "accuracy": float(c.mean()),
        "confidence": float(q.mean()),
        "brier": brier(q, c),
        "ece": expected_calibration_error(q, c),
        "auroc": auroc(q, c),
    }


def calibration_row(samples: PlainSamples) -> dict:
    """What `sweep.json` says about the confidence of a model's plain samples, those that state one."""
    stated = ~np.isnan(samples.confidence)
    row = {"checkpoint": samples.checkpoint, "label": samples.label, "temperature": samples.temperature}
    row["stated"] = float(stated.mean())
    return row | (calibration(samples.confidence[stated], samples.correct[stated]) if stated.any() else {})
