"""Judged samples of a sweep, side by side: plain ones, and distinct abstractions with their solutions.

P = problems, N = plain samples, K = distinct abstractions solved, M = solutions sampled under each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.samples.trees import Condition, Grown, Samples
from evals.statistics import estimators as est
from evals.statistics import subsets
from rlad.cli import PlainError
from rlad.config.registry import rule
from rlad.generation.base import Certainty
from rlad.players.confidence import stated_confidence
from rlad.reasoning.scores import ScoreMissing, under
from rlad.selection import Candidate, credit, missing_attribute

Keys = Sequence[Hashable | None]
"""Equal keys are equivalent answers; None is an invalid one."""


def first_candidates(known: Candidate, samples: Samples, count: int | None = None) -> list[Candidate]:
    """The first `count` solutions as a selection rule sees them; `known` is what their abstraction gives to each."""
    columns = (samples.unguided, samples.judgement, samples.certainty)
    unguided, judged, sure = (column or [None] * len(samples.key) for column in columns)
    if known.branch is None:
        unguided = samples.model_logprob
    columns = zip(
        samples.key, samples.model_logprob, samples.logprob, samples.tokens, samples.stated, samples.text, unguided,
        judged, sure, strict=True,
    )  # fmt: skip
    return [
        replace(
            known, key=key, logprob=whole, sampled=sampled, tokens=tokens, stated_confidence=stated, text=text,
            unguided=alone, judgement=belief, certainty=None if numbers is None else Certainty(*numbers),
        )
        for key, whole, sampled, tokens, stated, text, alone, belief, numbers in list(columns)[:count]
    ]  # fmt: skip


class Checked:
    """Samples that are asked once whether they have what a rule reads, and weighed once for every rule and its keys."""

    def __init__(self, candidates: list[list[Candidate]], correct: Sequence[Sequence[bool]]):
        self.candidates, self.correct = candidates, correct
        self._fine: set[str] = set()
        self._weights: dict[tuple[str, str], NDArray[np.float64]] = {}

    @cached_property
    def table(self) -> subsets.Table:
        """Answers, texts and verdicts as arrays."""
        return subsets.Table.of(self.candidates, self.correct)

    def require(self, select: str) -> None:
        """Raises PlainError where the rule reads what an answer has not got."""
        if select in self._fine:
            return
        for one in self.candidates:
            if lacking := missing_attribute(select, one):
                raise PlainError(str(ScoreMissing(select, lacking)))
        self._fine.add(select)

    def log_weights(self, select: str, keys: Any) -> NDArray[np.float64]:  # (P, N)
        """The logarithm of every candidate's vote under a rule that is a sum of votes."""
        same = (select, repr(keys))
        if same not in self._weights:
            self._weights[same] = subsets.log_weights(select, self.candidates, keys)
        return self._weights[same]

    def accuracy(self, select: str, keys: Any) -> NDArray[np.float64]:  # (P,)
        """How often the answer that is selected among all candidates is right; ties share the credit."""
        self.require(select)
        facts = rule[select].facts
        if "log_weight" in facts:
            weights = self.log_weights(select, keys)
            return subsets.sums(self.table, weights, np.ones((1, weights.shape[1]), bool), facts.get("once", False))
        rows = zip(self.candidates, self.correct, strict=True)
        return np.array([credit(select, one, flags, keys) for one, flags in rows])


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
    _known: dict[tuple[int, bool, bytes], NDArray[np.float64]] = field(default_factory=dict, repr=False)

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
    def candidates(self) -> list[list[Candidate]]:
        """All samples as selection rules see them, problem by problem."""
        bare = Candidate(None)
        return [first_candidates(bare, record) for record in self.records]

    @cached_property
    def checked(self) -> Checked:
        """The same with their verdicts."""
        return Checked(self.candidates, self.correct)

    @cached_property
    def votes(self) -> NDArray[np.float64]:  # (P, N + 1)
        """votes[p, k]: exact expected accuracy of the majority of k samples of problem p; k = 0 answers nothing."""
        table = np.zeros((len(self.correct), self.samples + 1))
        for row, keys, flags in zip(table, self.keys, self.correct, strict=True):
            row[1:] = list(est.majority_at_k(keys, flags).values())
        return table

    def accuracy(self, k: float, select: str = "majority", rule_keys: Any = None) -> NDArray[np.float64]:  # (P,)
        """Accuracy of the selected answer with k samples; a fractional k mixes its neighbours as `pass_at_k` does.

        Exact for rules that weigh all these samples alike and for the best of k; of other rules the mean over
        `subsets.COUNT` random subsets, seeded.
        """
        low = int(np.floor(k))
        share = k - low
        found = (1 - share) * self._selected(low, select, rule_keys)
        return found + share * self._selected(low + 1, select, rule_keys) if share else found

    def _selected(self, size: int, select: str, rule_keys: Any) -> NDArray[np.float64]:  # (P,)
        if select == "majority" or not size:
            return self.votes[:, size]
        self.checked.require(select)
        facts = rule[select].facts
        if "log_weight" in facts:
            weights = self.checked.log_weights(select, rule_keys)
            once = facts.get("once", False)
            if not once and subsets.alike(weights):
                return self.votes[:, size]
            # Many keys and rules come to the same weights here: whatever an abstraction weighs, these have none.
            same = (size, once, hashlib.blake2b(weights.tobytes()).digest())
            if same not in self._known:
                chosen = subsets.chosen_of(self.samples, size)
                self._known[same] = subsets.sums(self.checked.table, weights, chosen, once)
            return self._known[same]
        if "best" in facts:
            return subsets.best_of(self.candidates, self.correct, facts["best"], size)
        drawn = subsets.random_subsets(self.samples, size)
        rows = zip(self.candidates, self.correct, strict=True)
        return np.array([
            np.mean([credit(select, [one[i] for i in subset], flags[subset], rule_keys) for subset in drawn])
            for one, flags in rows
        ])  # fmt: skip

    def latency(self, k: float) -> NDArray[np.float64]:  # (P,)
        """Tokens of the longest of k samples, which is how long k at once take."""
        return est.longest_of(self._ascending, k)

    @cached_property
    def _ascending(self) -> NDArray[np.int64]:
        return np.sort(self.tokens, axis=1)

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
    grown: Grown | None = None
    """What grew, as it is kept: what selection rules other than majority read."""
    _seen: dict[tuple[int, int], list[Candidate]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, grown: Grown) -> BreadthProblem:
        """What grew on one problem under distinct abstractions."""
        rows = [branch.solutions for branch in grown.branches]
        first = [grown.draws.branch.index(i) for i in range(len(rows))]
        correct, tokens, keys = ([getattr(row, name) for row in rows] for name in ("correct", "tokens", "key"))
        return cls(grown.draws.tokens, first, correct, tokens, keys, grown)

    def candidates(self, n: int, m: int) -> list[Candidate]:
        """The first m solutions of each of the first n abstractions, as a selection rule sees them.

        Of the proposals it knows those up to the n-th distinct one: the others were not paid for.
        """
        if self.grown is None:
            return [Candidate(key) for row in self.keys[:n] for key in row[:m]]
        if (n, m) not in self._seen:
            draws, stop = self.grown.draws, self.stop(n)
            proposals = list(zip(draws.branch, draws.text, draws.model_logprob, strict=True))[:stop]
            self._seen[n, m] = [
                one
                for index, branch in enumerate(self.grown.branches[:n])
                for one in first_candidates(
                    under(index, proposals, min(m, len(branch.solutions.text))), branch.solutions, m
                )
            ]
        return self._seen[n, m]

    def flags(self, n: int, m: int) -> list[bool]:
        """Which of the `candidates` are right."""
        return [flag for row in self.correct[:n] for flag in row[:m]]

    def stop(self, n: int) -> int:
        """How many proposals it takes to the n-th distinct one; all of them when there were never n."""
        return self.first_draw[n - 1] + 1 if len(self.first_draw) >= n else len(self.proposal_tokens)

    @cached_property
    def mean_tokens(self) -> list[float]:
        """Tokens of one solution under each of the first 0, 1, 2 ... abstractions, together."""
        return [0.0, *accumulate(float(np.mean(row)) for row in self.tokens)]

    def spent(self, n: int) -> int:
        """Tokens of those proposals."""
        return sum(self.proposal_tokens[: self.stop(n)])


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
    _cells: dict[tuple[int, int], Checked] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, condition: Condition, records: Sequence[Grown]) -> BreadthSamples:
        problems = [BreadthProblem.of(grown) for grown in records]
        return cls(condition.checkpoint, condition.label, condition.temperature, problems, condition.depth)

    def require_cell(self, n: int, m: int) -> None:
        """Raises PlainError for a cell that is larger than what was sampled."""
        if self.depth and (n > len(self.depth) or m > self.depth[n - 1]):
            raise PlainError(f"The trees were not grown for {n} abstractions x {m} solutions; sweep that grid anew.")

    def accuracy(self, n: int, m: int, select: str = "majority", rule_keys: Any = None) -> NDArray[np.float64]:  # (P,)
        """Whether the selected answer of the first m solutions of each of the first n abstractions is right."""
        self.require_cell(n, m)
        if (n, m) not in self._cells:
            candidates = [problem.candidates(n, m) for problem in self.problems]
            self._cells[n, m] = Checked(candidates, [problem.flags(n, m) for problem in self.problems])
        return self._cells[n, m].accuracy(select, rule_keys)

    def spent(self, n: int, m: int) -> NDArray[np.float64]:  # (P,)
        """Generated tokens of the cell, proposals included."""
        self.require_cell(n, m)
        return np.array([
            problem.spent(n) + m * problem.mean_tokens[min(n, len(problem.tokens))] for problem in self.problems
        ])  # fmt: skip

    def latency(self, n: int, m: int) -> NDArray[np.float64]:  # (P,)
        """Tokens of the longest abstraction with its solution in the cell, which is how long all of them at once take;
        0 for a problem without an abstraction."""
        self.require_cell(n, m)
        return np.array([
            max((p.proposal_tokens[draw] + max(row[:m]) for draw, row in zip(p.first_draw[:n], p.tokens, strict=False)),
                default=0)
            for p in self.problems
        ], float)  # fmt: skip
