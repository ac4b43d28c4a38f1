"""`python -m evals.law RUN`: fits the entropy law on the first part of a run and says how well it foretells the rest.

R = -a e^H + b (2505.22617), its ceiling b - a with intervals; the ScaleRL sigmoid over generated tokens (2510.13786);
and the errors of both on the steps they did not see, beside those of foretelling no change, of a straight line in log
tokens, and of the law when the later entropies are foretold too. The two-phase detector (2509.03646). Needs nothing but
metrics.jsonl.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evals.foretell import Forecast, Points, forecasts
from evals.runs import ROLES, RunError, column, read_jsonl
from rlad.cli import PlainError, main_guard
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
    """By name, see evals/foretell.py."""
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


def law_in_words(result: LawResult) -> str:
    """The result in plain words."""
    p = result.points
    lines = [
        f"{p.role} player, {p.condition}: reward is {p.reward_key}, entropy {p.role}.{p.entropy_key}; fitted on the "
        f"first {result.fitted} of {len(p.steps)} steps."
    ]
    lines.append(result.forecasts["law"].missing or _law_words(result))
    lines.append(result.forecasts["sigmoid"].missing or _sigmoid_words(result))
    lines += _later_words(result)
    if not result.phases:
        lines.append("Two phases: this run records no planning tokens.")
    for name, phases in result.phases.items():
        where = f"from step {phases.step:.0f}, " if phases.step is not None else "no, "
        lines.append(f"Two phases ({name}): {where}{phases.reason}.")
    return "\n".join(lines)


def _law_words(result: LawResult) -> str:
    law, p = result.law, result.points
    pairs = {name: f"{low:+.3f} to {high:+.3f}" for name, (low, high) in law.intervals().items()}
    start, end = p.entropy[: result.fitted].max(), p.entropy[: result.fitted].min()
    ceiling = "" if result.ceiling_known else " (not determined by these steps)"
    low, high = law.intervals()["a"]
    bought = " The interval of a includes zero: these steps do not show that entropy buys reward." * (low <= 0 <= high)
    return (
        f"Entropy law R = -a e^H + b: a = {law.a:.3f} ({pairs['a']}), b = {law.b:.3f} ({pairs['b']}), ceiling b - a = "
        f"{law.ceiling:.3f} ({pairs['ceiling']}){ceiling}; H ran from {start:.3f} to {end:.3f} nats.{bought}"
    )


def _sigmoid_words(result: LawResult) -> str:
    curve = result.sigmoid
    known = 1.96 * curve.error <= KNOWN
    error = f"± {1.96 * curve.error:.3f}" if known else "not determined by these steps"
    return (
        f"Sigmoid over generated tokens: start {curve.start:.3f}, asymptote {curve.asymptote:.3f} ({error}), middle "
        f"{curve.middle:,.0f} tokens, steepness {curve.steepness:.2f}."
    )


LATER = {
    "law": "the law, given their entropies",
    "law_forecast": "the law with entropies foretold by a line in log tokens",
    "trend": "a line of reward in log tokens, without entropy",
    "sigmoid": "the sigmoid",
}


def _later_words(result: LawResult) -> list[str]:
    """How every model did on the steps it did not see, one line each, below what they are measured against."""
    told = {name: one.foretold for name, one in result.forecasts.items() if one.foretold}
    if not told:
        return []
    first = next(iter(told.values()))
    found = [f"foretelling no change {first.rmse_no_change:.4f}"]
    for name, one in told.items():
        inside = "" if one.inside is None else f", {100 * one.inside:.0f} % inside their 95 % intervals"
        found.append(f"{LATER[name]} {one.rmse:.4f}, last tenth off by {one.last_error:+.4f}{inside}")
    return [f"On the {first.steps} later steps, root mean square errors:", "  " + ";\n  ".join(found) + "."]


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


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="evals.law", description=__doc__.splitlines()[0])
    parser.add_argument("run", help="run folder, or a metrics.jsonl")
    parser.add_argument("--role", choices=ROLES, help="one player (default: every player the run has)")
    parser.add_argument("--condition", choices=tuple(ENTROPIES), default="guided", help="with or without abstractions")
    parser.add_argument("--reward", metavar="KEY", help="dotted key of metrics.jsonl, e.g. rollout.coverage")
    parser.add_argument("--fit", type=float, default=FIT, metavar="SHARE", help=f"fitted first part (default {FIT})")
    parser.add_argument("--json", action="store_true", help="print JSON instead of words")
    given = parser.parse_args(words)
    if not 0 < given.fit < 1:
        raise PlainError(f"--fit {given.fit} must be between 0 and 1.")
    metrics = read_metrics(given.run)
    roles = [given.role] if given.role else [role for role in ROLES if any(column(metrics, role, "entropy"))]
    if not given.role and given.condition == "bare":
        roles = ["solution"]
    results = [
        study(metrics, points_of(metrics, role, given.condition, given.reward), given.fit)
        for role in roles or ["solution"]
    ]
    if given.json:
        print(json.dumps([result.as_json() for result in results], indent=1, allow_nan=False))
    else:
        print("\n\n".join(law_in_words(result) for result in results))


if __name__ == "__main__":
    main_guard(main, plain=(RunError,))
