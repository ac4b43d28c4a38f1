"""How to split a budget into n abstractions x m solutions: every split that the trees hold, and which to take.

The split of a budget is chosen on the validation problems and measured on the test problems, so that its interval and
its difference to plain sampling hold no luck of the choice. Splits that are not decidedly worse stand beside it: which
of two alike is first is noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from evals.cells.lattice import PoolCells
from evals.cells.selecting import BREADTH, PLAIN, Book, Option, Side, Sides, keys_row
from evals.statistics import estimators as est
from evals.statistics.estimators import LEVEL
from evals.statistics.rounding import rounded

BUDGETS = 5


def best_split(pool: PoolCells, budget: float) -> tuple[tuple[int, int], list[tuple[int, int]]]:
    """The split that is most often right within a budget, of equal ones the cheapest; and those that are not decidedly
    worse, by paired differences corrected for their number (Holm)."""
    found = pool.affordable(budget)
    mean, tokens = pool.accuracy.mean(0), pool.tokens.mean(0)
    best = max(found, key=lambda one: (round(mean[one[0] - 1, one[1] - 1], 9), -tokens[one[0] - 1, one[1] - 1]))
    columns = {(n, m): pool.accuracy[:, n - 1, m - 1] for n, m in found}
    others = [one for one in found if one != best]
    adjusted = est.holm([est.paired_p(columns[best], columns[one]) for one in others])
    return best, [one for one, p in zip(others, adjusted, strict=True) if p > LEVEL]


def splits(book: Book, valid: Sides, known: Sides, resamples: int) -> dict[str, Any] | None:
    """What `sweep.json` says of the splits of the main pair, under the rule and temperature that select best.

    `map` has every split; `recommended` has one for each of some budgets, from the cheapest split to the dearest. None
    where there is nothing with abstractions beside plain sampling.
    """
    checkpoint = next((name for name in ("cotrained", "warmstart") if (name, BREADTH) in known), None)
    if checkpoint is None or (checkpoint, PLAIN) not in known:
        return None
    several = known[checkpoint, BREADTH]
    option = book.best(checkpoint, BREADTH, [side.samples.temperature for side in several])
    own = _at(several, option)
    if not own.depth:
        return None
    pool, judge = PoolCells.of(own, option.rule, option.keys), None
    if book.split == "validation" and (checkpoint, BREADTH) in valid:
        judge = PoolCells.of(_at(valid[checkpoint, BREADTH], option), option.rule, option.keys)
    rival = book.best(checkpoint, PLAIN, [side.samples.temperature for side in known[checkpoint, PLAIN]])
    plain = Side(_at(known[checkpoint, PLAIN], rival), None)
    means = pool.tokens.mean(0)
    rows = [_row(pool, judge or pool, budget, plain, rival, resamples) for budget in budgets(means)]
    for row, adjusted in zip(rows, est.holm([row["p"] for row in rows]), strict=True):
        row["p_holm"] = rounded(adjusted)
        row["p"] = rounded(row["p"])
    return {
        "checkpoint": checkpoint, "label": own.label, "rule": option.rule, "keys": keys_row(option.keys),
        "temperature": option.temperature, "plain_rule": rival.rule, "plain_temperature": rival.temperature,
        "chosen_on": book.split if judge else "test", "problems": len(pool.tokens), "recommended": rows,
        "map": {
            name: [[None if np.isnan(x) else rounded(x) for x in row] for row in getattr(pool, column).mean(0)]
            for name, column in (("accuracy", "accuracy"), ("coverage", "covered"), ("tokens", "tokens"),
                                 ("latency", "latency"))
        },
    }  # fmt: skip


def _at(several: Sequence[Side], option: Option) -> Any:
    return next(side.samples for side in several if side.samples.temperature == option.temperature)


def budgets(means: np.ndarray) -> list[float]:
    """Tokens at which a split is recommended, from the cheapest cell's to the dearest's, evenly apart in ratio.

    One where all cost alike, as a grid of one cell does: five alike would be corrected for five comparisons.

    >>> [round(tokens) for tokens in budgets(np.array([[16.0, np.nan], [64.0, 256.0]]))], budgets(np.array([[32.0]]))
    ([16, 32, 64, 128, 256], [32.0])
    """
    least, most = np.nanmin(means), np.nanmax(means)
    return np.geomspace(least, most, BUDGETS if most > least else 1).tolist()


def _row(
    pool: PoolCells, judge: PoolCells, budget: float, plain: Side, rival: Option, resamples: int
) -> dict[str, Any]:
    """A budget's split beside plain sampling with the tokens that it really takes."""
    affordable = judge.affordable(budget)
    (n, m), level = best_split(judge, budget if affordable else float(np.nanmin(judge.tokens.mean(0))))
    at = (slice(None), n - 1, m - 1)
    tokens = float(pool.tokens[at].mean())
    samples = plain.samples
    count = min(est.samples_for_budget(samples.tokens, tokens), samples.samples)
    other = samples.accuracy(count, rival.rule, rival.keys)
    gap = est.paired_difference(pool.accuracy[at], other, resamples=resamples)
    own = est.bootstrap(pool.accuracy[at], resamples=resamples)
    return {
        "budget": rounded(budget), "n": n, "m": m, "tokens": rounded(tokens),
        "latency": rounded(pool.latency[at].mean()), "accuracy": rounded(own.estimate), "ci95": rounded(own.ci95),
        "coverage": rounded(pool.covered[at].mean()), "level_with": [list(one) for one in level],
        "plain_m": rounded(count), "plain": rounded(other.mean()),
        "plain_latency": rounded(samples.latency(count).mean()),
        "difference": rounded(gap.estimate), "difference_ci95": rounded(gap.ci95),
        "p": est.paired_p(pool.accuracy[at], other),
    }  # fmt: skip
