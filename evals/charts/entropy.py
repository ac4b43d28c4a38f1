"""The charts of the entropy instruments and of the entropy law, for the PNG plots and the report alike."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from evals.charts.series import PLAYERS, Chart, Point, Series, color_of, smoothed
from evals.law.study import ENOUGH, LawResult, points_of, study
from evals.runs import ROLES, column
from rlad.cli import PlainError
from rlad.entropy.formats import takeover_step
from rlad.players.roles import role_of

Keys = tuple[str, ...]
MEDIANS = {"solution": "warmstart"}
"""Colours of medians beside the players' own, which their upper quantiles have."""


def entropy_charts(metrics: list[dict[str, Any]]) -> list[Chart]:
    """What the instruments recorded, over the steps; charts without any number are left out."""
    steps = [float(row["step"]) for row in metrics]
    window = max(1, len(steps) // 20) | 1

    def line(label: str, color: str, keys: Keys, dashed: bool = False) -> Series:
        values = column(metrics, *keys)
        known = [i for i, value in enumerate(values) if value is not None]
        smooth = smoothed([values[i] for i in known], window if len(known) > len(steps) // 2 else 1)
        return Series(label, color, [Point(steps[i], y) for i, y in zip(known, smooth, strict=True)], dashed)

    def players(title: str, unit: str, *keys: str, percent: bool = False) -> Chart:
        lines = [
            line(name, color_of(role), (role, "instruments", *keys), role_of(role).proposes)
            for role, name in PLAYERS.items()
        ]
        return Chart(title, "training step", unit, lines, percent)

    def several(title: str, unit: str, lines: dict[str, tuple[str, Keys]]) -> Chart:
        made = [line(label, color, keys, i % 2 == 1) for i, (label, (color, keys)) in enumerate(lines.items())]
        return Chart(title, "training step", unit, made)

    planning = ("solution", "instruments", "planning")
    quantiles = {
        f"{name}, {words}": (color, (role, "instruments", "token_entropy", key))
        for role, name in PLAYERS.items()
        for key, words, color in (
            ("p50", "median", MEDIANS.get(role, "third")),
            ("p90", "90th percentile", color_of(role)),
        )
    }
    charts = [
        several("Token entropy, quantiles", "nats", quantiles),
        players("Forking tokens", "share of tokens", "token_entropy", "forking_share", percent=True),
        players("Entropy in the top fifth of tokens", "share", "token_entropy", "top20_share", percent=True),
        several(
            "Planning and execution tokens",
            "nats per token",
            {
                "planning tokens": ("third", (*planning, "entropy")),
                "execution tokens": ("solution", (*planning, "execution_entropy")),
            },
        ),
        several("Strategic grams", "nats", {"semantic entropy": ("third", (*planning, "semantic_entropy"))}),
        players("Covariance of log π and advantage", "mean over tokens", "covariance", "mean"),
        players("Covariance in the top 0.2 %", "share", "covariance", "top_share", percent=True),
        players("Dominant format", "share of texts", "formats", "dominant_share", percent=True),
        several(
            "Different things per problem",
            "number",
            {
                "abstractions": ("abstraction", ("rollout", "distinct_abstractions")),
                "answers": ("fourth", ("rollout", "unique_answers")),
                "clusters of solutions": ("solution", ("rollout", "solution_clusters")),
                "clusters with a right one": ("third", ("rollout", "correct_clusters")),
            },
        ),
        several(
            "What π_abs knows about its proposals",
            "AUROC; share of uniform entropy",
            {
                "a right abstraction is the likelier one": ("abstraction", ("rollout", "proposal_auroc")),
                "evenness of a set's shares": ("fourth", ("rollout", "proposal_evenness")),
                "Brier score of the shares": ("third", ("rollout", "proposal_brier")),
            },
        ),
        several(
            "The vote among a step's solutions",
            "share of problems answered rightly",
            {
                "proposer: weighted by π_abs": ("abstraction", ("rollout", "vote_proposer")),
                "equal votes of abstractions": ("third", ("rollout", "vote_equal")),
                "majority": ("fourth", ("rollout", "vote_majority")),
                "marginal: π_abs π_sol": ("solution", ("rollout", "vote_marginal")),
                "weighted by likelihood": ("fifth", ("rollout", "vote_weighted_majority")),
            },
        ),
        players("Effective rank of hidden states", "directions", "rank", "er"),
        players("Repetition", "share of four-token runs", "repetition"),
    ]
    for chart in charts:
        chart.series = [series for series in chart.series if series.points]
    return [chart for chart in charts if chart.series]


def law_results(metrics: list[dict[str, Any]]) -> list[LawResult]:
    """The law's study of every player the metrics hold enough of; [] for a short run."""
    found = []
    for role in ROLES:
        try:
            found.append(study(metrics, points_of(metrics, role)))
        except PlainError:  # too few steps: the report says so
            continue
    return found


def law_charts(result: LawResult) -> list[Chart]:
    """Reward against e^H with the fitted line, and the foretold rewards beside the measured ones."""
    if result.law is None:
        return []
    return [_law_chart(result), _foretold_chart(result)]


def _law_chart(result: LawResult) -> Chart:
    p, law, cut = result.points, result.law, result.fitted
    x = np.exp(p.entropy)
    line = [
        Point(value, law.reward(math.log(value)), *law.prediction(math.log(value)))
        for value in np.linspace(x.min(), x.max(), 24).tolist()
    ]
    dots = [Point(a, b, note=f"step {step:.0f}") for a, b, step in zip(x, p.reward, p.steps, strict=True)]
    lines = [
        Series("fitted steps", "warmstart", dots[:cut], scatter=True),
        Series("later steps", "cotrained", dots[cut:], scatter=True),
        Series("the law, with 95 % for single steps", "ink", line),
    ]
    return Chart(f"Entropy law, {PLAYERS[p.role]}", "e^H, H the entropy per token", p.reward_key, lines)


def _foretold_chart(result: LawResult) -> Chart:
    p, cut = result.points, result.fitted
    window = max(1, len(p.steps) // 20) | 1
    measured = smoothed(p.reward.tolist(), window)
    later = list(zip(p.steps[cut:].tolist(), p.entropy[cut:].tolist(), p.compute[cut:].tolist(), strict=True))
    told = smoothed([result.law.reward(h) for _, h, _ in later], window)
    lines = [
        Series("measured", "cotrained", [Point(a, b) for a, b in zip(p.steps.tolist(), measured, strict=True)]),
        Series(
            "the law, given the entropies",
            "ink",
            [Point(s, y) for (s, *_), y in zip(later, told, strict=True)],
            dashed=True,
        ),
    ]
    if result.sigmoid:
        curve = [Point(step, result.sigmoid.reward(c)) for step, _, c in later]
        lines.append(Series("foretold by the sigmoid", "third", curve, dashed=True))
    if trend := result.forecasts["trend"].model:
        line = [Point(step, trend.value(c)) for step, _, c in later]
        lines.append(Series("a line in log tokens", "warmstart", line, dashed=True))
    return Chart(f"Reward foretold, {PLAYERS[p.role]}", "training step", p.reward_key, lines)


def entropy_words(metrics: list[dict[str, Any]], results: list[LawResult]) -> list[str]:
    """What the instruments say in sentences: forms that took over, tokens that fork, and why a law is missing."""
    words = []
    steps = [float(row["step"]) for row in metrics]
    for role, name in PLAYERS.items():
        taken = takeover_step(steps, column(metrics, role, "instruments", "formats", "dominant_share"))
        latest = _latest(metrics, role, "formats", "dominant")
        if taken is not None:
            words.append(f"The {name} writes in one format only ('{latest}', over 90 %) from step {taken:.0f} on.")
        tokens = _latest(metrics, role, "forking", "tokens")
        if tokens:
            words.append(f"The {name}'s tokens that fork most often: {' '.join(tokens)}")
    if metrics and not results:
        words.append(f"The entropy law needs at least {ENOUGH} steps.")
    return words


def _latest(metrics: list[dict[str, Any]], role: str, group: str, key: str) -> Any:
    """The newest value of one of a player's instruments that is no number; None when there is none."""
    for row in reversed(metrics):
        value = ((row.get(role) or {}).get("instruments") or {}).get(group, {}).get(key)
        if value:
            return value
    return None
