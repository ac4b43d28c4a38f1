"""The tables of `python -m evals.pruning`, as text."""

from __future__ import annotations

from typing import Any


def _with(row: dict[str, Any], name: str, ci: str) -> str:
    """An estimate with its interval.

    >>> _with({"a": 1.5, "a_ci95": [1.0, 2.0]}, "a", "a_ci95"), _with({"a": 1.5, "ci95": None}, "a", "ci95")
    ('1.50 (1.00 to 2.00)', '1.50')
    """
    value, interval = row[name], row[ci]
    return f"{value:.2f} ({interval[0]:.2f} to {interval[1]:.2f})" if interval else f"{value:.2f}"


def shown(found: dict[str, Any]) -> str:
    """Everything that was measured of a run, in lines."""
    lines = [
        f"{found['run']}, {found['checkpoint']}: {found['chains']} right plain solutions, {found['reasoning_tokens']} "
        f"tokens before the box, {found['scorings']} texts scored in {found['seconds']} s",
        f"log P(answer) with the full chain: {_with(found, 'full_answer', 'full_answer_ci95')} nats",
    ]
    for row in found["likelihood"]:
        gain = ""
        if row["order"] != "joint":
            gain = f"  joint is better by {_with(row, 'joint_gains_answer', 'joint_gains_answer_ci95')}"
        lines.append(
            f"  {row['share']:.1f} left, {row['order']:<11} log P(answer) {_with(row, 'answer', 'answer_ci95')}, above "
            f"one half in {100 * row['keeps_answer']:.0f} %{gain}"
        )
    lines.append("Retention relative to uniform:")
    lines += [
        f"  {row['kept']:.1f} left, {row['order']:<11} {row['name']:<14} {_with(row, 'relative', 'ci95')}"
        for row in found["retention"]
    ]
    for row in found.get("abstractions", {}).get("rows", ()):
        told = f"  {row['solver']:<10} {row['token']:<14} nats lost without it {_with(row, 'deleted', 'deleted ci95')}"
        twice = f", twice {_with(row, 'twice', 'twice ci95')}" if "twice" in row else ""
        lines.append(told + twice)
    return "\n".join(lines)
