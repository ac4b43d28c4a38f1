"""Which entries a judge compares next: Swiss rounds, between entries of near-equal score (2603.04304)."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def swiss_pairs(wins: Sequence[float], met: Collection[tuple[int, int]]) -> list[tuple[int, int]]:
    """The pairs of a round: from the best-scored entry down, each with the next one that it has not met.

    `met` holds pairs (lower, higher). Who finds nobody sits out.

    >>> swiss_pairs([1.0, 0.0, 1.0, 0.0], [(0, 1), (2, 3)])
    [(0, 2), (1, 3)]
    >>> swiss_pairs([2.0, 1.0, 0.0], [(0, 1)]), swiss_pairs([2.0, 1.0], [(0, 1)])
    ([(0, 2)], [])
    """
    order = sorted(range(len(wins)), key=lambda i: -wins[i])
    pairs: list[tuple[int, int]] = []
    free = list(order)
    while free:
        one = free.pop(0)
        other = next((i for i in free if (min(one, i), max(one, i)) not in met), None)
        if other is not None:
            free.remove(other)
            pairs.append((min(one, other), max(one, other)))
    return pairs
