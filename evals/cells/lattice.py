"""Every n x m of a pool at once: how often the selected answer is right, coverage, tokens, latency.

A cell is the first m solutions of the first n abstractions, so a table of cells is a table of running sums: two hundred
cells cost one pass over the pool, where two hundred votes would cost as many. P = problems, N = abstractions, M =
solutions under one, G = distinct answers of a problem. Entry [n - 1, m - 1] is the cell n x m, nan where the trees were
not grown for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evals.samples.judged import BreadthProblem, BreadthSamples
from evals.statistics import estimators as est
from rlad.config.registry import rule
from rlad.selection import Candidate

Floats = NDArray[np.float64]


@dataclass
class PoolCells:
    """Every cell of one pool of trees, [n - 1, m - 1]; (P, N, M) and nan where the trees were not grown for it."""

    depth: tuple[int, ...]
    accuracy: Floats
    covered: Floats
    tokens: Floats
    latency: Floats

    @classmethod
    def of(cls, samples: BreadthSamples, select: str, keys: Any = None) -> PoolCells:
        """The pool under a rule."""
        return cls(samples.depth, accuracies(samples, select, keys), coverages(samples), *costs(samples))

    def affordable(self, budget: float) -> list[tuple[int, int]]:
        """Splits of at most `budget` tokens on average."""
        mean = self.tokens.mean(0)
        return [(n, m) for n, m in shapes(self.depth) if mean[n - 1, m - 1] <= budget * (1 + 1e-9)]


def majorities(keys: ArrayLike, right: ArrayLike, weights: Sequence[ArrayLike] | None = None) -> Floats:  # (N, M)
    """Probability that the selected answer of every cell of one problem is right; ties share the credit.

    `keys` (N, M): which answer a solution gives, -1 for none. `right` (N, M): whether it is right. `weights`: of every
    n the votes (n, M) of the first n abstractions' solutions; None = one each.

    >>> majorities([[0, 1], [1, 1]], [[1, 0], [0, 0]]).tolist()  # 1 x 1: 0; 1 x 2: 0 and 1 tie; 2 x 1: they tie
    [[1.0, 0.5], [0.5, 0.0]]
    >>> majorities([[0], [1]], [[1], [0]], [[[2.0]], [[2.0], [1.0]]]).tolist()  # the first abstraction weighs double
    [[1.0], [1.0]]
    """
    answer, flags = np.asarray(keys), np.asarray(right, float)
    given = (answer[..., None] == np.arange(answer.max(initial=0) + 1)).astype(float)  # (N, M, G)
    count = given.cumsum(0).cumsum(1)
    share = (given * flags[..., None]).cumsum(0).cumsum(1) / np.maximum(count, 1)
    if weights is None:
        votes = count
    else:
        votes = np.array([
            np.einsum("nm,nmg->mg", np.asarray(one, float), given[: len(one)]).cumsum(0) for one in weights
        ])  # fmt: skip
    best = votes.max(-1, keepdims=True)
    tied = (votes >= best * (1 - 1e-12)) & (best > 0)
    return (tied * share).sum(-1) / np.maximum(tied.sum(-1), 1)


def fits(select: str, keys: Any) -> bool:
    """Whether a rule is a sum of votes in which the number of solutions under an abstraction is a factor of all."""
    weigh = rule[select].facts.get("log_weight")
    if weigh is None:
        return False
    said = [  # everything that a rule may read
        {"logprob": -1.0, "unguided": -2.0, "sampled": -1.5, "tokens": 4, "stated_confidence": 0.5, "proposal": -0.5,
         "judgement": 0.5},
        {"logprob": -9.0, "unguided": -5.0, "sampled": -7.0, "tokens": 7, "stated_confidence": 0.9, "proposal": -3.0,
         "judgement": 0.9},
    ]  # fmt: skip
    probes = [[weigh(Candidate("A", **one, drawn=9, solutions=m), keys) for m in (1, 3)] for one in said]
    (a, b), (c, d) = probes
    return bool(np.isclose(a - b, c - d))


def accuracies(samples: BreadthSamples, select: str, keys: Any = None) -> Floats:  # (P, N, M)
    """The selected answer of every cell. Raises PlainError where the rule reads what the samples have not got; asks for
    every cell on its own where the rule doesn't fit (see `fits`)."""
    wide, deep = len(samples.depth), max(samples.depth)
    keys = keys or (rule[select].keys() if rule[select].keys else None)
    found = np.full((len(samples.problems), wide, deep), np.nan)
    if fits(select, keys):
        samples.accuracy(1, 1, select, keys)  # says what is missing
        for table, problem in zip(found, samples.problems, strict=True):
            table[:] = _problem(problem, samples.depth, select, keys)
    else:
        for n, m in shapes(samples.depth):
            found[:, n - 1, m - 1] = samples.accuracy(n, m, select, keys)
    return np.where(grown(samples.depth), found, np.nan)


def _problem(problem: BreadthProblem, depth: Sequence[int], select: str, keys: Any) -> Floats:
    """The cells of one problem; one with fewer abstractions has its last ones again."""
    wide, deep = len(depth), max(depth)
    have = len(problem.keys)
    if not have:
        return np.zeros((wide, deep))
    answer, right = np.full((have, deep), -1), np.zeros((have, deep))
    names: dict[Any, int] = {}
    for i, (own, flags) in enumerate(zip(problem.keys, problem.correct, strict=True)):
        answer[i, : len(own)] = [-1 if key is None else names.setdefault(key, len(names)) for key in own]
        right[i, : len(flags)] = flags
    weights = None if select == "majority" else [_weights(problem, n, depth, select, keys) for n in range(1, have + 1)]
    table = majorities(answer, right, weights)
    return table[np.minimum(np.arange(wide), have - 1)]


def _weights(problem: BreadthProblem, n: int, depth: Sequence[int], select: str, keys: Any) -> Floats:  # (n, M)
    """Votes of the solutions of the first n abstractions, relative to the largest."""
    facts, deep, found = rule[select].facts, max(depth), np.full((n, max(depth)), -np.inf)
    rows = iter(problem.candidates(n, depth[n - 1]))
    for i, own in enumerate(problem.keys[:n]):
        seen = set()
        for j in range(min(depth[n - 1], deep, len(own))):
            one = next(rows)
            if one.key is not None and not (facts.get("once") and one.text in seen and one.text is not None):
                found[i, j] = facts["log_weight"](one, keys)
            seen.add(one.text)
    top = found.max()
    return np.exp(found - (0.0 if np.isneginf(top) else top))


def coverages(samples: BreadthSamples) -> Floats:  # (P, N, M)
    """Coverage by every cell, of all solutions there are under its abstractions (unbiased)."""
    wide, deep = len(samples.depth), max(samples.depth)
    found = np.zeros((len(samples.problems), wide, deep))
    for m in range(1, deep + 1):
        deepest = sum(most >= m for most in samples.depth)
        total = np.array([[len(row) for row in p.correct[:deepest]] + [m] * (deepest - len(p.correct[:deepest]))
                          for p in samples.problems])  # fmt: skip
        right = np.array([[sum(row) for row in p.correct[:deepest]] + [0] * (deepest - len(p.correct[:deepest]))
                          for p in samples.problems])  # fmt: skip
        passed = est.pass_at_k(total.ravel(), right.ravel(), m).reshape(total.shape)
        found[:, :deepest, m - 1] = 1 - np.cumprod(1 - passed, axis=1)
    return np.where(grown(samples.depth), found, np.nan)


def costs(samples: BreadthSamples) -> tuple[Floats, Floats]:  # both (P, N, M)
    """Generated tokens and latency of every cell: the sum of all, and the longest abstraction with its solution."""
    wide, deep = len(samples.depth), max(samples.depth)
    tokens, latency = np.zeros((2, len(samples.problems), wide, deep))
    depths = np.arange(1, deep + 1)
    for p, problem in enumerate(samples.problems):
        have = len(problem.tokens)
        proposed = [problem.proposal_tokens[draw] for draw in problem.first_draw]
        longest = np.zeros((have, deep))
        for i, row in enumerate(problem.tokens):
            reached = np.maximum.accumulate(row)
            longest[i] = proposed[i] + reached[np.minimum(depths, len(row)) - 1]
        longest = np.maximum.accumulate(longest) if have else np.zeros((1, deep))
        for n in range(1, wide + 1):
            tokens[p, n - 1] = problem.spent(n) + depths * problem.mean_tokens[min(n, have)]
            latency[p, n - 1] = longest[min(n, max(have, 1)) - 1]
    there = grown(samples.depth)
    return np.where(there, tokens, np.nan), np.where(there, latency, np.nan)


def shapes(depth: Sequence[int]) -> list[tuple[int, int]]:
    """Every n x m that trees of a depth were grown for.

    >>> shapes((2, 1))
    [(1, 1), (1, 2), (2, 1)]
    """
    return [(n, m) for n, most in enumerate(depth, start=1) for m in range(1, most + 1)]


def grown(depth: Sequence[int]) -> NDArray[np.bool_]:  # (N, M)
    """Whether trees of a depth were grown for each cell."""
    return np.arange(1, max(depth) + 1) <= np.asarray(depth)[:, None]
