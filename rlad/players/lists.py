"""A list of abstractions that was written in one text: where its items stand among the tokens, and what they say."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate

from rlad.players.plain import THINK

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


def thought_span(texts: Sequence[str]) -> range:
    """Which tokens, by what each says, hold a thought: up to the first word behind its end, or to the last of all.

    >>> thought_span(["<think>", "12?", "</think>", "\\n", "Count"]), thought_span(["a", "<thi", "nk>", "12?"])
    (range(0, 4), range(1, 4))
    >>> thought_span(["Count", "it"])
    range(0, 0)
    """
    tags = list(THINK.finditer("".join(texts)))
    if not tags:
        return range(0)
    ends = list(accumulate(map(len, texts)))  # of each token, in letters
    if not tags[-1][1]:
        return range(bisect_right(ends, tags[-1].start()), len(texts))
    words = (i for i in range(bisect_left(ends, tags[-1].end()) + 1, len(texts)) if texts[i].strip())
    return range(next(words, len(texts)))


def unnumbered(text: str) -> str:
    """An item of a list without what marks it as one.

    >>> unnumbered("2. Count by parity."), unnumbered("- 3 cases"), unnumbered("3 cases")
    ('Count by parity.', '3 cases', '3 cases')
    """
    return _NUMBER.sub("", text).strip()
