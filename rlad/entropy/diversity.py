"""How many different things were tried: clusters of solutions (2509.21128), repetition inside a text."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence

import numpy as np

ORDERS = range(1, 7)
LAST = 0x10FFFF
"""The largest code point."""
CUT = 60.0
"""Texts whose clusters are on average at least this chrF alike, in percent, are one cluster."""
SAMPLE = 24
"""Different texts per problem that are clustered: chrF compares all pairs."""


def chrf(texts: Sequence[str], beta: float = 2.0) -> np.ndarray:
    """chrF2 of all pairs of N texts, (N, N) percent: F-score (recall weighs 4 times) of shared character n-grams.

    n = 1 ... 6, white space left out, precision and recall averaged over the orders that both texts have. The mean of
    both directions is taken, because neither text is the reference.

    >>> chrf(["2 + 2", "2+2", "xyz"]).tolist()
    [[100.0, 100.0, 0.0], [100.0, 100.0, 0.0], [0.0, 0.0, 100.0]]
    """
    letters = ["".join(text.split()) for text in texts]
    size = len(texts)
    precision, recall, orders = np.zeros((3, size, size))
    for counts in _counts(letters):
        totals = counts.sum(1)
        shared = _shared(counts)
        known = (totals[:, None] > 0) & (totals > 0)
        precision += np.divide(shared, totals[:, None], where=known, out=np.zeros((size, size)))
        recall += np.divide(shared, totals, where=known, out=np.zeros((size, size)))
        orders += known
    precision, recall = (
        np.divide(x, orders, where=orders > 0, out=np.zeros((size, size))) for x in (precision, recall)
    )
    below = beta**2 * precision + recall
    score = np.divide((1 + beta**2) * precision * recall, below, where=below > 0, out=np.zeros((size, size)))
    return 100 * (score + score.T) / 2


def _counts(texts: list[str]) -> Iterator[np.ndarray]:
    """For each order, how often each character n-gram (a column) stands in each text (a row).

    >>> [counts.tolist() for counts in _counts(["aab", "ab"])][:2]               # a, b; then aa, ab
    [[[2.0, 1.0], [1.0, 1.0]], [[1.0, 1.0], [0.0, 1.0]]]
    """
    letters = np.array([ord(letter) for text in texts for letter in text], dtype=np.int64)
    row = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    place, gram = np.arange(len(letters)), np.zeros_like(letters)
    for n in ORDERS:
        # A gram is the one before it with a letter more, which has to stand in the same text.
        inside = place + n <= len(letters)
        place, gram = place[inside], gram[inside]
        inside = row[place] == row[place + n - 1]
        place, gram = place[inside], gram[inside]
        names, gram = np.unique(gram * (LAST + 1) + letters[place + n - 1], return_inverse=True)
        counts = np.bincount(row[place] * len(names) + gram, minlength=len(texts) * len(names))
        yield counts.reshape(len(texts), len(names)).astype(float)


def _shared(counts: np.ndarray) -> np.ndarray:
    """What the rows have in common, (N, N): the sum over the columns of the smaller of two rows' counts.

    >>> _shared(np.array([[2.0, 1.0], [3.0, 0.0]])).tolist()
    [[3.0, 2.0], [2.0, 3.0]]
    """
    once = (counts > 0).astype(float)
    shared = once @ once.T
    more = (counts - once)[:, counts.max(0, initial=0) > 1]  # few grams stand in a text again
    return shared + np.stack([np.minimum(row, more).sum(1) for row in more])


def text_clusters(texts: Sequence[str], cut: float = CUT) -> list[int]:
    """A cluster number per text: average linkage on chrF, cut at `cut` percent.

    >>> text_clusters(["x = 1", "x = 1", "quite another way"])
    [0, 0, 1]
    """
    distinct = list(dict.fromkeys(texts))
    labels = {text: i for i, text in enumerate(distinct)}
    if len(distinct) > 1:
        from scipy.cluster.hierarchy import fcluster, linkage

        far = 100 - chrf(distinct)
        tree = linkage(far[np.triu_indices(len(distinct), 1)], method="average")
        found = fcluster(tree, 100 - cut, criterion="distance").tolist()
        names: dict[int, int] = {}
        labels = {text: names.setdefault(label, len(names)) for text, label in zip(distinct, found, strict=True)}
    return [labels[text] for text in texts]


def cluster_counts(texts: Sequence[str], correct: Sequence[bool], cut: float = CUT) -> dict[str, int]:
    """Clusters, and how many of them hold a correct and how many an incorrect solution.

    >>> cluster_counts(["x = 1", "x = 1", "quite another way"], [True, False, False])
    {'all': 2, 'correct': 1, 'incorrect': 2}
    """
    labels = text_clusters(texts, cut)
    right = {label for label, good in zip(labels, correct, strict=True) if good}
    wrong = {label for label, good in zip(labels, correct, strict=True) if not good}
    return {"all": len(set(labels)), "correct": len(right), "incorrect": len(wrong)}


def rarefied(counts: Sequence[int], size: int) -> float:
    """Expected number of different things in `size` draws without replacement from `counts` (Hurlbert 1971).

    Raw numbers grow with the sample; rarefied ones can be compared between samples of different size.

    >>> rarefied([2, 2], 2)  # two of four: alike in 2 of the 6 pairs
    1.6666666666666667
    """
    total = sum(counts)
    if not 0 <= size <= total:
        raise ValueError(f"{size} cannot be drawn from {total}.")
    return sum(1 - math.comb(total - count, size) / math.comb(total, size) for count in counts)


def repetition(tokens: Sequence[Hashable], size: int = 4) -> float:
    """Share of a text's runs of `size` tokens that stood in it before; 0 for a text shorter than that.

    >>> repetition([1, 2, 1, 2, 1, 2], 2)  # 12 21 12 21 12: three of five
    0.6
    """
    runs = [tuple(tokens[i : i + size]) for i in range(len(tokens) - size + 1)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0
