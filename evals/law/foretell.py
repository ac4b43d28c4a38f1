"""Foretelling the rest of a run from its first part: the entropy law, the sigmoid, and what they must beat.

    law            R = -a e^H + b (2505.22617), given the entropies of the later steps: how reward goes with entropy
    law_forecast   the same law, with the entropies foretold too, by a line in log tokens: a forecast
    trend          a straight line of reward in log tokens, which knows no entropy
    sigmoid        ScaleRL's curve over generated tokens (2510.13786)

All are fitted on the same first steps; the baseline of every one is the mean reward of those, "no change".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rlad.entropy.law import EntropyLaw, fit_law
from rlad.entropy.scaling import Sigmoid, fit_sigmoid
from rlad.entropy.trend import LogTrend, fit_trend


@dataclass(frozen=True)
class Points:
    """One role's measured steps: those with both an entropy and a reward."""

    role: str
    condition: str
    reward_key: str
    entropy_key: str
    """below the role"""
    steps: np.ndarray
    entropy: np.ndarray
    """nats per token"""
    reward: np.ndarray
    compute: np.ndarray
    """generated tokens so far; nan where the run did not record them"""


@dataclass(frozen=True)
class Foretold:
    """How the steps after the fitted ones came out."""

    steps: int
    rmse: float
    rmse_no_change: float
    """Of foretelling the mean reward of the fitted steps."""
    last_error: float
    """Mean of the last tenth (measured minus foretold)."""
    inside: float | None
    """Share of them inside their 95 % prediction interval; None where there is none."""


@dataclass(frozen=True)
class Forecast:
    """One model, fitted and tried on the later steps."""

    model: EntropyLaw | LogTrend | Sigmoid | None
    """None with `missing`: why there is none."""
    missing: str
    foretold: Foretold | None


def foretell(reward: np.ndarray, fitted: int, predicted: np.ndarray, intervals: np.ndarray | None = None) -> Foretold:
    """The held-out steps against what was foretold for them; `predicted` and `intervals` (N, 2) hold only those.

    >>> foretell(np.array([0.2, 0.2, 0.3, 0.5]), 2, np.array([0.3, 0.4])).rmse_no_change
    0.22360679774997896
    """
    held = reward[fitted:]
    errors = held - predicted
    inside = None
    if intervals is not None:
        inside = float(((held >= intervals[:, 0]) & (held <= intervals[:, 1])).mean())
    return Foretold(
        steps=len(held),
        rmse=float(np.sqrt((errors**2).mean())),
        rmse_no_change=float(np.sqrt(((held - reward[:fitted].mean()) ** 2).mean())),
        last_error=float(errors[-max(1, len(held) // 10) :].mean()),
        inside=inside,
    )


def _law(points: Points, fitted: int) -> tuple[EntropyLaw, Foretold]:
    law = fit_law(points.entropy[:fitted], points.reward[:fitted])
    later = points.entropy[fitted:].tolist()
    predicted, intervals = ([f(h) for h in later] for f in (law.reward, law.prediction))
    return law, foretell(points.reward, fitted, np.array(predicted), np.array(intervals))


def _law_forecast(points: Points, fitted: int) -> tuple[LogTrend, Foretold]:
    law = fit_law(points.entropy[:fitted], points.reward[:fitted])
    trend = fit_trend(points.compute[:fitted], points.entropy[:fitted])
    entropies = [max(0.0, trend.value(c)) for c in points.compute[fitted:].tolist()]  # none is below zero
    return trend, foretell(points.reward, fitted, np.array([law.reward(h) for h in entropies]))


def _trend(points: Points, fitted: int) -> tuple[LogTrend, Foretold]:
    trend = fit_trend(points.compute[:fitted], points.reward[:fitted])
    return trend, foretell(points.reward, fitted, np.array([trend.value(c) for c in points.compute[fitted:].tolist()]))


def _sigmoid(points: Points, fitted: int) -> tuple[Sigmoid, Foretold]:
    if np.isnan(points.compute).any():
        raise ValueError("the run does not record its generated tokens")
    # Where the curve starts from is the first few steps' reward: one step alone is mostly noise.
    start = float(points.reward[: max(1, fitted // 5)].mean())
    curve = fit_sigmoid(points.compute[:fitted], points.reward[:fitted], start)
    return curve, foretell(points.reward, fitted, np.array([curve.reward(c) for c in points.compute[fitted:].tolist()]))


MODELS: dict[str, Callable[[Points, int], tuple]] = {
    "law": _law,
    "law_forecast": _law_forecast,
    "trend": _trend,
    "sigmoid": _sigmoid,
}
NAMES = {
    "law": "entropy law",
    "law_forecast": "entropy law with foretold entropies",
    "trend": "line in log tokens",
    "sigmoid": "sigmoid",
}
"""In words, for sentences."""


def forecasts(points: Points, fitted: int) -> dict[str, Forecast]:
    """Every model fitted on the first `fitted` points and tried on the others."""
    found = {}
    for name, fit in MODELS.items():
        try:
            model, foretold = fit(points, fitted)
            found[name] = Forecast(model, "", foretold)
        except ValueError as error:
            found[name] = Forecast(None, f"No {NAMES[name]}: {error}.", None)
    return found
