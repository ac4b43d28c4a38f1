"""`python -m evals.ceiling RUN`: what the selected answer could be, if the votes weighed what the world knows.

Three things stand between a pair and the right answer: what it found (coverage), how it weighs what it found, and what
nobody can know. The induction world knows the posterior of every rule's form, so the kept trees of a sweep can be voted
on once more with exact weights, and beside them stands the Bayes optimum: the answer with the most posterior mass.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from dataclasses import replace
from math import log
from pathlib import Path
from typing import Any

import numpy as np

from evals.cells.selecting import sides
from evals.samples.trees import NAME, Grown, Sampled, Samples
from evals.statistics.rounding import rounded
from evals.sweeping.measuring import largest_budget
from rlad.cli import Parser, PlainError, main_guard
from rlad.config import RunConfig, load_config
from rlad.problems import Problem, World, load_problems, world_of
from rlad.selection.unguided import UnguidedKeys
from rlad.verifier import extract_answer, verify

RESAMPLES = 100
"""For intervals that nobody reads here."""
NEVER = log(1e-12)
"""The weight of a solution that follows no possible form: it votes where nothing else does."""


class PosteriorJudge:
    """What a world believes of solutions. Asks `world.posterior` and `world.adheres`."""

    def __init__(self, world: World, problems: list[Problem]):
        self.world, self.problems = world, {problem.id: problem for problem in problems}

    def weight(self, problem: Problem, solution: str) -> float:
        """log of the posterior mass of the forms that a solution follows, step by step."""
        known = self.world.posterior(problem)
        mass = sum(p for form, p in known.items() if self.world.adheres(problem, form, solution))
        return log(mass) if mass else NEVER

    def best(self, problem: Problem) -> float:
        """1 where the answer with the most posterior mass is right, the share of ties where there are some."""
        mass: dict[str, float] = defaultdict(float)
        for form, p in self.world.posterior(problem).items():
            mass[extract_answer(self.world.solve(problem, form, random.Random(0))) or ""] += p
        top = max(mass.values())
        tied = [answer for answer, p in mass.items() if p > top - 1e-12]
        return sum(verify(problem.answer, answer).correct for answer in tied) / len(tied)

    def told(self, sampled: Sampled) -> Sampled:
        """The same samples, of whose solutions the likelihood is the world's."""
        found = Sampled(sampled.problems)
        for condition, records in sampled.conditions.items():
            asked = sampled.problems[condition.split][: len(records)]
            problems = [self.problems[problem.id] for problem in asked]
            pairs = zip(problems, records, strict=True)
            found.conditions[condition] = [self._record(problem, record) for problem, record in pairs]
        return found

    def _record(self, problem: Problem, record: Samples | Grown) -> Samples | Grown:
        if isinstance(record, Grown):
            branches = [replace(b, solutions=self._record(problem, b.solutions)) for b in record.branches]
            return replace(record, branches=branches)
        weights = [self.weight(problem, text) for text in record.text]
        return replace(record, model_logprob=weights, unguided=weights)


def ceiling(run: RunConfig, sampled: Sampled, judge: PosteriorJudge) -> dict[str, Any]:
    """Shares of the test problems: `sides`, every side's answer under its own and under exact weights and what it
    covers, at the sweep's largest budget; `optimum`, of which no reasoner expects more."""
    test = Sampled({"test": sampled.problems["test"]})
    kept = ("distinct", "plain")
    test.conditions = {c: r for c, r in sampled.conditions.items() if c.split == "test" and c.mode in kept}
    budget, rows = largest_budget(run, test), []
    exact = sides(run, judge.told(test), "test", budget)
    for place, several in sides(run, test, "test", budget).items():
        for side, told in zip(several, exact[place], strict=True):
            cell = side.cell("majority", None, RESAMPLES)
            rows.append(
                {"checkpoint": place[0], "mode": place[1], "temperature": side.samples.temperature}
                | {"majority": cell.row["accuracy"], "exact": _mean(told.accuracy("unguided", UnguidedKeys()))}
                | {"covered": cell.row["pass_at_k"], "tokens": cell.row["tokens_per_problem"]}
            )
    problems = [judge.problems[problem.id] for problem in sampled.problems["test"]]
    return {"sides": rows, "optimum": _mean([judge.best(problem) for problem in problems]), "problems": len(problems)}


def _mean(values) -> float:
    return rounded(float(np.mean(values)))


def ceiling_of(folder: str) -> dict[str, Any]:
    """Of a run folder with a sweep. Raises PlainError where the world does not know what to believe."""
    run = load_config(Path(folder) / "config.yaml")
    world = world_of(run.problems)
    if not hasattr(world, "posterior"):
        raise PlainError(f"problems.source={run.problems.source} has no posterior of abstractions; induction has one.")
    sampled = Sampled.read(Path(folder) / NAME)
    known = load_problems(run.problems, "test")
    return ceiling(run, sampled, PosteriorJudge(world, known))


def main(words: list[str] | None = None) -> None:
    parser = Parser(prog="python -m evals.ceiling", description=__doc__.splitlines()[0])
    parser.add_argument("run", help="a run folder with a sweep")
    found = ceiling_of(parser.parse_args(words).run)
    for row in found["sides"]:
        shares = {name: f"{100 * row[name]:.1f}" for name in ("majority", "exact", "covered")}
        place = f"{row['checkpoint']:>10} {row['mode']:>12} T {row['temperature']:<4g}"
        print(place, *(f"{name} {share} %" for name, share in shares.items()))
    print(f"Bayes optimum {100 * found['optimum']:.1f} % on {found['problems']} problems")
    print(json.dumps(found))


if __name__ == "__main__":
    main_guard(main)
