"""How tables look on the terminal, and how numbers stand in them."""

from __future__ import annotations

from typing import Any

from rich.box import SIMPLE_HEAD

LOOK: dict[str, Any] = {"box": SIMPLE_HEAD, "pad_edge": False, "padding": (0, 1, 0, 0), "title_justify": "left"}


def share(value: float | None, interval: list[float] | None = None, digits: int = 1) -> str:
    """A share in percent with its interval.

    >>> share(0.4123, [0.37, 0.451])
    '41.2 (37.0–45.1)'
    >>> share(None)
    '–'
    """
    if value is None:
        return "–"
    text = f"{100 * value:.{digits}f}"
    return text if interval is None else f"{text} ({100 * interval[0]:.{digits}f}–{100 * interval[1]:.{digits}f})"


def percentage_points(value: float | None, interval: list[float] | None = None) -> str:
    """A difference in percentage points, always with its sign.

    >>> percentage_points(0.081, [0.02, 0.14])
    '+8.1 (+2.0 to +14.0)'
    """
    if value is None:
        return "–"
    text = f"{100 * value:+.1f}"
    return text if interval is None else f"{text} ({100 * interval[0]:+.1f} to {100 * interval[1]:+.1f})"
