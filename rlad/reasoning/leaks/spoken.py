"""Answers in other words than they are written: times of day, ratios, dates, inequalities, roots."""

from __future__ import annotations

import re
from collections.abc import Iterator

_MERIDIAN = r"(?:\s*[ap]\.?m\b\.?)?"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_WRITTEN = re.compile(
    rf"(?<![\d:.])\d{{1,4}}(?::\d{{1,4}}){{1,2}}(?![\d:]){_MERIDIAN}|(?<![\d.])\d{{1,9}} to \d{{1,9}}(?!\.?\d)"
    rf"|\b{_MONTH} {_DAY}\b(?:,? \d{{4}}\b)?|\b{_DAY} (?:of )?{_MONTH}\b(?:,? \d{{4}}\b)?|\b\d{{4}}-\d\d-\d\d\b",
    re.IGNORECASE,
)
_PAST = re.compile(
    r"(?<![\d/])(1/2|quarter|\d{1,2})(?: minutes)? (past|after|to|before) (\d{1,2})(?![\d:])", re.IGNORECASE
)
_CLOCK = re.compile(r"(?<![\d:.])(\d{1,2}):(\d\d)(?![\d:]|\s*[ap]\.?m\b)", re.IGNORECASE)
_O_CLOCK = re.compile(r"(?<![\d:])(\d{1,2}) o'?clock\b", re.IGNORECASE)
_MINUTES = {"1/2": 30, "quarter": 15}
_SIGNS: list[tuple[re.Pattern[str], str]] = [
    (re.compile(pattern.replace(" ", r"\s+"), re.IGNORECASE), sign)
    for pattern, sign in (
        (r"\b(?:(?:must|has to|have to|should|can|will|would) be|is|are)\b (?=(?:not )?(?:less|fewer|smaller|greater"
         r"|more|larger|bigger|at (?:most|least)|above|below|under|over)\b)", ""),
        (r"\b(?:less|smaller) than or equal to\b|\bat most\b|\b(?:no|not) (?:more|greater|larger) than\b", r"\\le "),
        (r"\b(?:greater|larger|more) than or equal to\b|\bat least\b|\b(?:no|not) (?:less|smaller) than\b", r"\\ge "),
        (r"\b(?:less|smaller|fewer) than\b|\bbelow\b|\bunder\b", "<"),
        (r"\b(?:greater|larger|bigger|more) than\b|\babove\b|\bover\b", ">"),
        (r"(?:\btimes )?(?:\bthe )?\b(?:square )?root (?:of )?(\d+|[a-z]\b)", r" sqrt(\1)"),
        (r"\b(\d+|[a-z]) squared\b", r"\1^2"),
        (r"\bproduct of (?:the )?([^,.;]{1,40}?) and ([^,.;]{1,40})", r"(\1)*(\2)"), (r"\) and \(", ")*("),
        (r"\bplus\b", "+"), (r"\bminus\b", "-"), (r"\btimes\b", "*"), (r"\bequals\b", "="),
    )
]  # fmt: skip


def written_values(text: str) -> Iterator[str]:
    """Times of day, ratios and dates of a plain text, as the verifier reads them.

    >>> list(written_values("at quarter past 12, or 26th of March"))
    ['26th of March', '12:15', '12:15 am', '12:15 pm']
    """
    yield from (m[0].strip() for m in _WRITTEN.finditer(text))
    for hour, minutes in [*_times_of_day(text)]:
        yield from (f"{hour}:{minutes:02d}{half}" for half in ("", " am", " pm"))


def _times_of_day(text: str) -> Iterator[tuple[int, int]]:
    """(hour, minutes) of those that leave open which half of the day it is."""
    yield from ((int(m[1]), int(m[2])) for m in _CLOCK.finditer(text) if int(m[1]) < 25 and int(m[2]) < 60)
    for m in _PAST.finditer(text):
        minutes, hour = _MINUTES.get(m[1].lower()) or int(m[1]), int(m[3])
        ahead = m[2].lower() in ("past", "after")
        if 0 < minutes < 60 and 0 < hour < 25:
            yield (hour, minutes) if ahead else ((hour - 1) or 12, 60 - minutes)
    yield from ((int(m[1]), 0) for m in _O_CLOCK.finditer(text))
    yield from ((12, 0) for _ in re.finditer(r"\b(?:noon|midnight)\b", text, re.IGNORECASE))


def in_signs(text: str) -> str:
    r"""A plain text with its comparisons, roots and operations as signs.

    >>> in_signs("x must be less than 4, 5 times the square root of 2")
    'x < 4, 5 sqrt(2)'
    """
    for pattern, sign in _SIGNS:
        text = pattern.sub(sign, text)
    return re.sub(r" {2,}", " ", text)
