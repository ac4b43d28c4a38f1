"""A list of abstractions that was written in one text: where its items stand among the tokens, and what they say."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBER = re.compile(r"^\s*(?:[-*•]|\(?\d{1,3}[.):])\s+")


def item_spans(texts: Sequence[str], ends: Sequence[bool]) -> list[tuple[int, int]]:
    """The items of a list as [start, end) among its tokens; every token belongs to exactly one item.

    An item includes the token that ends it. Blank stretches go to the item before them, at the front to the one behind
    them. Empty for a text that says nothing.

    Args:
        texts: what each token says; a separator and the end of the sequence say nothing.
        ends: which tokens end an item.

    >>> item_spans(["2", "a", "", "1", "max", "", "", ""], [False, False, True, False, False, True, True, True])
    [(0, 3), (3, 8)]
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for i, end in enumerate(ends, start=1):
        if not end and i < len(texts):
            continue
        if any(text.strip() for text in texts[start:i]):
            spans.append((start, i))
            start = i
        elif spans:
            spans[-1] = (spans[-1][0], i)
            start = i
    return spans


def unnumbered(text: str) -> str:
    """An item of a list without what marks it as one.

    >>> unnumbered("2. Count by parity."), unnumbered("- 3 cases"), unnumbered("3 cases")
    ('Count by parity.', '3 cases', '3 cases')
    """
    return _NUMBER.sub("", text).strip()
