"""A bonus for abstractions that differ from the problem's other ones and work (ours)."""

from __future__ import annotations

from collections.abc import Sequence


def novelty_by_form(keys: Sequence[str]) -> list[float]:
    """Share of the other draws that are another abstraction (by canonical form); 0 for a draw on its own.

    >>> novelty_by_form(["a", "a", "b"])
    [0.5, 0.5, 1.0]
    """
    others = len(keys) - 1
    return [sum(key != other for other in keys) / others if others else 0.0 for key in keys]


def trigrams(text: str) -> set[str]:
    """Runs of three characters, spaces and case ignored; a shorter text is its own run.

    >>> sorted(trigrams("A bcd"))
    ['abc', 'bcd']
    """
    squeezed = "".join(text.lower().split())
    return {squeezed[i : i + 3] for i in range(max(1, len(squeezed) - 2))}


def novelty_by_wording(texts: Sequence[str]) -> list[float]:
    """1 - the largest Jaccard similarity of character trigrams with any other draw; 0 for a draw on its own.

    >>> novelty_by_wording(["abcd", "abce", "xyz"])   # abc of {abc, bcd, bce} is shared
    [0.6667, 0.6667, 1.0]
    """
    sets = [trigrams(text) for text in texts]
    if len(sets) < 2:
        return [0.0] * len(sets)
    nearest = [max(len(a & b) / len(a | b) for j, b in enumerate(sets) if j != i) for i, a in enumerate(sets)]
    return [round(1 - similarity, 4) for similarity in nearest]


def bonuses(weight: float, novelty: Sequence[float], success: Sequence[float]) -> list[float]:
    """weight * novelty * success: to be different and useless pays nothing, else noise would be the best proposal.

    >>> bonuses(.5, [1.0, 1.0, .5], [1.0, 0.0, .5])
    [0.5, 0.0, 0.125]
    """
    return [weight * n * p for n, p in zip(novelty, success, strict=True)]
