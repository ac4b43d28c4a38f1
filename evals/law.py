"""`python -m evals.law RUN`: fits the entropy law on the first part of a run and says how well it foretells the rest.

R = -a e^H + b (2505.22617), its ceiling b - a with intervals, the error on the steps it did not see, beside the error
of foretelling no change at all; the ScaleRL sigmoid over generated tokens (2510.13786) the same way; and the two-phase
detector (2509.03646). Needs nothing but metrics.jsonl.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evals.runs import ROLES, RunError, column, read_jsonl
from rlad.cli import PlainError, main_guard
from rlad.entropy.law import EntropyLaw, fit_law
from rlad.entropy.phases import Phases, two_phases
from rlad.entropy.scaling import Sigmoid, fit_sigmoid

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
    """Share of them inside their 95 % prediction interval; None where there is none (the sigmoid)."""


@dataclass(frozen=True)
class LawResult:
    """Everything `python -m evals.law` reports."""

    points: Points
    fitted: int
    law: EntropyLaw | None
    """None with `law_missing`: why there is none."""
    law_missing: str
    law_foretold: Foretold | None
    sigmoid: Sigmoid | None
    sigmoid_missing: str
    sigmoid_foretold: Foretold | None
    phases: dict[str, Phases]
    """By planning series: its words -> what the detector found."""

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
        found |= {"steps": len(p.steps), "fitted": self.fitted, "law": None, "sigmoid": None}
        if self.law:
            intervals = {f"{name}_ci95": list(pair) for name, pair in self.law.intervals().items()}
            values = {"a": self.law.a, "b": self.law.b, "ceiling": self.law.ceiling, "noise": self.law.s}
            range_ = [float(p.entropy[: self.fitted].max()), float(p.entropy[: self.fitted].min())]
            extra = {"fitted_entropy": range_, "ceiling_known": self.ceiling_known}
            found["law"] = values | intervals | extra | {"held_out": asdict(self.law_foretold)}
        if self.sigmoid:
            # JSON knows no infinity; an error that large is no number anyway.
            error = self.sigmoid.error if math.isfinite(self.sigmoid.error) else None
            found["sigmoid"] = asdict(self.sigmoid) | {"error": error, "held_out": asdict(self.sigmoid_foretold)}
        found["missing"] = [words for words in (self.law_missing, self.sigmoid_missing) if words]
        found["phases"] = {name: asdict(phases) for name, phases in self.phases.items()}
        return found


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


def study(metrics: list[dict[str, Any]], points: Points, fit: float = FIT) -> LawResult:
    """Fits on the first share `fit` of the points and foretells the others."""
    n = len(points.steps)
    fitted = min(n - 1, max(3, round(fit * n)))
    law, law_missing, law_foretold = None, "", None
    try:
        law = fit_law(points.entropy[:fitted], points.reward[:fitted])
    except ValueError as error:
        law_missing = f"No entropy law: {error}."
    else:
        later = points.entropy[fitted:].tolist()
        predicted, intervals = ([f(h) for h in later] for f in (law.reward, law.prediction))
        law_foretold = foretell(points.reward, fitted, np.array(predicted), np.array(intervals))
    sigmoid, sigmoid_missing, sigmoid_foretold = None, "", None
    try:
        sigmoid = _sigmoid(points, fitted)
    except ValueError as error:
        sigmoid_missing = f"No sigmoid: {error}."
    else:
        predicted = np.array([sigmoid.reward(c) for c in points.compute[fitted:].tolist()])
        sigmoid_foretold = foretell(points.reward, fitted, predicted)
    phases = phases_of(metrics, points.role)
    return LawResult(points, fitted, law, law_missing, law_foretold, sigmoid, sigmoid_missing, sigmoid_foretold, phases)


def _sigmoid(points: Points, fitted: int) -> Sigmoid:
    if np.isnan(points.compute).any():
        raise ValueError("the run does not record its generated tokens")
    # Where the curve starts from is the first few steps' reward: one step alone is mostly noise.
    start = float(points.reward[: max(1, fitted // 5)].mean())
    return fit_sigmoid(points.compute[:fitted], points.reward[:fitted], start)


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


def describe(result: LawResult) -> str:
    """The result in plain words."""
    p = result.points
    lines = [
        f"{p.role} player, {p.condition}: reward is {p.reward_key}, entropy {p.role}.{p.entropy_key}; fitted on the "
        f"first {result.fitted} of {len(p.steps)} steps."
    ]
    lines.append(result.law_missing or _law_words(result))
    lines.append(result.sigmoid_missing or _sigmoid_words(result))
    if not result.phases:
        lines.append("Two phases: this run records no planning tokens.")
    for name, phases in result.phases.items():
        where = f"from step {phases.step:.0f}, " if phases.step is not None else "no, "
        lines.append(f"Two phases ({name}): {where}{phases.reason}.")
    return "\n".join(lines)


def _law_words(result: LawResult) -> str:
    law, told, p = result.law, result.law_foretold, result.points
    pairs = {name: f"{low:+.3f} to {high:+.3f}" for name, (low, high) in law.intervals().items()}
    start, end = p.entropy[: result.fitted].max(), p.entropy[: result.fitted].min()
    ceiling = "" if result.ceiling_known else " (not determined by these steps)"
    low, high = law.intervals()["a"]
    bought = " The interval of a includes zero: these steps do not show that entropy buys reward." * (low <= 0 <= high)
    return (
        f"Entropy law R = -a e^H + b: a = {law.a:.3f} ({pairs['a']}), b = {law.b:.3f} ({pairs['b']}), ceiling b - a = "
        f"{law.ceiling:.3f} ({pairs['ceiling']}){ceiling}; H ran from {start:.3f} to {end:.3f} nats.{bought}\n"
        f"  On the {told.steps} later steps: RMSE {told.rmse:.4f} (foretelling no change: {told.rmse_no_change:.4f}), "
        f"last tenth off by {told.last_error:+.4f}, {100 * told.inside:.0f} % inside their 95 % intervals."
    )


def _sigmoid_words(result: LawResult) -> str:
    curve, told = result.sigmoid, result.sigmoid_foretold
    known = 1.96 * curve.error <= KNOWN
    error = f"± {1.96 * curve.error:.3f}" if known else "not determined by these steps"
    return (
        f"Sigmoid over generated tokens: start {curve.start:.3f}, asymptote {curve.asymptote:.3f} ({error}), middle "
        f"{curve.middle:,.0f} tokens, steepness {curve.steepness:.2f}.\n"
        f"  On the {told.steps} later steps: RMSE {told.rmse:.4f} (foretelling no change: {told.rmse_no_change:.4f})."
    )


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
        print("\n\n".join(describe(result) for result in results))


if __name__ == "__main__":
    main_guard(main, plain=(RunError,))
