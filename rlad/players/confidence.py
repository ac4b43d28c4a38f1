"""Stated confidence (RLCR, 2507.16806): what a solver says about its own answer, behind it.

    ... \\boxed{ 12 } <confidence> 0.7 </confidence>

A language model writes any number from 0 to 1. A world's solver has a token for each of eleven levels; they are in its
vocabulary only when the solver is rewarded for its confidence.
"""

from __future__ import annotations

import re

from rlad.verifier.reading.extract import without_thinking

LEVELS = tuple(f"{tenth / 10:.1f}" for tenth in range(11))
OPEN, CLOSE = "<confidence>", "</confidence>"
CONFIDENCE_TOKENS = (OPEN, CLOSE, *LEVELS)
_STATED = re.compile(rf"{OPEN}((?:(?!{OPEN}).)*?){CLOSE}", re.DOTALL)
_NUMBER = re.compile(r"[01]|0?\.\d+|0\.|1\.0*")


def stated_confidence(text: str) -> float | None:
    r"""The number in the last confidence tag behind the last boxed answer; None when there is none from 0 to 1.

    What stands in a thought states nothing. Strict on purpose: what is no plain number from 0 to 1 is malformed, so a
    model cannot be paid for "very sure".

    >>> stated_confidence(r"\boxed{ 12 } <confidence> 0.7 </confidence>")
    0.7
    >>> [stated_confidence(f"<confidence>{q}</confidence>") for q in ("1", ".25", "70%", "1.2", "-0.1", "nan", "")]
    [1.0, 0.25, None, None, None, None, None]
    >>> stated_confidence(r"<confidence>0.9</confidence> \boxed{12}") is None
    True
    >>> stated_confidence(r"<think> so \boxed{12} <confidence>0.9</confidence>") is None
    True
    """
    found = _STATED.findall(without_thinking(text).rpartition("\\boxed")[2])
    if not found or not _NUMBER.fullmatch(found[-1].strip()):
        return None
    return float(found[-1])


def state_confidence(solution: str, level: str) -> str:
    """A solution with a stated confidence.

    >>> state_confidence("so 12", "0.7")
    'so 12 <confidence> 0.7 </confidence>'
    """
    return f"{solution} {OPEN} {level} {CLOSE}"
