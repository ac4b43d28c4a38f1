"""How numbers are rounded for JSON."""

from __future__ import annotations

from typing import Any


def rounded(value: Any, digits: int = 4) -> Any:
    """Plain rounded floats for JSON.

    >>> rounded([0.123456, 1])
    [0.1235, 1.0]
    """
    if isinstance(value, list):
        return [rounded(item, digits) for item in value]
    return round(float(value), digits)
