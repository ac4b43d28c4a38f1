"""The numbers of one run of a comparison at its end."""

from __future__ import annotations

from typing import Any

from evals.charts.curves import mean_known


def final(run: dict[str, Any]) -> dict[str, Any]:
    """A run's numbers at the end, from what compare.json holds of it; None where it has nothing of the kind.

    Entropies are means over the last tenth of the curve, nats per token; `right_with` is a single solution's accuracy
    under an abstraction, `right_without` the same without one at the best temperature; `distinct` counts different
    abstractions in the cell of most. Calibration is that at the temperature nearest to 1, which is trained at.
    """
    cells, curves = run["cells"], run.get("learning", {})
    widest = max(cells, key=lambda cell: cell["n"], default={})
    stated = [row for row in run.get("calibration", []) if "brier" in row]
    nearest = min(stated, key=lambda row: abs(row["temperature"] - 1), default={})
    return {
        "right_with": (run.get("triple") or {}).get("with_mean"),
        "right_without": max((curve["pass_at_k"][0] for curve in run["curves"]), default=None),
        "covered": {_shape(cell): cell["pass_at_k"] for cell in reversed(cells)},
        "selected": {_shape(cell): cell["accuracy"] for cell in reversed(cells)},
        "distinct": widest.get("distinct"),
        "abstraction_entropy": _end(curves.get("abstraction_entropy", [])),
        "solution_entropy": _end(curves.get("solution_entropy", [])),
        **{name: nearest.get(name) for name in ("brier", "ece", "auroc", "stated")},
        "tokens": run["training_tokens"],
        "seconds": run.get("seconds", {}).get("train"),
    }


def _shape(cell: dict[str, Any]) -> str:
    return f"{cell['n']}x{cell['m']}"


def _end(values: list[float | None]) -> float | None:
    """The mean over the last tenth.

    >>> _end([5.0] * 18 + [1.0, 2.0]), _end([])
    (1.5, None)
    """
    return mean_known(values[-max(1, len(values) // 10) :])
