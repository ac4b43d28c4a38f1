"""How many different things were tried: clusters of solutions (2509.21128), repetition inside a text."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np

ORDERS = range(1, 7)
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
    for n in ORDERS:
        counts = _counts(letters, n)
        totals = counts.sum(1)
        shared = np.stack([np.minimum(row, counts).sum(1) for row in counts])
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


def _counts(texts: list[str], n: int) -> np.ndarray:
    """How often each character n-gram (a column) stands in each text (a row)."""
    columns: dict[str, int] = {}
    places = [
        (row, columns.setdefault(text[i : i + n], len(columns)))
        for row, text in enumerate(texts)
        for i in range(len(text) - n + 1)
    ]
    counts = np.zeros((len(texts), max(1, len(columns))))
    if places:
        np.add.at(counts, tuple(np.array(places).T), 1)
    return counts


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
