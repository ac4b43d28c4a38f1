"""From judged samples to what `sweep.json` says: cells, curves, paired comparisons and the triple.

A cell is one way to spend test-time tokens: plain samples (n = 0) or n distinct abstractions with m solutions each.
It keeps one value per problem beside its JSON row, so that two cells can be compared problem by problem.
P = problems, N = plain samples, K = distinct abstractions solved, M = solutions sampled under each.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals import estimators as est
from evals.trees import Condition, Grown, Samples
from rlad.cli import PlainError
from rlad.players.confidence import stated_confidence
from rlad.selection import Candidate, credit, reads

SUBSETS = 32
"""Random subsets over which plain samples' accuracy is averaged, under rules that have no exact formula."""

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
    records: Sequence[Samples] = ()
    """The samples themselves, problem by problem: what selection rules other than majority read."""

    @classmethod
    def of(cls, condition: Condition, records: Sequence[Samples]) -> PlainSamples:
        """Samples of a sweep's condition; every problem has the same number."""
        correct, tokens = [record.correct for record in records], [record.tokens for record in records]
        keys = [record.key for record in records]
        return cls(
            condition.checkpoint, condition.label, condition.temperature, np.array(correct), np.array(tokens), keys,
            records,
        )  # fmt: skip

    @cached_property
    def confidence(self) -> NDArray[np.float64]:  # (P, N)
        """What each sample says about itself, nan where it says nothing."""
        return np.array([[stated_confidence(text) for text in record.text] for record in self.records], float)

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

    def accuracy(self, k: float, select: str = "majority", rule_keys: Any = None) -> NDArray[np.float64]:  # (P,)
        """Accuracy of the selected answer with k samples; a fractional k mixes its neighbours as `pass_at_k` does.

        Exact for the majority; of other rules the mean over `SUBSETS` random subsets, seeded.
        """
        low = int(np.floor(k))
        share = k - low
        at = (lambda size: self.votes[:, size]) if select == "majority" else partial(self._selected, select, rule_keys)
        return (1 - share) * at(low) + share * (at(low + 1) if share else 0.0)

    def _selected(self, select: str, rule_keys: Any, size: int) -> NDArray[np.float64]:  # (P,)
        found = np.zeros(len(self.correct))
        rng = np.random.default_rng(size)
        subsets = [rng.permutation(self.samples)[:size] for _ in range(SUBSETS)]
        for p, record in enumerate(self.records):
            candidates = [Candidate(key, s) for key, s in zip(record.key, record.scores(select), strict=True)]
            flags = self.correct[p]
            drawn = [credit(select, [candidates[i] for i in subset], flags[subset], rule_keys) for subset in subsets]
            found[p] = np.mean(drawn)
        return found

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
    records: Sequence[Samples] = ()
    """Like `correct`, the solutions themselves: what selection rules other than majority read."""

    @classmethod
    def of(cls, grown: Grown) -> BreadthProblem:
        """What grew on one problem under distinct abstractions."""
        rows = [branch.solutions for branch in grown.branches]
        first = [grown.draws.branch.index(i) for i in range(len(rows))]
        correct, tokens, keys = ([getattr(row, name) for row in rows] for name in ("correct", "tokens", "key"))
        return cls(grown.draws.tokens, first, correct, tokens, keys, rows)

    def candidates(self, n: int, m: int, select: str) -> list[Candidate]:
        """The first m solutions of each of the first n abstractions, as a selection rule sees them."""
        keys = [key for row in self.keys[:n] for key in row[:m]]
        if not reads(select):
            return [Candidate(key) for key in keys]
        scores = [value for record in self.records[:n] for value in record.scores(select)[:m]]
        return [Candidate(key, value) for key, value in zip(keys, scores, strict=True)]

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
    """Temperature of the solutions."""
    problems: list[BreadthProblem]
    depth: tuple[int, ...] = ()
    """Solutions planned under the first, second ... abstraction; empty where that isn't known."""

    @classmethod
    def of(cls, condition: Condition, records: Sequence[Grown]) -> BreadthSamples:
        problems = [BreadthProblem.of(grown) for grown in records]
        return cls(condition.checkpoint, condition.label, condition.temperature, problems, condition.depth)


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


def plain_cell(
    samples: PlainSamples, m: float, resamples: int = 2000, select: str = "majority", rule_keys: Any = None
) -> Cell:
    """m plain samples per problem; m is fractional where a token budget asks for it (see `plain_at_budget`)."""
    head = {
        "checkpoint": samples.checkpoint, "label": samples.label, "mode": "plain", "n": 0, "m": round(m, 3),
        "select": select, "temperature": samples.temperature,
    }  # fmt: skip
    tokens = m * samples.tokens.mean(1)
    return _cell(head, samples.accuracy(m, select, rule_keys), samples.covered(m), tokens, resamples)


def plain_at_budget(
    samples: PlainSamples, budget: float, resamples: int = 2000, select: str = "majority", rule_keys: Any = None
) -> Cell:
    """As many plain samples as `budget` generated tokens per problem buy on average."""
    return plain_cell(samples, est.samples_for_budget(samples.tokens, budget), resamples, select, rule_keys)


def best_plain_at_budget(runs: Sequence[PlainSamples], budget: float, resamples: int = 2000) -> Cell:
    """Plain sampling at the temperature that covers most at this budget, chosen on the test problems: in its favour."""
    return max((plain_at_budget(run, budget, resamples) for run in runs), key=lambda cell: cell.covered.mean())


def breadth_values(
    samples: BreadthSamples, n: int, m: int, select: str = "majority", rule_keys: Any = None
) -> tuple[list[float], list[float], list[float], list[int]]:
    """Accuracy, coverage, tokens and number of distinct abstractions of every problem in a cell (see `breadth_cell`).

    Raises PlainError for a cell that is larger than what was sampled.
    """
    if samples.depth and (n > len(samples.depth) or m > samples.depth[n - 1]):
        raise PlainError(f"The trees were not grown for {n} abstractions x {m} solutions; sweep that grid anew.")
    accuracy, covered, tokens, distinct = [], [], [], []
    for problem in samples.problems:
        right, lengths = problem.correct[:n], problem.tokens[:n]
        flags = [flag for row in right for flag in row[:m]]
        accuracy.append(credit(select, problem.candidates(n, m, select), flags, rule_keys))
        covered.append(est.set_coverage([len(row) for row in right], [sum(row) for row in right], m))
        tokens.append(problem.spent(n) + m * sum(float(np.mean(row)) for row in lengths))
        distinct.append(len(right))
    return accuracy, covered, tokens, distinct


def breadth_cell(
    samples: BreadthSamples, n: int, m: int, select: str = "majority", resamples: int = 2000, rule_keys: Any = None
) -> Cell:
    """The first n distinct abstractions, m solutions each; drawing stops at the n-th distinct one.

    Tokens count every proposal drawn until then, duplicates too, and the solutions. Accuracy is the selected answer's
    over the first m solutions of each abstraction, coverage uses all solutions there are (unbiased).
    """
    accuracy, covered, tokens, distinct = breadth_values(samples, n, m, select, rule_keys)
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


def iid_flags(condition: Condition, records: Sequence[Grown]) -> NDArray[np.bool_]:
    """Correctness under i.i.d. abstractions, (P, K, s). A draw that is no abstraction solves nothing."""
    found = np.zeros((len(records), len(condition.depth), condition.depth[0]), bool)
    for flags, grown in zip(found, records, strict=True):
        for k, branch in enumerate(grown.branches):
            flags[k] = branch.solutions.correct
    return found
