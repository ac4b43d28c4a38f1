"""Estimators of accuracy and coverage, and how sure one may be of them. Pure functions on numpy arrays.

`correct` counts or flags come per problem; most functions return one value per problem, so that the caller can
average them, bootstrap them, and compare two modes *on the same problems*. P = problems, N = samples per problem.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

Values = NDArray[np.float64]
LEVEL = 0.05
"""Of the tests of a family together (Holm)."""


# ------------------------------------------------------------------------------------------ coverage and accuracy


def pass_at_k(total: ArrayLike, correct: ArrayLike, k: float) -> Values:
    """Unbiased probability that at least one of k samples is correct, per problem (2107.03374).

    `total` N and `correct` c broadcast to (P,). For integer k this is 1 - C(N-c, k) / C(N, k) in its stable product
    form. A fractional k lies on the line between its two integers: it is exactly the coverage of drawing floor(k)
    or ceil(k) samples at random so that k are drawn on average, so it can be compared at an equal *mean* budget.
    pass@0 is 0. Raises ValueError when k exceeds N (nothing is extrapolated) or the counts make no sense.

    >>> [round(float(pass_at_k(n, c, k)), 4) for n, c, k in [(4, 1, 2), (10, 3, 1), (10, 3, 5), (5, 4, 2)]]
    [0.5, 0.3, 0.9167, 1.0]
    >>> float(pass_at_k(4, 1, 2.5))  # half way between pass@2 = 0.5 and pass@3 = 0.75
    0.625
    """
    n, c = np.broadcast_arrays(np.asarray(total, np.int64), np.asarray(correct, np.int64))
    if np.any(c < 0) or np.any(c > n):
        raise ValueError("pass@k needs 0 <= correct <= total for every problem.")
    if k < 0 or np.any(n < k):
        raise ValueError(f"pass@{k:g} cannot be estimated from {int(n.min())} samples of a problem.")
    low = int(np.floor(k))
    value = _pass_at_integer(n, c, low)
    share = k - low
    return value if share == 0 else (1 - share) * value + share * _pass_at_integer(n, c, low + 1)


def _pass_at_integer(n: NDArray[np.int64], c: NDArray[np.int64], k: int) -> Values:
    i = np.arange(1, int(n.max(initial=0)) + 1)  # (N,)
    in_product = (i > (n - c)[..., None]) & (i <= n[..., None])  # (P, N): i runs over N-c+1 .. N
    misses = np.where(in_product, 1 - k / i, 1.0).prod(-1)
    return np.where(n - c < k, 1.0, 1 - misses) if k else np.zeros(n.shape)


def samples_for_budget(tokens: ArrayLike, budget: float) -> float:
    """How many samples k (possibly fractional) of mean length mean(tokens) a token budget per problem buys.

    Below 1 nothing is bought but a chance of one; a sweep's `warnings` name such budgets.

    >>> samples_for_budget([10.0, 30.0], 50.0)
    2.5
    """
    return float(budget / np.mean(np.asarray(tokens, float)))


def set_coverage(total: ArrayLike, correct: ArrayLike, m: int, n: int | None = None) -> float:
    """Coverage of one problem by its first n distinct abstractions with m solutions each.

    `total`, `correct` (K,): solutions sampled and correct under each distinct abstraction, in the order of drawing
    (first occurrences of i.i.d. draws are an ordered sample without replacement; any other order would not be one).
    1 - prod_i (1 - pass@m_i): unbiased, because given the abstractions their solutions are independent. Fewer than n
    abstractions cover what they cover; none covers nothing.

    >>> set_coverage([2, 2, 2], [1, 1, 0], m=1)  # success rates .5, .5, 0 -> 1 - .5 * .5
    0.75
    >>> set_coverage([2, 2, 2], [1, 1, 0], m=1, n=1)
    0.5
    """
    n_total, n_correct = np.asarray(total)[:n], np.asarray(correct)[:n]
    return float(1 - np.prod(1 - pass_at_k(n_total, n_correct, m)))


def majority_at_k(
    keys: Sequence[Hashable | None], correct: Sequence[bool], ks: Sequence[int] | None = None
) -> dict[int, float]:
    """Exact expected accuracy of the majority vote over k of one problem's N samples, for every k in `ks`.

    `keys[i]` names the answer of sample i: equal keys are equivalent answers (the caller decides, by the verifier,
    never by comparing strings); None is an invalid answer, which is drawn but does not vote. Ties credit 1/(tied);
    a draw without any vote credits 0. `ks` defaults to 1..N.

    Counts all subsets at once: with y^j for j rivals tied with the right answer at t votes, the tie credit is
    1/(1+j) = integral of y^j over [0, 1], which a Gauss-Legendre rule integrates exactly.

    >>> round(majority_at_k(["A", "A", "B"], [True, True, False], [2])[2], 4)  # subsets score 1, .5, .5
    0.6667
    >>> majority_at_k(["A", None, "B"], [True, False, False])  # k=2: A None 1, A B .5, None B 0
    {1: 0.3333333333333333, 2: 0.5, 3: 0.5}
    """
    size = len(keys)
    wanted = list(range(1, size + 1)) if ks is None else list(ks)
    if len(correct) != size:
        raise ValueError(f"majority@k got {size} answers and {len(correct)} verdicts.")
    if any(k < 1 or k > size for k in wanted):
        raise ValueError(f"majority@k needs 1 <= k <= {size}, the number of samples; got {wanted}.")
    groups: dict[Hashable, list[bool]] = {}
    for key, right in zip(keys, correct, strict=True):
        if key is not None:
            groups.setdefault(key, []).append(bool(right))
    invalid = size - sum(len(flags) for flags in groups.values())
    wins = np.zeros(size + 1)  # wins[k]: credit summed over all subsets of size k
    for key, flags in groups.items():
        if any(flags):  # a share, should the verifier have been of two minds about one answer
            rivals = [len(other) for name, other in groups.items() if name != key]
            wins += np.mean(flags) * _winning_subsets(len(flags), rivals, invalid)
    return {k: float(wins[k] / comb(size, k)) for k in wanted}


def _winning_subsets(votes: int, rivals: list[int], invalid: int) -> Values:
    """Sum over subsets of size k (index k) of the tie credit of a group with `votes` members."""
    size = votes + sum(rivals) + invalid
    nodes, weights = np.polynomial.legendre.leggauss(len(rivals) // 2 + 1)  # exact to degree len(rivals) + 1
    nodes, weights = (nodes + 1) / 2, weights / 2  # from [-1, 1] to [0, 1]
    wins = np.zeros(size + 1)
    for t in range(1, votes + 1):
        ways = np.zeros((len(nodes), size + 1))  # (nodes, k): polynomial in x, x^k = k samples drawn
        ways[:, t] = comb(votes, t)
        factors = [np.array([comb(invalid, s) for s in range(invalid + 1)], float)[None, :]] if invalid else []
        for count in rivals:
            factor = np.array([comb(count, s) for s in range(min(count, t) + 1)], float)[None, :].repeat(len(nodes), 0)
            if count >= t:
                factor[:, t] *= nodes
            factors.append(factor)
        for factor in factors:
            grown = np.zeros_like(ways)
            for s in range(factor.shape[1]):
                grown[:, s:] += factor[:, s, None] * ways[:, : size + 1 - s]
            ways = grown
        wins += weights @ ways
    return wins


def longest_of(tokens: ArrayLike, k: float) -> Values:
    """Expected length of the longest of k of a problem's N samples, which is how long k at once take.

    `tokens` (..., N) -> (...). Exact over all subsets: in ascending order the i-th is the longest when the other k - 1
    come from before it. A fractional k lies between its two integers, as in `pass_at_k`; k = 0 takes no time.

    >>> longest_of([1, 2, 3], 2).round(4), longest_of([[1, 2, 3]], 1)  # subsets 12, 13, 23: (2 + 3 + 3) / 3
    (np.float64(2.6667), array([2.]))
    """
    ordered = np.sort(np.asarray(tokens, float), axis=-1)
    size, low = ordered.shape[-1], int(np.floor(k))
    if not 0 <= k <= size:
        raise ValueError(f"The longest of {k:g} cannot be estimated from {size} samples.")
    found = ordered @ _last_of(size, low)
    return found if k == low else (1 - (k - low)) * found + (k - low) * (ordered @ _last_of(size, low + 1))


@lru_cache(1024)
def _last_of(size: int, k: int) -> Values:
    """The chance of each of `size` ordered samples to be the last one in a random subset of k."""
    return np.array([comb(i, k - 1) / comb(size, k) if k else 0.0 for i in range(size)])


def best_of_blocks(correct: ArrayLike, blocks: int, size: int, seed: int = 0, shuffles: int = 64) -> Values:
    """What an oracle over `blocks` random blocks of `size` bare samples would report, per problem.

    The control of "with the best abstraction" (2510.02263): the maximum of noisy accuracies is above the mean even
    when all abstractions are equal. `correct` (P, N) with N >= blocks * size; averaged over random divisions.

    >>> best_of_blocks([[1, 1, 1, 1], [0, 0, 0, 0]], blocks=2, size=2).tolist()
    [1.0, 0.0]
    >>> best_of_blocks([[1, 0, 1, 0]], blocks=2, size=2, shuffles=4000).round(1).tolist()  # 2/3 * .5 + 1/3 * 1
    [0.7]
    """
    flags = np.asarray(correct, float)
    problems, drawn = flags.shape
    if drawn < blocks * size:
        raise ValueError(f"{blocks} blocks of {size} need {blocks * size} samples per problem; there are {drawn}.")
    rng = np.random.default_rng(seed)
    best = np.zeros(problems)
    for _ in range(shuffles):
        chosen = rng.permuted(flags, axis=1)[:, : blocks * size].reshape(problems, blocks, size)
        best += chosen.mean(-1).max(-1)
    return best / shuffles


# ------------------------------------------------------------------------------------------ how sure one may be
@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % confidence interval."""

    estimate: float
    low: float
    high: float

    @property
    def ci95(self) -> list[float]:
        return [self.low, self.high]


def bootstrap(
    *columns: ArrayLike,
    statistic: Callable[..., Values] | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """BCa bootstrap interval (95 %) over problems; several columns are resampled together, problem by problem.

    `columns`: arrays of shape (P,). `statistic(*columns, axis)` reduces the problem axis; the default is the mean of
    the one column. Where no problem differs from another the interval is the point itself.

    >>> bootstrap([0.0, 1.0] * 50).estimate
    0.5
    >>> bootstrap([1.0, 1.0, 1.0])
    Interval(estimate=1.0, low=1.0, high=1.0)
    """
    data = [np.asarray(column, float) for column in columns]
    if len({len(column) for column in data}) != 1 or len(data[0]) == 0:
        raise ValueError(f"A bootstrap over problems needs equal, non-empty columns; got {[len(c) for c in data]}.")
    if statistic is None and len(data) == 1:
        return _mean_interval(data[0], resamples, seed)
    reduce = statistic or (lambda column, axis: column.mean(axis=axis))
    estimate = float(reduce(*data, axis=-1))
    if all(np.ptp(column) == 0 for column in data):
        return Interval(estimate, estimate, estimate)
    # BCa adjusts for skew and bias, which shares near 0 or 1 have; the seed makes a report reproducible.
    result = stats.bootstrap(
        data, reduce, paired=True, vectorized=True, n_resamples=resamples, method="BCa", rng=np.random.default_rng(seed)
    ).confidence_interval
    return Interval(estimate, float(result.low), float(result.high))


@lru_cache(4)
def _resampled(size: int, resamples: int, seed: int) -> NDArray[np.float32]:  # (R, P)
    """How often each resample has each problem: the draws of scipy's bootstrap, once for all columns of a size."""
    drawn = np.random.default_rng(seed).integers(0, size, (resamples, size))
    drawn += size * np.arange(resamples)[:, None]
    return np.bincount(drawn.ravel(), minlength=resamples * size).reshape(resamples, size).astype(np.float32)


def _mean_interval(column: Values, resamples: int, seed: int) -> Interval:
    """`bootstrap` of a mean: what scipy's BCa gives, by one matrix product and the jackknife in closed form."""
    estimate, size = float(column.mean()), len(column)
    off = column - estimate
    if np.ptp(column) == 0:
        return Interval(estimate, estimate, estimate)
    # Float32 counts are exact; the product is taken of what is off the mean, a slab of resamples at a time.
    counts = _resampled(size, resamples, seed)
    means = np.concatenate([counts[i : i + 256].astype(float) @ off for i in range(0, resamples, 256)]) / size
    near = np.abs(means) < 1e-12  # sums in another order differ in the last bit; that is no difference
    bias = special.ndtri(((means < 0) & ~near).mean() + near.mean() / 2)
    acceleration = (off**3).sum() / (6 * (off**2).sum() ** 1.5)
    ends = []
    for z in special.ndtri([0.025, 0.975]):
        moved = bias + z
        ends.append(special.ndtr(bias + moved / (1 - acceleration * moved)))
    low, high = np.quantile(means, ends) + estimate
    return Interval(estimate, float(low), float(high))


def paired_difference(a: ArrayLike, b: ArrayLike, resamples: int = 2000, seed: int = 0) -> Interval:
    """Mean of a - b with its interval; row i of both is the same problem, so what makes it hard cancels.

    >>> paired_difference([0.1, 0.5, 0.9], [0.0, 0.4, 0.8]).estimate.__round__(4)
    0.1
    """
    first, second = np.asarray(a, float), np.asarray(b, float)
    if first.shape != second.shape:
        raise ValueError(f"A paired difference needs the same problems twice; got {len(first)} and {len(second)}.")
    return bootstrap(first - second, resamples=resamples, seed=seed)


def paired_p(a: ArrayLike, b: ArrayLike) -> float:
    """Two-sided p of the mean of a - b being 0, by Student's t over problems; 1 where no problem differs.

    A bootstrap of 2,000 resamples knows no p below .001, which a correction over 200 cells would make .2.

    >>> round(paired_p([1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 1.0, 0.0]), 4)  # differences 1, 1, 0, 0: t = sqrt(3)
    0.1817
    """
    gap = np.asarray(a, float) - np.asarray(b, float)
    if np.ptp(gap) == 0:
        return 1.0 if len(gap) < 2 or gap[0] == 0 else 0.0
    return float(2 * stats.t.sf(abs(gap.mean()) / (gap.std(ddof=1) / np.sqrt(len(gap))), len(gap) - 1))


def holm(p: Sequence[float]) -> list[float]:
    """Holm's adjusted p of several tests: those at most .05 are all real with 95 % confidence, however many there are.

    The smallest is multiplied by the number of tests, the next by one less, and none may be below one before it.

    >>> [round(value, 4) for value in holm([0.01, 0.04, 0.03])]  # .03, then max(.03, .06), then max(.06, .04)
    [0.03, 0.06, 0.06]
    """
    found, least = [0.0] * len(p), 0.0
    for rank, i in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        least = max(least, min(1.0, p[i] * (len(p) - rank)))
        found[i] = least
    return found


def mean_over_seeds(values: ArrayLike) -> Interval:
    """Mean over independent training runs with Student's t interval (95 %); one run alone has no interval (nan).

    With three seeds the interval is 4.3 standard errors wide on each side. That is the honest price of three seeds.

    >>> [round(x, 3) for x in mean_over_seeds([0.5, 0.6, 0.7]).ci95]  # .6 -+ 4.303 * .0577
    [0.352, 0.848]
    """
    runs = np.asarray(values, float)
    mean = float(runs.mean())
    if len(runs) < 2:
        return Interval(mean, float("nan"), float("nan"))
    half = float(stats.t.ppf(0.975, len(runs) - 1) * runs.std(ddof=1) / np.sqrt(len(runs)))
    return Interval(mean, mean - half, mean + half)
