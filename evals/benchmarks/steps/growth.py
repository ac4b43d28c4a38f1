"""How a co-training step grows with n x m, with the length of its texts, and with the ranks.

    ./launch.sh bench growth

Each size is `./launch.sh train` of a random pair whose texts end by chance; all programs take turns, step by step. A
step's work is its generated tokens, so a power of 1 says that processor seconds grow as they do, and less is better.
Two ranks do the same work as one: what counts is how many processor seconds both take, and by how much they are done
sooner, on a machine that has a core for each.
"""

from __future__ import annotations

import math
import statistics
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from evals.benchmarks.harness.turns import Contender, alternate
from evals.benchmarks.steps.builds import tokens_of
from evals.benchmarks.steps.pair import TreeSizes, prepared
from evals.benchmarks.steps.step import WARM, trainer


@dataclass(frozen=True)
class Case:
    """One size of a step."""

    abstractions: int = 4
    solutions: int = 4
    longer: int = 1
    """How many times as long as usual its texts are."""
    ranks: int = 1


USUAL = Case()
AXES = {
    "n_m": {4: Case(2, 2), 16: USUAL, 64: Case(8, 8)},
    "length": {12: USUAL, 48: Case(longer=4)},
    "ranks": {1: USUAL, 2: Case(ranks=2)},
}
"""What grows; tokens of a text are the mean."""


@dataclass
class Keys:
    """Of how much, and how often."""

    problems: int = 8
    """Of a step."""
    turns: int = 5
    """Timed steps of each size."""
    warm: int = WARM
    """Steps of each before the first that counts."""


def bench(keys: Keys) -> dict:
    """Per axis and size the medians of a step's tokens, seconds and processor seconds, and with which power of the
    tokens these grow from the smallest size to the largest; of ranks two's seconds over one's.
    """
    cases = list(dict.fromkeys(case for sizes in AXES.values() for case in sizes.values()))
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        programs = {}
        for at, case in enumerate(cases):
            (folder := Path(name, str(at))).mkdir()
            programs[case] = stack.enter_context(trainer(folder / "run", _words(folder, case, keys)))
        alternate(list(programs.values()), keys.warm, keys.turns)
        found = {case: _medians(program, keys) for case, program in programs.items()}
    return summary({axis: {size: found[case] for size, case in sizes.items()} for axis, sizes in AXES.items()})


def _words(folder: Path, case: Case, keys: Keys) -> list[str]:
    sizes = TreeSizes(keys.problems, case.abstractions, case.solutions)
    words = [*prepared(folder, sizes, case.longer), "cotrain.steps=1000"]
    return [*words, "cotrain.micro_batch=256", "engine.kind=transformers", f"launch.ranks={case.ranks}"]


def _medians(program: Contender, keys: Keys) -> dict[str, float]:
    """Of the timed steps."""
    found = {key: statistics.median(step[key] for step in program.steps) for key in ("seconds", "cpu")}
    return {key: round(value, 3) for key, value in found.items()} | {
        "tokens": statistics.median(tokens_of(program.lines, keys.turns))
    }


def summary(axes: Mapping[str, Mapping[int, Mapping[str, float]]]) -> dict:
    """The sizes of every axis with their powers, and of ranks the ratios.

    >>> small, large = {"tokens": 100, "seconds": 1, "cpu": 1}, {"tokens": 400, "seconds": 2, "cpu": 4}
    >>> found = summary({"n_m": {4: small, 16: large}, "ranks": {1: small, 2: small | {"seconds": 0.6}}})
    >>> found["n_m"]["power"], found["ranks"]["ratio"]
    ({'seconds': 0.5, 'cpu': 1.0}, {'seconds': 0.6, 'cpu': 1.0})
    """
    found = {}
    for axis, sizes in axes.items():
        first, *_, last = sizes.values()
        told = ("ratio", _ratio) if axis == "ranks" else ("power", _power)
        found[axis] = {str(size): dict(one) for size, one in sizes.items()}
        found[axis][told[0]] = {clock: told[1](first, last, clock) for clock in ("seconds", "cpu")}
    return found


def _power(small: Mapping[str, float], large: Mapping[str, float], clock: str) -> float:
    return round(math.log(large[clock] / small[clock]) / math.log(large["tokens"] / small["tokens"]), 2)


def _ratio(small: Mapping[str, float], large: Mapping[str, float], clock: str) -> float:
    """Per token: a rank draws samples of its own."""
    return round(large[clock] / large["tokens"] * small["tokens"] / small[clock], 2)
