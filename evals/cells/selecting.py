"""Which rule selects the answer best, on each side at equal tokens: chosen on validation problems, measured on others.

A side is one checkpoint's way of solving, plain or with abstractions. Rule, temperature and the rule's own keys are
chosen together by the accuracy of the selected answer at the largest budget. Without validation problems they can only
be chosen on the test problems themselves, which flatters both sides; whatever was chosen so says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.cells.fitting import fitted
from evals.cells.rows import Cell, breadth_cell, plain_at_budget, plain_cell
from evals.samples.judged import BreadthSamples, PlainSamples
from evals.samples.trees import Sampled
from evals.statistics import estimators as est
from evals.statistics.rounding import rounded
from rlad.cli import PlainError
from rlad.config import RunConfig
from rlad.config.running import RULES

PLAIN, BREADTH = "plain", "abstractions"
MODES = {PLAIN: "plain", BREADTH: "distinct"}
"""A way of solving -> the mode of its conditions."""


USUAL = {PLAIN: ("marginal",), BREADTH: ("unguided", "proposer")}
"""A way of solving -> the rule that it has (the first that the samples can answer) unless validation problems show a
better one. Of plain samples, distinct texts weighted by their likelihood are the estimate of p(a|x) with the least
noise, and `unguided` weighs the solutions of distinct abstractions by the very same likelihood."""


@dataclass(frozen=True)
class Side:
    """One checkpoint's samples of one way of solving at one temperature, at one budget."""

    samples: PlainSamples | BreadthSamples
    shape: tuple[int, int] | None
    """[n, m] of the cell; None for plain samples."""
    budget: float = 0.0
    """Tokens of plain samples; 0 = all there are."""

    @property
    def count(self) -> float:
        """How many plain samples the budget buys."""
        samples = self.samples
        return est.samples_for_budget(samples.tokens, self.budget) if self.budget else samples.samples

    def accuracy(self, select: str, keys: Any) -> NDArray[np.float64]:  # (P,)
        """Accuracy of the selected answer, problem by problem."""
        return self.samples.accuracy(*(self.shape or (self.count,)), select, keys)

    def cell(self, select: str, keys: Any, resamples: int) -> Cell:
        """The side as a cell of the sweep."""
        if self.shape:
            return breadth_cell(self.samples, *self.shape, select, resamples, keys)
        if self.budget:
            return plain_at_budget(self.samples, self.budget, resamples, select, keys)
        return plain_cell(self.samples, self.samples.samples, resamples, select, keys)

    def candidates(self) -> tuple[list, list]:
        """Each problem's candidates and their verdicts; of plain samples all there are."""
        if not self.shape:
            return self.samples.candidates, list(self.samples.correct)
        problems = self.samples.problems
        return [one.candidates(*self.shape) for one in problems], [one.flags(*self.shape) for one in problems]


Sides = dict[tuple[str, str], list[Side]]
"""(checkpoint, way) -> its samples at every temperature."""


@dataclass(frozen=True)
class Option:
    """A rule at a temperature, with its keys, and where it was right among the problems that choose."""

    rule: str
    temperature: float
    keys: Any
    right: NDArray[np.float64]
    """(P,) accuracy of the selected answer, under keys that were fitted without the problem."""

    @property
    def value(self) -> float:
        """Mean accuracy."""
        return float(self.right.mean())


@dataclass
class Book:
    """The options of every side, and on which problems they were judged."""

    run: RunConfig
    split: str
    """validation, or test where there is nothing else."""
    rules: list[str]
    skipped: list[str]
    """A sentence for every rule that could not be used."""
    options: dict[tuple[str, str], list[Option]]
    """(checkpoint, way) -> every rule at every temperature."""

    def keys(self, checkpoint: str, way: str, temperature: float, select: str) -> Any:
        """The keys of a rule on a side at a temperature: fitted there, else as configured."""
        for one in self.options.get((checkpoint, way), ()):
            if (one.rule, one.temperature) == (select, temperature):
                return one.keys
        return self.run.sweep.of(select)

    def best(self, checkpoint: str, way: str, temperatures: Iterable[float], select: str | None = None) -> Option:
        """The most accurate option at one of some temperatures, of all rules or of one.

        Of all rules, USUAL is kept on validation problems unless the best one is better there by more than the
        standard error of their paired difference: the best of some dozens on a few hundred problems is mostly luck.
        """
        known = set(temperatures)
        found = [
            one
            for one in self.options[checkpoint, way]
            if one.temperature in known and (select is None or one.rule == select)
        ]
        best = max(found, key=lambda one: one.value)
        name = next((name for name in USUAL[way] if name in self.rules), None)
        usual = [one for one in found if one.rule == name]
        if self.split == "test" or not usual:
            return best
        kept = max(usual, key=lambda one: one.value)
        return best if beyond_error(best.right - kept.right) else kept


def beyond_error(gains: NDArray[np.float64]) -> bool:
    """Whether the mean of paired gains exceeds its standard error.

    >>> beyond_error(np.array([1, 1, 0, 0])), beyond_error(np.array([1, 0, 0, 0]))  # .5 > .29; .25 = .25
    (True, False)
    """
    return len(gains) > 1 and bool(gains.mean() > gains.std(ddof=1) / np.sqrt(len(gains)))


def sides(run: RunConfig, sampled: Sampled, split: str, budget: float) -> Sides:
    """(checkpoint, way) -> its samples at every temperature, at the largest cell of the grid and at a token budget."""
    found: Sides = {}
    for checkpoint, conditions in sampled.of(MODES[BREADTH], split).items():
        runs = [BreadthSamples.of(*one) for one in conditions]
        shape = max(run.sweep.grid, key=lambda cell: runs[0].spent(*cell).mean())
        found[checkpoint, BREADTH] = [Side(one, (shape[0], shape[1])) for one in runs]
    for checkpoint, conditions in sampled.of(MODES[PLAIN], split).items():
        runs = [PlainSamples.of(*one) for one in conditions]
        # A run that is compared at another's tokens may have drawn fewer.
        found[checkpoint, PLAIN] = [Side(one, None, min(budget, one.samples * one.tokens_per_sample)) for one in runs]
    return found


def book_of(run: RunConfig, split: str, known: Sides, before: Book | None = None, lenient: bool = False) -> Book:
    """Judges every rule on some sides. Keys are fitted on the validation problems, or were, in the book `before`.

    A rule of the default list that reads what the samples have not got is left out, with a sentence; one that was asked
    for by name raises PlainError instead, unless `lenient`. Where none is left there is the majority.
    """
    rules, skipped, options = list(run.sweep.select), [], {place: [] for place in known}
    for select in run.sweep.select:
        made = {}
        try:
            for place, several in known.items():
                made[place] = [_option(run, select, side, split, before, place) for side in several]
        except PlainError as error:
            if not lenient and list(run.sweep.select) != list(RULES):
                raise
            rules.remove(select)
            skipped.append(f"{error} It is left out.")
            continue
        for place, several in made.items():
            options[place] += several
    if not rules:
        rules = ["majority"]
        for place, several in known.items():
            options[place] = [_option(run, "majority", side, split, before, place) for side in several]
    return Book(run, split, rules, skipped, options)


def _option(run: RunConfig, select: str, side: Side, split: str, before: Book | None, place: tuple[str, str]) -> Option:
    temperature, keys = side.samples.temperature, run.sweep.of(select)
    if before is not None:
        keys = before.keys(*place, temperature, select)
    start = side.accuracy(select, keys)  # says what is missing before anything is fitted
    if before is not None or split != "validation" or not run.sweep.fit:
        return Option(select, temperature, keys, start)

    def accuracy(tried: Any) -> NDArray[np.float64]:
        return start if tried == keys else side.accuracy(select, tried)

    return Option(select, temperature, *fitted(select, keys, *side.candidates(), accuracy))


# -------------------------------------------------------------------------------------------------- what is reported
def rule_rows(book: Book, known: Sides, resamples: int) -> list[dict[str, Any]]:
    """One row per side and rule, at the temperature that is best for it: accuracy, and the paired difference to plain
    sampling of the same checkpoint at its own best rule and temperature."""
    rows = []
    for (checkpoint, way), several in known.items():
        if (checkpoint, PLAIN) not in known:
            continue
        rival = cell_of(book, known[checkpoint, PLAIN], checkpoint, PLAIN, None, resamples)[1]
        best = book.best(checkpoint, way, _temperatures(several))
        for select in book.rules:
            option, cell = cell_of(book, several, checkpoint, way, select, resamples)
            gap = est.paired_difference(cell.accuracy, rival.accuracy, resamples=resamples)
            rows.append(
                {name: cell.row[name] for name in ("checkpoint", "label", "mode", "n", "m", "temperature")}
                | {"select": select, "keys": keys_row(option.keys), "chosen": option == best}
                | {"tokens_per_problem": cell.row["tokens_per_problem"], "chosen_on": book.split}
                | {"judged": rounded(option.value), "accuracy": cell.row["accuracy"], "ci95": cell.row["ci95"]}
                | {"difference": rounded(gap.estimate), "difference_ci95": rounded(gap.ci95)}
            )
    return rows


def selection(book: Book, test: Book, known: Sides, resamples: int) -> dict[str, Any] | None:
    """The selected answer at the largest equal budget: breadth against plain sampling, both at their chosen rule and
    temperature. None where there is nothing to compare.

    `random` and `oracle` are a candidate picked blindly and coverage, of breadth; `plain_majority` is plain sampling by
    majority at its best temperature; `on_test` is the same comparison with all choices made on the test problems.
    """
    checkpoint = next((name for name in ("cotrained", "warmstart") if (name, BREADTH) in known), None)
    if checkpoint is None or (checkpoint, PLAIN) not in known:
        return None
    found = duel(book, known, checkpoint, resamples) | {"chosen_on": book.split}
    if test.split != book.split:
        found["on_test"] = duel(test, known, checkpoint, resamples)
    return found


def duel(book: Book, known: Sides, checkpoint: str, resamples: int) -> dict[str, Any]:
    """The selected answer of one checkpoint's abstractions against plain sampling with as many tokens."""
    option, breadth = cell_of(book, known[checkpoint, BREADTH], checkpoint, BREADTH, None, resamples)
    rivals = [replace(side, budget=float(breadth.tokens.mean())) for side in known[checkpoint, PLAIN]]
    rival, plain = cell_of(book, rivals, checkpoint, PLAIN, None, resamples)
    voted = cell_of(book, rivals, checkpoint, PLAIN, "majority", resamples)[1]
    gap = est.paired_difference(breadth.accuracy, plain.accuracy, resamples=resamples)
    side = next(one for one in known[checkpoint, BREADTH] if one.samples.temperature == option.temperature)
    blind = [float(np.mean(flags)) if len(flags) else 0.0 for flags in side.candidates()[1]]
    return {
        "checkpoint": checkpoint, "label": breadth.row["label"],
        "rule": option.rule, "keys": keys_row(option.keys), "temperature": option.temperature,
        "plain_rule": rival.rule, "plain_keys": keys_row(rival.keys), "plain_temperature": rival.temperature,
        "n": breadth.row["n"], "m": breadth.row["m"], "plain_m": plain.row["m"],
        "tokens": breadth.row["tokens_per_problem"], "plain_tokens": plain.row["tokens_per_problem"],
        "problems": len(breadth.accuracy),
        "breadth": breadth.row["accuracy"], "breadth_ci95": breadth.row["ci95"],
        "plain": plain.row["accuracy"], "plain_ci95": plain.row["ci95"],
        "difference": rounded(gap.estimate), "ci95": rounded(gap.ci95),
        "random": rounded(np.mean(blind)), "oracle": breadth.row["pass_at_k"],
        "plain_oracle": plain.row["pass_at_k"], "plain_majority": voted.row["accuracy"],
    }  # fmt: skip


def _temperatures(several: Sequence[Side]) -> list[float]:
    return [side.samples.temperature for side in several]


def cell_of(
    book: Book, several: Sequence[Side], checkpoint: str, way: str, select: str | None, resamples: int
) -> tuple[Option, Cell]:
    """A side's best option, of all rules or of one, and what it comes to on these samples.

    Majority is the baseline everywhere, so it is there whether the rules name it or not.
    """
    if select is not None and select not in book.rules:
        measured = [side.cell(select, book.run.sweep.of(select), resamples) for side in several]
        cell = max(measured, key=lambda one: one.row["accuracy"])
        return Option(select, cell.row["temperature"], None, cell.accuracy), cell
    option = book.best(checkpoint, way, _temperatures(several), select)
    side = next(one for one in several if one.samples.temperature == option.temperature)
    return option, side.cell(option.rule, option.keys, resamples)


def keys_row(keys: Any) -> dict[str, Any]:
    """A rule's keys as `sweep.json` has them.

    >>> from rlad.selection.proposing import ProposerKeys
    >>> keys_row(ProposerKeys(alpha=0.5)), keys_row(None)
    ({'alpha': 0.5}, {})
    """
    return asdict(keys) if keys is not None else {}
