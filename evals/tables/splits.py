"""The recommended splits of a sweep in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evals.tables.looks import percentage_points, share


def split_sentences(sweep: dict[str, Any]) -> list[str]:
    """The recommended splits in words, one sentence a budget."""
    found = sweep.get("splits")
    if not found:
        return []
    return [
        f"Within {row['budget']:,.0f} tokens: {row['n']} x {row['m']} ({row['tokens']:,.0f} tokens), right "
        f"{share(row['accuracy'], row['ci95'])} %, "
        f"{percentage_points(row['difference'], row['difference_ci95'])} points on plain sampling "
        f"(p {row['p_holm']:.2g}, Holm)"
        + (f"; level with it: {_listed(row['level_with'])}." if row["level_with"] else ".")
        for row in found["recommended"]
    ]


def _listed(found: Sequence[Sequence[int]], most: int = 6) -> str:
    """Splits in words, the first few.

    >>> _listed([[2, 1], [4, 1]]), _listed([[n, 1] for n in range(1, 9)], most=2)
    ('2 x 1, 4 x 1', '1 x 1, 2 x 1 and 6 more')
    """
    words = ", ".join(f"{n} x {m}" for n, m in found[:most])
    return words if len(found) <= most else f"{words} and {len(found) - most} more"
