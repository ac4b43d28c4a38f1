"""`python -m evals.searching RUN [RUN ...]`: how differently do solutions search, and how much do they cover together?

2509.21128 finds that RL squeezes the ways of being right and supervised steps on demonstrations spread them, in
mathematics and code; of search agents 2604.14877 reports the reverse. Read off the trees of each run's sweep, of the
search world: the same number of solutions per question everywhere, because counts grow with it. With several runs,
every condition is compared with the first run's warm-started pair in the same mode, problem by problem.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from evals.samples.trees import NAME, Condition, Grown, Sampled, Samples
from evals.statistics.estimators import bootstrap, paired_difference
from rlad.cli import Parser, PlainError, main_guard
from rlad.config import load_config
from rlad.entropy.diversity import chrf
from rlad.entropy.shares import shares_entropy
from rlad.problems.search.plans import strategy
from rlad.problems.search.tool import NOTHING, RESULT, queries

SAMPLES = 8


@dataclass(frozen=True)
class Searches:
    """What some solutions of one question come to."""

    accuracy: float
    coverage: float
    """1 where one of them is right."""
    distinct_queries: float
    """Different queries of all of them together."""
    query_distance: float
    """Mean Jaccard distance between the sets of queries of two of them, 0 to 1."""
    chrf_distance: float
    """Mean chrF distance between the queries of two of them as they were written one after the other, 0 to 1."""
    strategy_entropy: float
    """Of the sequences of relation words that they search by, nats; at most the logarithm of their number."""
    calls: float
    """Queries of a solution, in the mean."""
    fruitless: float
    """Share of their queries that no document answers."""


def jaccard_distance(one: set[str], other: set[str]) -> float:
    """1 - |intersection| / |union|; two empty sets are alike.

    >>> round(jaccard_distance({"a", "b"}, {"b", "c"}), 4), jaccard_distance(set(), set())
    (0.6667, 0.0)
    """
    return 1 - len(one & other) / len(one | other) if one | other else 0.0


def chrf_distance(texts: Sequence[str]) -> float:
    """Mean over all pairs of texts of 1 - chrF2, 0 to 1; equal texts are alike, empty ones too. At least two.

    >>> chrf_distance(["born ki", "born ki", "xyz"]) == 2 / 3, chrf_distance(["", ""])
    (True, 0.0)
    """
    places = np.triu_indices(len(texts), 1)
    same = np.array([texts[i] == texts[j] for i, j in zip(*places, strict=True)])
    return float(np.where(same, 0.0, 1 - chrf(texts)[places] / 100).mean())


def searches(texts: Sequence[str], correct: Sequence[bool]) -> Searches:
    r"""The measures of a question's solutions, at least two.

    >>> found = searches([r"\search born ki \endsearch \boxed{ 7 }", r"\search ki \endsearch"], [True, False])
    >>> found.distinct_queries, found.query_distance, round(found.strategy_entropy, 4), found.coverage
    (2.0, 1.0, 0.6931, 1.0)
    """
    asked = [queries(text) for text in texts]
    every = [query for own in asked for query in own]
    pairs = [jaccard_distance(set(a), set(b)) for a, b in combinations(asked, 2)]
    fruitless = sum(text.count(f"{RESULT} {NOTHING} ") for text in texts)
    return Searches(
        float(np.mean(correct)),
        float(any(correct)),
        float(len(set(every))),
        float(np.mean(pairs)),
        chrf_distance([" ".join(own) for own in asked]),
        shares_entropy(Counter(map(strategy, texts)).values()),
        len(every) / len(texts),
        fruitless / len(every) if every else 0.0,
    )


def first_of(record: Samples | Grown, count: int) -> tuple[list[str], list[bool]] | None:
    """Texts and verdicts of a question's first `count` solutions, breadth-first over its abstractions; None = fewer."""
    parts = [branch.solutions for branch in record.branches] if isinstance(record, Grown) else [record]
    deepest = max((len(part.text) for part in parts), default=0)
    order = [(part, i) for i in range(deepest) for part in parts if i < len(part.text)][:count]
    if len(order) < count:
        return None
    return [part.text[i] for part, i in order], [part.correct[i] for part, i in order]


Row = dict[str, Any]
Measured = dict[str, dict[str, float]]
"""Problem -> measure -> value."""


def measured(sampled: Sampled, count: int) -> list[tuple[Condition, Measured]]:
    """Every test condition with the measures of its problems that have `count` solutions."""
    found = []
    for condition, records in sampled.conditions.items():
        if condition.split != "test" or not condition.solves:
            continue
        names = [problem.id for problem in sampled.problems["test"]]
        kept = {name: own for name, record in zip(names, records, strict=False) if (own := first_of(record, count))}
        if kept:
            found.append((condition, {name: vars(searches(*own)) for name, own in kept.items()}))
    return found


def read(folder: Path) -> Sampled:
    """The trees of a run's sweep. Raises PlainError where it has none, or its solutions do not search."""
    if not (folder / "config.yaml").is_file():
        raise PlainError(f"There is no run folder '{folder}'.")
    if (source := load_config(folder / "config.yaml").problems.source) != "search":
        raise PlainError(
            f"The problems of '{folder}' are those of '{source}'; only solutions of the search world search."
        )
    return Sampled.read(folder / NAME)


def summarised(own: Measured) -> dict[str, list[float]]:
    """Measure -> (mean, ends of its 95 % interval over problems)."""
    columns = {item.name: [values[item.name] for values in own.values()] for item in fields(Searches)}
    estimates = {name: bootstrap(column) for name, column in columns.items()}
    return {name: [found.estimate, found.low, found.high] for name, found in estimates.items()}


def compared(own: Measured, base: Measured) -> dict[str, list[float]]:
    """Measure -> (mean difference from `base`, ends of its interval), over the problems that both have."""
    both = [name for name in own if name in base]
    if not both:
        return {}
    result = {}
    for item in fields(Searches):
        gap = paired_difference(*([side[name][item.name] for name in both] for side in (own, base)))
        result[item.name] = [gap.estimate, gap.low, gap.high]
    return result


def comparison(runs: Sequence[str], count: int) -> list[Row]:
    """A row per run and condition. Raises PlainError where a run has nothing to compare."""
    rows: list[Row] = []
    bases: dict[str, Measured] = {}
    for run in runs:
        conditions = measured(read(Path(run)), count)
        if not conditions:
            raise PlainError(
                f"No test problem of '{run}' has {count} solutions; sweep more of them, or lower --samples."
            )
        for condition, own in conditions:
            row = {"run": Path(run).resolve().name, "checkpoint": condition.checkpoint, "mode": condition.mode}
            row |= {"temperature": condition.temperature, "problems": len(own), "measures": summarised(own)}
            if condition.mode in bases:
                row["difference"] = compared(own, bases[condition.mode])
            elif run == runs[0] and condition.checkpoint == "warmstart":
                bases[condition.mode] = own
            rows.append(row)
    return rows


def told(row: Row) -> str:
    """One condition in words, within 80 columns."""
    gaps = row.get("difference", {})
    lines = ["{run}, {checkpoint}, {mode}, solutions at T {temperature:g}, {problems} problems:".format(**row)]
    if gaps:
        lines.append(f"{'':49}minus the first base")
    for name, (mean, low, high) in row["measures"].items():
        line = f"  {name.replace('_', ' '):<17} {mean:6.3f} ({low:.3f} to {high:.3f})"
        lines.append(f"{line:<49}" + "{:+.3f} ({:+.3f} to {:+.3f})".format(*gaps[name]) if name in gaps else line)
    return "\n".join(lines)


def main(words: list[str] | None = None) -> None:
    parser = Parser(prog="python -m evals.searching", description=__doc__.splitlines()[0])
    parser.add_argument(
        "runs", nargs="+", metavar="run", help="run folders with sweeps; the first one's base is compared with"
    )
    parser.add_argument(
        "--samples", type=int, default=SAMPLES, help=f"solutions of each question, at least 2 ({SAMPLES})"
    )
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    arguments = parser.parse_args(words)
    if arguments.samples < 2:
        raise PlainError("--samples must be at least 2: one solution differs from nothing.")
    rows = comparison(arguments.runs, arguments.samples)
    print(json.dumps(rows, indent=1) if arguments.json else "\n".join(map(told, rows)))


if __name__ == "__main__":
    main_guard(main)
