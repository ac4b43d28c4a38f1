"""One value of a row as text, or a sentence why it is none.

A gold answer is what the file says, not what Python makes of it: text stays as it is, numbers are written as numbers,
and anything else (lists, truth values, dates, bytes) has no one text and is refused by row and column.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from rlad.problems.base import ProblemError


def text_of(value: Any, where: str) -> str:
    """The text of a value, without white space around it; empty for None. Whole numbers are written without a point.

    `where` begins the sentence of the ProblemError that any other value raises.

    >>> text_of(72.0, "x"), text_of(" 3.50 ", "x"), text_of(9007199254740993, "x"), text_of(None, "x")
    ('72', '3.50', '9007199254740993', '')
    """
    if value is None:
        return ""
    if isinstance(value, str):
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            raise ProblemError(f"{where} holds half of a character (a lone surrogate), which is no text.")
        return value.strip()
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise ProblemError(f"{where} holds {_kind(value)}, not a text or a number; write it as text.")
    if not math.isfinite(value):
        raise ProblemError(f"{where} holds {value}, which is no number; write it as text or leave it empty.")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)


def _kind(value: Any) -> str:
    """What a value is, in words.

    >>> _kind([1]), _kind({}), _kind(True), _kind(b"1")
    ('a list', 'an object', 'a truth value (True)', 'bytes')
    """
    if isinstance(value, bool):
        return f"a truth value ({value})"
    names = {list: "a list", tuple: "a list", dict: "an object", bytes: "bytes"}
    return names.get(type(value), f"a {type(value).__name__}")


def answer_text(value: Any, where: str = "The answer") -> str:
    """The gold answer as text; of a GSM8K-style worked answer only what follows the last `####`. Errors: see `text_of`.

    >>> answer_text(72.0), answer_text("48/2=24, 48+24=72 #### 72")
    ('72', '72')
    """
    return text_of(value, where).rsplit("####", 1)[-1].strip()
