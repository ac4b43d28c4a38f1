"""How a comparison states a number over seeds."""

from __future__ import annotations

from typing import Any

from evals.statistics.estimators import mean_over_seeds
from evals.statistics.rounding import rounded


def spread(name: str, by_seed: list[float]) -> dict[str, Any]:
    """Mean, Student's t interval over seeds and single values under a measure's name; one seed has no interval (None).

    >>> spread("covered", [0.5, 0.75])["covered"], spread("covered", [0.5])
    (0.625, {'covered': 0.5, 'covered_ci95': None, 'covered_by_seed': [0.5]})
    """
    interval = mean_over_seeds(by_seed)
    sure = interval.low == interval.low
    return {
        name: rounded(interval.estimate),
        f"{name}_ci95": rounded(interval.ci95) if sure else None,
        f"{name}_by_seed": rounded(by_seed),
    }
