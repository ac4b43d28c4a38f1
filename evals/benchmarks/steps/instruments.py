"""What the instruments cost: `./launch.sh bench instruments run=RUN`, on a run that measured every second step.

    ./launch.sh train RUN instruments.every=2

gives such a run: the steps with and without take turns, so both meet the same machine, players and texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from evals.law.study import read_metrics
from evals.runs import column
from rlad.cli import PlainError

SKIPPED = 2
"""First steps, in which everything is slow for the first time."""


@dataclass
class Keys:
    """What is measured."""

    run: str
    """Run folder, or a metrics.jsonl."""


def cost(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Seconds per step with and without instruments, and their own phase's share of a step with them.

    Raises PlainError where the run does not hold both kinds of step.
    """
    seconds, own = column(rows, "seconds", "total"), column(rows, "seconds", "instruments")
    measured = ["instruments" in row.get("solution", {}) for row in rows]
    kinds = [
        np.array([(a, b) for a, b, m in zip(seconds, own, measured, strict=True) if m is kind][SKIPPED:])
        for kind in (True, False)
    ]
    if min(map(len, kinds)) < 3:
        raise PlainError("The run holds too few steps with or without instruments; train with instruments.every=2.")
    with_, without = kinds
    return {
        "steps_with": len(with_),
        "steps_without": len(without),
        "seconds_with": float(with_[:, 0].mean()),
        "seconds_with_error": float(with_[:, 0].std(ddof=1) / np.sqrt(len(with_))),
        "seconds_without": float(without[:, 0].mean()),
        "seconds_without_error": float(without[:, 0].std(ddof=1) / np.sqrt(len(without))),
        "seconds_instruments": float(with_[:, 1].mean()),
        "share": float(with_[:, 1].sum() / with_[:, 0].sum()),
    }


def bench(keys: Keys) -> dict:
    """Seconds per step of both kinds, and the share of the instruments' own phase."""
    return cost(read_metrics(keys.run))
