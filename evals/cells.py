"""From judged samples to what `sweep.json` says: cells, curves, paired comparisons and the triple.

A cell is one way to spend test-time tokens: plain samples (n = 0) or n distinct abstractions with m solutions each.
It keeps one value per problem beside its JSON row, so that two cells can be compared problem by problem.
P = problems, N = plain samples, K = distinct abstractions solved, M = solutions sampled under each.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals import estimators as est
from rlad.selection import Candidate, credit

Keys = Sequence[Hashable | None]
"""Equal keys are equivalent answers; None is an invalid one."""


@dataclass
class PlainSamples:
    """Plain samples of one model at one temperature, judged."""

    checkpoint: str
    label: str
    temperature: float
    correct: NDArray[np.bool_]  # (P, N)
    tokens: NDArray[np.int64]  # (P, N) generated tokens of each sample
    keys: Sequence[Keys]  # P x N
    confidence: NDArray[np.float64] | None = None
    """(P, N) what each sample says about itself, nan where it says nothing; None where it wasn't asked."""

    @property
    def samples(self) -> int:
        return self.correct.shape[1]

    @property
    def tokens_per_sample(self) -> float:
        """Mean over problems and samples."""
        return float(self.tokens.mean())

    @cached_property
    def votes(self) -> NDArray[np.float64]:  # (P, N + 1)
        """votes[p, k]: exact expected accuracy of the majority of k samples of problem p; k = 0 answers nothing."""
        table = np.zeros((len(self.correct), self.samples + 1))
        for row, keys, flags in zip(table, self.keys, self.correct, strict=True):
            row[1:] = list(est.majority_at_k(keys, flags).values())
        return table

    def accuracy(self, k: float) -> NDArray[np.float64]:  # (P,)
        """Majority accuracy with k samples; a fractional k mixes its neighbours as `pass_at_k` does."""
        low = int(np.floor(k))
        share = k - low
        upper = self.votes[:, low + 1] if share else 0.0
        return (1 - share) * self.votes[:, low] + share * upper

    def covered(self, k: float) -> NDArray[np.float64]:  # (P,)
        """Unbiased pass@k."""
        return est.pass_at_k(self.samples, self.correct.sum(1), k)


@dataclass
class BreadthProblem:
    """One problem's proposals, the distinct ones among them, and the solutions written under each of those."""

    proposal_tokens: list[int]  # of every draw, duplicates too, in the order of drawing
    first_draw: list[int]  # (K,) at which draw each distinct abstraction first appeared, ascending
    correct: Sequence[Sequence[bool]]  # K rows; the first abstractions may have more solutions than the later ones
    tokens: Sequence[Sequence[int]]  # like `correct`
    keys: Sequence[Keys]  # like `correct`

    def spent(self, n: int) -> int:
        """Tokens of the proposals up to the n-th distinct one; of all of them when there were never n."""
        stop = self.first_draw[n - 1] + 1 if len(self.first_draw) >= n else len(self.proposal_tokens)
        return sum(self.proposal_tokens[:stop])


@dataclass
class BreadthSamples:
    """Distinct abstractions and their solutions of one pair, judged."""

    checkpoint: str
    label: str
    temperature: float
    """Of the solutions."""
    problems: list[BreadthProblem]


@dataclass
class Cell:
    """One row of `sweep.json` and, beside it, its values per problem."""

    row: dict[str, Any]
    accuracy: NDArray[np.float64] = field(repr=False)
    covered: NDArray[np.float64] = field(repr=False)
    tokens: NDArray[np.float64] = field(repr=False)


def _cell(head: dict[str, Any], accuracy, covered, tokens, resamples: int) -> Cell:
    voted = est.bootstrap(accuracy, resamples=resamples)
    passed = est.bootstrap(covered, resamples=resamples)
    row = head | {
        "tokens_per_problem": round(float(np.mean(tokens)), 2),
        "accuracy": rounded(voted.estimate),
        "ci95": rounded(voted.ci95),
        "pass_at_k": rounded(passed.estimate),
        "pass_ci95": rounded(passed.ci95),
        "problems": len(covered),
    }
    return Cell(row, np.asarray(accuracy, float), np.asarray(covered, float), np.asarray(tokens, float))


def plain_cell(samples: PlainSamples, m: float, resamples: int = 2000) -> Cell:
    """m plain samples per problem; m is fractional where a token budget asks for it (see `plain_at_budget`)."""
    head = {
        "checkpoint": samples.checkpoint, "label": samples.label, "mode": "plain", "n": 0, "m": round(m, 3),
        "select": "majority", "temperature": samples.temperature,
    }  # fmt: skip
    tokens = m * samples.tokens.mean(1)
    return _cell(head, samples.accuracy(m), samples.covered(m), tokens, resamples)


def plain_at_budget(samples: PlainSamples, budget: float, resamples: int = 2000) -> Cell:
    """As many plain samples as `budget` generated tokens per problem buy on average."""
    return plain_cell(samples, est.samples_for_budget(samples.tokens, budget), resamples)


def best_plain_at_budget(runs: Sequence[PlainSamples], budget: float, resamples: int = 2000) -> Cell:
    """Plain sampling at the temperature that covers most at this budget, chosen on the test problems: in its favour."""
    return max((plain_at_budget(run, budget, resamples) for run in runs), key=lambda cell: cell.covered.mean())


def breadth_cell(
    samples: BreadthSamples, n: int, m: int, select: str = "majority", resamples: int = 2000, rule_keys: Any = None
) -> Cell:
    """The first n distinct abstractions, m solutions each; drawing stops at the n-th distinct one.

    Tokens count every proposal drawn until then, duplicates too, and the solutions. Accuracy is the selected answer's
    over the first m solutions of each abstraction, coverage uses all solutions there are (unbiased).
    """
    accuracy, covered, tokens, distinct = [], [], [], []
    for problem in samples.problems:
        right, lengths, keys = problem.correct[:n], problem.tokens[:n], problem.keys[:n]
        drawn = [Candidate(key) for row in keys for key in row[:m]]
        accuracy.append(credit(select, drawn, [flag for row in right for flag in row[:m]], rule_keys))
        covered.append(est.set_coverage([len(row) for row in right], [sum(row) for row in right], m))
        tokens.append(problem.spent(n) + m * sum(float(np.mean(row)) for row in lengths))
        distinct.append(len(right))
    head = {
        "checkpoint": samples.checkpoint, "label": samples.label, "mode": "abstractions", "n": n, "m": m,
        "select": select, "temperature": samples.temperature, "distinct": round(float(np.mean(distinct)), 3),
    }  # fmt: skip
    return _cell(head, accuracy, covered, tokens, resamples)


def curve(samples: PlainSamples) -> dict[str, Any]:
    """Coverage and majority accuracy of plain sampling for every k = 1..N: what any budget is read off from later."""
    ks = range(1, samples.samples + 1)
    return {
        "checkpoint": samples.checkpoint,
        "label": samples.label,
        "temperature": samples.temperature,
        "tokens_per_sample": round(samples.tokens_per_sample, 4),
        "pass_at_k": [rounded(samples.covered(k).mean()) for k in ks],
        "accuracy": [rounded(samples.accuracy(k).mean()) for k in ks],
    }


def comparison(name: str, a: Cell, b: Cell, what: str = "covered", resamples: int = 2000) -> dict[str, Any]:
    """Paired difference a - b of two cells in `what` ("covered" or "accuracy") over the same problems."""
    gap = est.paired_difference(getattr(a, what), getattr(b, what), resamples=resamples)
    measure = {"covered": "pass_at_k", "accuracy": "accuracy"}[what]
    return {
        "name": name, "measure": measure, "difference": rounded(gap.estimate), "ci95": rounded(gap.ci95),
        "a": _reference(a.row, measure), "b": _reference(b.row, measure),
    }  # fmt: skip


def _reference(row: dict[str, Any], measure: str) -> dict[str, Any]:
    names = ("checkpoint", "label", "mode", "n", "m", "temperature", "tokens_per_problem", measure)
    return {name: row[name] for name in names}


def triple(bare: NDArray, guided: NDArray, resamples: int = 2000) -> dict[str, Any]:
    """Accuracy without, with (mean over abstractions) and with the best abstraction (2510.02263).

    `bare` (P, S) and `guided` (P, K, s), flags of correct solutions under i.i.d. abstractions. "Best" is an oracle
    over abstractions and inflated by noise, so `best_control` gives what the same oracle reports over K random blocks
    of s *bare* samples (None where S < K * s).
    """
    flags, under = np.asarray(bare, float), np.asarray(guided, float)
    per_abstraction = under.mean(-1)  # (P, K)
    columns = {
        "without": flags.mean(1), "with_mean": per_abstraction.mean(1), "with_best": per_abstraction.max(1),
    }  # fmt: skip
    blocks, size = under.shape[1:]
    if flags.shape[1] >= blocks * size:
        columns["best_control"] = est.best_of_blocks(flags, blocks, size)
    result: dict[str, Any] = {"abstractions": blocks, "solutions": size, "best_control": None}
    for name, column in columns.items():
        interval = est.bootstrap(column, resamples=resamples)
        result |= {name: rounded(interval.estimate), f"{name}_ci95": rounded(interval.ci95)}
    return result


def rounded(value: Any, digits: int = 4) -> Any:
    """Plain rounded floats for JSON.

    >>> rounded([0.123456, 1])
    [0.1235, 1.0]
    """
    if isinstance(value, list):
        return [rounded(item, digits) for item in value]
    return round(float(value), digits)
