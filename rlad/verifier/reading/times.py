"""Clock times and calendar dates as answers."""

from __future__ import annotations

import re

from rlad.verifier.grammar.nodes import Node

_TIME = re.compile(
    r"(?:\\text\s*\{)?\s*(\d{1,2})(?:\s*:\s*(\d{2}))?(?:\s*:\s*(\d{2}))?\s*(?:\\?(?:text|mbox|mathrm)\s*\{)?\s*([ap])?\.?\s*(m)?\.?\s*\}?\s*",
    re.I,
)
_MONTHS = {
    m: i
    for i, m in enumerate(
        [
            "january",
            "february",
            "march",
            "april",
            "may",
            "june",
            "july",
            "august",
            "september",
            "october",
            "november",
            "december",
        ],
        1,
    )
}
_MONTHS.update({m[:3]: i for m, i in _MONTHS.items()} | {"sept": 9})
_ISO = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})")
_MONTH_FIRST = re.compile(r"([A-Za-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?(?:\s*,?\s+(\d{4}))?")
_DAY_FIRST = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?\s+(?:of\s+)?([A-Za-z]{3,9})\.?(?:\s*,?\s+(\d{4}))?")


def parse_time(text: str) -> Node | None:
    """``4:30 p.m.``, ``16:30``, ``4:51:06`` as a time node: value (seconds since midnight, am/pm was shown, written
    h, m, s).
    """
    m = _TIME.fullmatch(text)
    if m is None:
        return None
    hour, minute, second = int(m[1]), int(m[2] or 0), int(m[3] or 0)
    if bool(m[4]) != bool(m[5]) or (m[2] is None and not m[4]) or minute > 59 or second > 59 or hour > 23:
        return None
    written = (hour, minute, second)
    if m[4]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if m[4].lower() == "p" else 0)
    return Node("time", (), (hour * 3600 + minute * 60 + second, bool(m[4]), written, m[3] is not None))


def parse_date(text: str) -> Node | None:
    """``June 20``, ``20th of June 2024``, ``2024-06-20`` as a date node: value (year or 0, month, day)."""
    if m := _ISO.fullmatch(text):
        year, month, day = int(m[1]), int(m[2]), int(m[3])
    elif (m := _MONTH_FIRST.fullmatch(text)) and m[1].lower() in _MONTHS:
        year, month, day = int(m[3] or 0), _MONTHS[m[1].lower()], int(m[2])
    elif (m := _DAY_FIRST.fullmatch(text)) and m[2].lower() in _MONTHS:
        year, month, day = int(m[3] or 0), _MONTHS[m[2].lower()], int(m[1])
    else:
        return None
    return Node("date", (), (year, month, day)) if 1 <= month <= 12 and 1 <= day <= 31 else None
