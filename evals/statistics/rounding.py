"""How numbers are rounded for JSON, and how it is laid out."""

from __future__ import annotations

import json
import re
from typing import Any


def rounded(value: Any, digits: int = 4) -> Any:
    """Plain rounded floats for JSON.

    >>> rounded([0.123456, 1])
    [0.1235, 1.0]
    """
    if isinstance(value, list):
        return [rounded(item, digits) for item in value]
    return round(float(value), digits)


def rounded_all(value: Any, digits: int = 5) -> Any:
    """Every float in plain containers rounded, whatever stands beside it; tuples become lists.

    >>> rounded_all({"a": (0.1234567, None), "b": {"c": "d", "e": 3}})
    {'a': [0.12346, None], 'b': {'c': 'd', 'e': 3}}
    """
    if isinstance(value, dict):
        return {key: rounded_all(item, digits) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded_all(item, digits) for item in value]
    return round(value, digits) if isinstance(value, float) else value


def compact(value: object) -> str:
    """JSON, indented, but with every list of plain values on one line.

    >>> print(compact({"a": [1, 2], "b": {"c": []}}))
    {
     "a": [1, 2],
     "b": {
      "c": []
     }
    }
    """
    text = json.dumps(value, indent=1)
    return re.sub(
        r"\[[^\[\]{}]*\]", lambda match: " ".join(match[0].split()).replace("[ ", "[").replace(" ]", "]"), text
    )
