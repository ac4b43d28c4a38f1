"""The entropy law fitted on the first part of a run, and how well it foretells the rest.

R = -a e^H + b (2505.22617), its ceiling b - a with intervals; the ScaleRL sigmoid over generated tokens (2510.13786);
and the errors of both on the steps they did not see, beside those of foretelling no change, of a straight line in log
tokens, and of the law when the later entropies are foretold too. The two-phase detector (2509.03646).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evals.law.foretell import Forecast, Points, forecasts
from evals.runs import column, read_jsonl
from rlad.cli import PlainError
from rlad.entropy.law import EntropyLaw
from rlad.entropy.phases import Phases, two_phases
from rlad.entropy.scaling import Sigmoid

FIT = 0.3
"""Share of a run's steps that are fitted."""
REWARDS = {
    ("solution", "guided"): ("validation.accuracy", "rollout.accuracy", "rollout.bare_accuracy", "solution.reward"),
    ("solution", "bare"): ("rollout.bare_accuracy",),
    ("abstraction", "guided"): ("validation.accuracy", "rollout.accuracy", "abstraction.reward"),
}
"""What counts as reward, by role and condition: the first of these that was recorded often enough."""
ENTROPIES = {"guided": ("instruments.sequence_entropy", "entropy"), "bare": ("bare_entropy",)}
"""What counts as entropy, by condition. The law is stated for the mean over sequences of their mean entropy, which the
instruments record; the mean over tokens stands in where they were off or looked only now and then."""
ENOUGH = 8
"""Fewest recorded steps that are worth a fit."""
KNOWN = 0.1
"""A ceiling or asymptote whose 95 % interval reaches further than this to either side is called not determined."""


@dataclass(frozen=True)
class LawResult:
    """Everything `python -m evals.law` reports."""

    points: Points
    fitted: int
    forecasts: dict[str, Forecast]
    """By name, see evals/law/foretell.py."""
    phases: dict[str, Phases]
    """By planning series: its words -> what the detector found."""

    @property
    def law(self) -> EntropyLaw | None:
        return self.forecasts["law"].model

    @property
    def sigmoid(self) -> Sigmoid | None:
        return self.forecasts["sigmoid"].model

    @property
    def ceiling_known(self) -> bool:
        """Whether the fitted steps pin the ceiling down."""
        if self.law is None:
            return False
        low, high = self.law.intervals()["ceiling"]
        return (high - low) / 2 <= KNOWN

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        p = self.points
        found: dict[str, Any] = {"role": p.role, "condition": p.condition, "reward": p.reward_key}
        found["entropy"] = f"{p.role}.{p.entropy_key}"
        found |= {"steps": len(p.steps), "fitted": self.fitted}
        for name, forecast in self.forecasts.items():
            values = self._parameters(name)
            found[name] = None if values is None else values | {"held_out": asdict(forecast.foretold)}
        found["missing"] = [forecast.missing for forecast in self.forecasts.values() if forecast.missing]
        found["phases"] = {name: asdict(phases) for name, phases in self.phases.items()}
        return found

    def _parameters(self, name: str) -> dict[str, Any] | None:
        model = self.forecasts[name].model
        if isinstance(model, EntropyLaw):
            intervals = {f"{key}_ci95": list(pair) for key, pair in model.intervals().items()}
            values = {"a": model.a, "b": model.b, "ceiling": model.ceiling, "noise": model.s}
            entropy = self.points.entropy[: self.fitted]
            range_ = [float(entropy.max()), float(entropy.min())]
            return values | intervals | {"fitted_entropy": range_, "ceiling_known": self.ceiling_known}
        if isinstance(model, Sigmoid):
            # JSON knows no infinity; an error that large is no number anyway.
            return asdict(model) | {"error": model.error if math.isfinite(model.error) else None}
        return None if model is None else asdict(model)


def points_of(
    metrics: list[dict[str, Any]], role: str, condition: str = "guided", reward_key: str | None = None
) -> Points:
    """One role's points. Raises PlainError when the metrics hold too few.

    >>> rows = [{"step": i, "solution": {"entropy": 1 - i / 10}, "rollout": {"accuracy": 0.3}} for i in range(9)]
    >>> points = points_of(rows, "solution")
    >>> points.reward_key, points.entropy_key
    ('rollout.accuracy', 'entropy')
    """
    if (role, condition) not in REWARDS:
        raise PlainError("Only the solution player solves bare problems; leave out --condition bare.")
    named = {name: column(metrics, role, *name.split(".")) for name in ENTROPIES[condition]}
    # The one recorded most often, of equals the first: a fit needs its points.
    entropy_key = max(named, key=lambda name: sum(value is not None for value in named[name]))
    entropy = named[entropy_key]
    for key in [reward_key] if reward_key else REWARDS[role, condition]:
        reward = column(metrics, *key.split("."))
        known = [i for i, pair in enumerate(zip(entropy, reward, strict=True)) if None not in pair]
        if len(known) >= ENOUGH:
            break
    else:
        wanted = reward_key or " or ".join(REWARDS[role, condition])
        raise PlainError(
            f"Fewer than {ENOUGH} steps record both {role}.{entropy_key} and {wanted}; a longer run is needed."
        )
    compute = [math.nan if value is None else value for value in column(metrics, "tokens_generated_total")]
    steps = [float(row["step"]) for row in metrics]
    columns = (np.array([values[i] for i in known]) for values in (steps, entropy, reward, compute))
    return Points(role, condition, key, entropy_key, *columns)


def study(metrics: list[dict[str, Any]], points: Points, fit: float = FIT) -> LawResult:
    """Fits on the first share `fit` of the points and foretells the others."""
    n = len(points.steps)
    fitted = min(n - 1, max(3, round(fit * n)))
    return LawResult(points, fitted, forecasts(points, fitted), phases_of(metrics, points.role))


PLANNING = {
    "entropy of planning tokens": ("instruments", "planning", "entropy"),
    "semantic entropy of strategic grams": ("instruments", "planning", "semantic_entropy"),
}


def phases_of(metrics: list[dict[str, Any]], role: str) -> dict[str, Phases]:
    """The two-phase detector on a role's execution perplexity, once per planning series that was recorded."""
    execution = column(metrics, role, "instruments", "planning", "execution_perplexity")
    found = {}
    for words, keys in PLANNING.items():
        planning = column(metrics, role, *keys)
        known = [i for i, pair in enumerate(zip(execution, planning, strict=True)) if None not in pair]
        if known:
            series = ([values[i] for i in known] for values in ([row["step"] for row in metrics], execution, planning))
            found[words] = two_phases(*series)
    return found


def read_metrics(given: str | Path) -> list[dict[str, Any]]:
    """The rows of a run folder's metrics.jsonl, or of the file itself. Raises PlainError where there are none."""
    path = Path(given)
    path = path / "metrics.jsonl" if path.is_dir() else path
    if not path.is_file():
        raise PlainError(f"There is no file '{path}'.")
    rows = read_jsonl(path)
    if not rows or not all(isinstance(row, dict) and "step" in row for row in rows):
        raise PlainError(f"'{path}' holds no training steps.")
    return rows
