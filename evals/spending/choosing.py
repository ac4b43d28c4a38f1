"""A player that chooses among a tree's answers, beside every vote at equal generated tokens.

The player's own tokens are part of its cell's. A vote may spend them on further samples: under abstractions it has the
best fixed splits of the same trees at the cell's tokens (`mixture`, in hindsight: in its favour), without them as many
plain samples as these tokens buy. Each vote has the keys and the temperature that validation problems chose for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evals.cells.lattice import PoolCells, shapes
from evals.cells.rows import breadth_covered
from evals.cells.selecting import BREADTH, PLAIN, Book, Sides, keys_row
from evals.samples.judged import BreadthProblem, BreadthSamples, PlainSamples
from evals.samples.trees import CHOSEN, Choices, Condition, Sampled
from evals.spending.replay import mixture
from evals.statistics import estimators as est
from evals.statistics.rounding import rounded

Floats = NDArray[np.float64]


class Chosen(NamedTuple):
    """A cell's choices, one entry a problem."""

    right: Floats  # (P,) share of the chosen answer's solutions in the cell that are right
    own: Floats  # (P,) tokens generated to choose
    read: Floats  # (P,) tokens of the prompts read for that
    tokens: Floats  # (P,) generated tokens of the cell and of the choice


def chosen_cells(samples: BreadthSamples, records: Sequence[Choices]) -> dict[tuple[int, int], Chosen]:
    """(n, m) -> the choices there."""
    found = {}
    for place, (n, m) in enumerate(records[0].cells if records else ()):
        own, read = (np.array([getattr(one, name)[place] for one in records], float) for name in ("tokens", "read"))
        pairs = zip(samples.problems, records, strict=True)
        right = np.array([right_share(problem, n, m, one.key[place]) for problem, one in pairs])
        found[n, m] = Chosen(right, own, read, samples.spent(n, m) + own)
    return found


def right_share(problem: BreadthProblem, n: int, m: int, key: int | None) -> float:
    """How often a solution of a cell that gives an answer is right; 0 for no answer.

    >>> problem = BreadthProblem([5, 5], [0, 1], [[True], [False]], [[9], [9]], [[3], [4]])
    >>> right_share(problem, 2, 1, 3), right_share(problem, 2, 1, 4), right_share(problem, 2, 1, None)
    (1.0, 0.0, 0.0)
    """
    pairs = zip(problem.keys[:n], problem.correct[:n], strict=True)
    flags = [flag for keys, own in pairs for one, flag in zip(keys[:m], own[:m], strict=True) if one == key]
    return float(np.mean(flags)) if flags and key is not None else 0.0


def spent(sampled: Sampled) -> float:
    """Most tokens per problem of a test cell with its choices; 0 without any."""
    return max((_largest(samples, records).tokens.mean() for _, samples, records in _read(sampled)), default=0.0)


def _largest(samples: BreadthSamples, records: Sequence[Choices]) -> Chosen:
    return max(chosen_cells(samples, records).values(), key=lambda cell: cell.tokens.mean())


def _read(sampled: Sampled, split: str = "test") -> Iterator[tuple[Condition, BreadthSamples, list[Choices]]]:
    """Every condition of choices with the samples that were read."""
    drawn = {(c.checkpoint, c.temperature): (c, r) for many in sampled.of("distinct", split).values() for c, r in many}
    for condition, records in sampled.conditions.items():
        if condition.split == split and condition.mode.startswith(CHOSEN):
            yield condition, BreadthSamples.of(*drawn[condition.checkpoint, condition.temperature]), records


# --------------------------------------------------------------------------------------------------------- the votes
class Vote(NamedTuple):
    """A vote of one side at some number of tokens."""

    row: dict[str, Any]
    right: Floats  # (P,)


def fixed_splits(pool: PoolCells, table: Floats, tokens: float) -> tuple[Floats, float, dict[tuple[int, int], float]]:
    """The best mixture of a pool's fixed splits at `tokens` a problem in hindsight, by a table (P, N, M) of accuracy or
    coverage: its values (P,), mean tokens, and the share of the problems that each split gets."""
    splits = shapes(pool.depth)
    columns = [table[:, n - 1, m - 1] for n, m in splits]
    means = [float(pool.tokens[:, n - 1, m - 1].mean()) for n, m in splits]
    shares = mixture(means, [float(column.mean()) for column in columns], tokens)
    values = sum((share * columns[i] for i, share in shares.items()), np.zeros(len(table)))
    spent = sum(share * means[i] for i, share in shares.items())
    return values, spent, {splits[i]: share for i, share in shares.items()}


class Votes:
    """Every rule of a checkpoint's sides at any number of tokens."""

    def __init__(self, book: Book, known: Sides, checkpoint: str):
        self.book, self.known, self.checkpoint = book, known, checkpoint
        self.pools: dict[str, PoolCells] = {}

    def at(self, tokens: float) -> list[Vote]:
        """Breadth's and plain sampling's votes at `tokens` a problem on average, breadth's first."""
        ways = [way for way in (BREADTH, PLAIN) if (self.checkpoint, way) in self.known]
        return [self._vote(way, select, tokens) for way in ways for select in self.book.rules]

    def best_at(self, way: str, tokens: float) -> Vote:
        """The vote of a way at the rule and temperature that were chosen for it."""
        temperatures = [side.samples.temperature for side in self.known[self.checkpoint, way]]
        return self._vote(way, self.book.best(self.checkpoint, way, temperatures).rule, tokens)

    def _vote(self, way: str, select: str, tokens: float) -> Vote:
        sides = {side.samples.temperature: side.samples for side in self.known[self.checkpoint, way]}
        option = self.book.best(self.checkpoint, way, sides, select)
        samples = sides[option.temperature]
        right, spent, shape = (
            self._breadth(samples, select, option.keys, tokens)
            if way == BREADTH
            else self._plain(samples, select, option.keys, tokens)
        )
        chosen = option == self.book.best(self.checkpoint, way, sides)
        row = {"mode": way, "select": select, "temperature": option.temperature, "keys": keys_row(option.keys)}
        return Vote(row | shape | {"tokens_per_problem": rounded(spent), "chosen": chosen}, right)

    def _breadth(self, samples: BreadthSamples, select: str, keys: Any, tokens: float) -> tuple[Floats, float, dict]:
        if select not in self.pools:
            self.pools[select] = PoolCells.of(samples, select, keys)
        pool = self.pools[select]
        right, spent, shares = fixed_splits(pool, pool.accuracy, tokens)
        return right, spent, {"splits": [[*split, rounded(share)] for split, share in shares.items()]}

    def _plain(self, samples: PlainSamples, select: str, keys: Any, tokens: float) -> tuple[Floats, float, dict]:
        count = min(est.samples_for_budget(samples.tokens, tokens), samples.samples)
        return samples.accuracy(count, select, keys), count * samples.tokens_per_sample, {"samples": rounded(count)}


# ------------------------------------------------------------------------------------------------- what is reported
def chosen_rows(sampled: Sampled, book: Book, known: Sides, resamples: int) -> list[dict[str, Any]]:
    """One row per role, checkpoint, temperature and cell: tokens, accuracy, and the votes at equal tokens with paired
    differences (the player minus the vote) and p corrected for the number of votes (Holm).

    `chosen` are the rows at the temperature that validation problems prefer for the player, or for the pair's own best
    rule where nobody asked the player about those. `matched` says whether the pool of trees is as large as the row's
    tokens, so that breadth's votes could spend them too.
    """
    rows = []
    votes: dict[str, Votes] = {}
    for condition, samples, records in _read(sampled):
        beside = votes.setdefault(condition.checkpoint, Votes(book, known, condition.checkpoint))
        best = _temperature(sampled, book, condition)
        most = max(float(samples.spent(n, m).mean()) for n, m in shapes(samples.depth))
        for (n, m), cell in chosen_cells(samples, records).items():
            head = {
                "select": condition.mode.removeprefix(CHOSEN),
                "checkpoint": condition.checkpoint, "label": condition.label, "mode": BREADTH, "n": n, "m": m,
                "temperature": condition.temperature, "chosen": condition.temperature == best,
                "matched": bool(cell.tokens.mean() <= most),
                "pass_at_k": rounded(np.mean(breadth_covered(samples, n, m))),
            }  # fmt: skip
            rows.append(head | _measured(cell, beside.at(float(cell.tokens.mean())), resamples))
    return rows


def _temperature(sampled: Sampled, book: Book, condition: Condition) -> float:
    """At which temperature of the solutions the player's choices count."""
    judged = {
        one.temperature: float(_largest(samples, records).right.mean())
        for one, samples, records in _read(sampled, "validation")
        if (one.checkpoint, one.mode) == (condition.checkpoint, condition.mode)
    }
    if judged:
        return max(judged, key=judged.__getitem__)
    there = [one.temperature for one, *_ in _read(sampled) if one.checkpoint == condition.checkpoint]
    return book.best(condition.checkpoint, BREADTH, there).temperature


def _measured(cell: Chosen, votes: Sequence[Vote], resamples: int) -> dict[str, Any]:
    own = est.bootstrap(cell.right, resamples=resamples)
    corrected = est.holm([est.paired_p(cell.right, vote.right) for vote in votes])
    beside = []
    for vote, p in zip(votes, corrected, strict=True):
        gap = est.paired_difference(cell.right, vote.right, resamples=resamples)
        beside.append(
            vote.row | {"accuracy": rounded(vote.right.mean()), "difference": rounded(gap.estimate)}
            | {"ci95": rounded(gap.ci95), "p_holm": rounded(p)}
        )  # fmt: skip
    return {
        "tokens_per_problem": rounded(cell.tokens.mean()), "own_tokens": rounded(cell.own.mean()),
        "read_tokens": rounded(cell.read.mean()), "asked": rounded((cell.own > 0).mean()),
        "accuracy": rounded(own.estimate), "ci95": rounded(own.ci95), "problems": len(cell.right), "votes": beside,
    }  # fmt: skip
