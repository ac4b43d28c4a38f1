"""Boxed answers: ``\\boxed{...}`` and ``\\fbox{...}``, also several that together are one answer."""

from __future__ import annotations

import re
from typing import NamedTuple

_BOX = re.compile(r"\\(?:boxed|fbox)(?![a-zA-Z])\s*")
_GAP = re.compile(
    r"[^\w,;&、]*(?:(?!(?:no|not|wait|but|actually|thus|so|then|therefore|hmm|instead|rather|and|or)\b)[^\W\d]+[^\w,;&、]+){0,4}?"
    r"(?:[,;&、]|\b(?:and|or|y|et|und|e|и)\b|和)+(?:[^\w]*\b(?:and|or)\b)?(?:[^\w=]*[A-Za-z]\w{0,2}(?:_?\{?\w{1,3}\}?)?(?:\(\w\))?\s*=)?[^\w]*",
    re.IGNORECASE,
)
_BARE_GAP = re.compile(r"[\s$,]*")


class Box(NamedTuple):
    """One box: where it starts and ends, and what it holds; None when it is not closed or is empty."""

    start: int
    end: int
    content: str | None


def find_boxes(text: str, limit: int = 40) -> list[Box]:
    """The last ``limit`` boxes, in order; a box inside a box counts as its content only."""
    starts = [m.span() for m in _BOX.finditer(text)][-limit:]
    boxes: list[Box] = []
    for start, after in starts:
        if boxes and start < boxes[-1].end:
            continue
        boxes.append(_box(text, start, after))
    return boxes


def _box(text: str, start: int, after: int) -> Box:
    if after >= len(text):
        return Box(start, after, None)
    if text[after] != "{":  # \boxed 5
        m = re.compile(r"\$?\s*(-?[\d.,]*\d|\\[a-zA-Z]+|[A-Za-z])").match(text, after)
        return Box(start, m.end(), m.group(1)) if m else Box(start, after, None)
    depth, k, n = 0, after, len(text)
    while k < n:
        c = text[k]
        if c == "\\":
            k += 2
            continue
        if c == "{":
            depth += 1
        elif c == "}":
            depth -= 1
            if depth == 0:
                content = text[after + 1 : k].strip()
                inner = find_boxes(content) if "boxed" in content or "fbox" in content else []
                if len(inner) == 1 and inner[0].content and (inner[0].start, inner[0].end) == (0, len(content)):
                    content = inner[0].content
                return Box(start, k + 1, content or None)
        k += 1
    return Box(start, n, None)


def _plain(gap: str) -> str:
    """The gap without LaTeX wrapping: ``\\quad \\text{and} \\quad`` is " and "."""
    return re.sub(r"\\(?:q?quad|text|mbox|textbf|left|right|[,;! ()\[\]])\s*", " ", gap)


def joined_groups(text: str, boxes: list[Box]) -> list[list[Box]]:
    """Boxes in groups that are one answer together: ``\\boxed{1}, \\boxed{2}`` and ``\\boxed{k=4} \\text{ and }
    \\boxed{n=2}``.
    """
    groups: list[list[Box]] = []
    for box in boxes:
        if groups:
            gap = text[groups[-1][-1].end : box.start]
            if (
                len(gap) <= 48
                and (_BARE_GAP.fullmatch(gap) or _GAP.fullmatch(_plain(gap)))
                and "\n\n" not in gap
                and not re.search(r"\.\s|[!?]", gap)
            ):
                groups[-1].append(box)
                continue
        groups.append([box])
    return groups
