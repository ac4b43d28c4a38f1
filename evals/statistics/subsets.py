"""How often the selected answer of k of N samples is right, for many problems at once. Pure functions on numpy arrays.

P = problems, N = samples per problem, S = random subsets, G = distinct answers or texts of a problem (padded).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlad.config.registry import rule
from rlad.selection import Candidate

COUNT = 64
"""Random subsets over which accuracy is averaged, under rules that have no exact formula."""

Floats = NDArray[np.float64]


@lru_cache
def random_subsets(samples: int, size: int) -> NDArray[np.int64]:
    """`COUNT` random subsets of `size` of so many samples, (S, size); the same ones for every problem and rule."""
    rng = np.random.default_rng(size)
    return np.array([rng.permutation(samples)[:size] for _ in range(COUNT)])


@dataclass
class Table:
    """Samples of many problems as arrays."""

    answers: NDArray[np.bool_]  # (P, N, G) which answer a sample gives; nothing for none
    texts: NDArray[np.bool_]  # (P, N, N) the first sample of the same text under the same abstraction
    right: Floats  # (P, G) share of the answer's samples that are right

    @classmethod
    def of(cls, candidates: Sequence[Sequence[Candidate]], correct: Sequence[Sequence[bool]]) -> Table:
        """From each problem's candidates and their verdicts; where one has fewer, nothing stands for the rest."""
        problems, samples = len(candidates), max((len(row) for row in candidates), default=0)
        flags = np.zeros((problems, samples))
        answers = np.zeros((problems, samples, samples), bool)
        texts = np.zeros((problems, samples, samples), bool)
        for p, row in enumerate(candidates):
            places: dict[Any, int] = {}
            first: dict[Any, int] = {}
            for i, one in enumerate(row):
                if one.key is not None:
                    answers[p, i, places.setdefault(one.key, len(places))] = True
                texts[p, i, i if one.text is None else first.setdefault((one.branch, one.text), i)] = True
            flags[p, : len(row)] = correct[p]
        counted = answers.sum(1)
        right = np.einsum("pn,png->pg", flags, answers) / np.maximum(counted, 1)
        return cls(answers[:, :, : max(1, int((counted > 0).sum(1).max(initial=0)))], texts, right)


def log_weights(select: str, candidates: Sequence[Sequence[Candidate]], keys: Any = None) -> Floats:  # (P, N)
    """The logarithm of every sample's vote; -inf where it has no answer, and where a problem has fewer samples."""
    method = rule[select]
    keys = keys or (method.keys() if method.keys else None)
    weigh = method.facts["log_weight"]
    found = np.full((len(candidates), max((len(row) for row in candidates), default=0)), -np.inf)
    for weights, row in zip(found, candidates, strict=True):
        weights[: len(row)] = [-np.inf if one.key is None else weigh(one, keys) for one in row]
    return found


def alike(weights: Floats) -> bool:
    """Whether every vote of a problem weighs the same, so that the rule is the majority.

    >>> alike(np.array([[0.0, -np.inf], [-2.0, -2.0], [-np.inf, -np.inf]])), alike(np.array([[0.0, -1.0]]))
    (True, False)
    """
    top = weights.max(1, keepdims=True)
    return bool((np.isneginf(weights) | (weights > np.where(np.isneginf(top), 0.0, top) - 1e-12)).all())


def chosen_of(samples: int, size: int) -> NDArray[np.bool_]:  # (S, N)
    """Which samples are in each of the random subsets."""
    chosen = np.zeros((COUNT, samples), bool)
    np.put_along_axis(chosen, random_subsets(samples, size), True, axis=1)
    return chosen


def sums(table: Table, weights: Floats, chosen: NDArray[np.bool_], once: bool = False) -> Floats:  # (P,)
    """Mean accuracy, over the subsets `chosen` (S, N), of a vote whose weights (P, N) come as logarithms.

    Ties share the credit. With `once` samples of the same text under the same abstraction are one vote.

    >>> rows = [[Candidate("A", text="a"), Candidate("A", text="a"), Candidate("B", text="b")]]
    >>> table, equal, whole = Table.of(rows, [[True, True, False]]), np.zeros((1, 3)), np.ones((1, 3), bool)
    >>> sums(table, equal, whole).tolist(), sums(table, equal, whole, once=True).tolist()  # two to one; one to one
    ([1.0], [0.5])
    """
    scores = np.zeros((len(weights), len(chosen), table.answers.shape[2]))
    for p, (answers, row) in enumerate(zip(table.answers, weights, strict=True)):
        voting = chosen
        if once:  # of a text that is in a subset, its first sample votes
            voting = (chosen.astype(float) @ table.texts[p]) > 0
        logs = np.where(voting, row, -np.inf)
        top = logs.max(1, keepdims=True, initial=-np.inf)
        scores[p] = np.exp(logs - np.where(np.isneginf(top), 0.0, top)) @ answers
    best = scores.max(-1, keepdims=True, initial=0.0)
    tied = (scores >= best * (1 - 1e-12)) & (best > 0)
    credit = (tied * table.right[:, None, : scores.shape[2]]).sum(-1) / np.maximum(tied.sum(-1), 1)
    return credit.mean(1)


def best_of_k(scores: ArrayLike, correct: ArrayLike, k: int) -> float:
    """Unbiased accuracy of taking the highest-scored of k samples of one problem, averaged over random tie-breaks.

    sum_i correct_(i) C(i-1, k-1) / C(N, k) over ascending scores: item i is the best of a subset when the other k-1
    come from below it. A perfect scorer gives pass@k, k=1 the mean accuracy, k=N the top item.

    >>> [round(best_of_k([1, 2, 3, 4], [0, 1, 0, 1], k), 4) for k in (1, 2, 3, 4)]
    [0.5, 0.6667, 0.75, 1.0]
    >>> best_of_k([1, 1], [0, 1], 2)  # a tie
    0.5
    """
    score, right = np.asarray(scores, float), np.asarray(correct, float)
    size = len(score)
    if not 1 <= k <= size or len(right) != size:
        raise ValueError(f"best-of-{k} needs 1 <= k <= N and one verdict per score; got {size} and {len(right)}.")
    _, block = np.unique(score, return_inverse=True)
    expected = (np.bincount(block, right) / np.bincount(block))[block]  # a tied item is right as often as its block
    order = np.argsort(score)
    chances = np.array([comb(i, k - 1) for i in range(size)], float) / comb(size, k)
    return float(expected[order] @ chances)


def best_of(
    candidates: Sequence[Sequence[Candidate]], correct: Sequence[Sequence[bool]], score: str, size: int
) -> Floats:  # (P,)
    """Exact accuracy of the sample that is best in a score among `size` of them; one without an answer is the worst.

    >>> best_of([[Candidate("A", -1.0), Candidate("B", -2.0)]], [[True, False]], "likelihood", 2).tolist()
    [1.0]
    """
    rows = zip(candidates, correct, strict=True)
    return np.array([
        best_of_k([-np.inf if one.key is None else getattr(one, score) for one in row], flags, size)
        for row, flags in rows
    ])  # fmt: skip
