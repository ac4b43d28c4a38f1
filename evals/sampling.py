"""The sweep's sampling: test problems in shards over worker processes, each with its own copies of the models."""

from __future__ import annotations

import math
import multiprocessing
import os
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from evals.cells import BreadthProblem, BreadthSamples, PlainSamples
from rlad.cli import progress
from rlad.config import RunConfig
from rlad.generation import Sampling
from rlad.problems import Problem, load_problems
from rlad.reasoning.pair import open_pair
from rlad.reasoning.reasoner import Reasoner
from rlad.reasoning.tree import Plan, Solution, Tree
from rlad.selection import group
from rlad.verifier import verify


@dataclass(frozen=True)
class Pair:
    """The models of one checkpoint."""

    checkpoint: str
    """warmstart or cotrained."""
    label: str
    abstraction: str | None
    """Folder of the proposer; None = there is none, only plain sampling is measured."""
    solution: str
    task: str
    """How the solver solves without an abstraction: plain or one_pass."""


class Samplers:
    """Runs sampling jobs over the test problems in `launch.ranks` processes. A context manager."""

    def __init__(self, run: RunConfig):
        self.run, self.settings = run, run.sweep
        self._asks = run.solution.states_confidence
        problems = load_problems(run.problems, "test")[: run.sweep.problems]
        self.shards = list(_chunks(problems, run.sweep.shard))
        # Threads of a worker are set before it imports torch: two spinning on one core crawl.
        os.environ.setdefault("OMP_NUM_THREADS", str(run.launch.threads_per_rank))
        context = multiprocessing.get_context("spawn")
        self.pool = ProcessPoolExecutor(run.launch.ranks, mp_context=context)

    def __enter__(self) -> Samplers:
        return self

    def __exit__(self, *exception) -> None:
        self.pool.shutdown(cancel_futures=True)

    def _all(self, job, label: str, *arguments) -> list:
        """One job over all shards; the problems' results in order."""
        futures: list[Future] = [
            self.pool.submit(job, self.run, shard, 7919 * (i + 1), *arguments) for i, shard in enumerate(self.shards)
        ]
        results = []
        with progress(label, total=len(futures)) as bar:
            for future in futures:
                results += future.result()
                bar.advance()
        return results

    def breadth(self, pair: Pair) -> BreadthSamples:
        """Distinct abstractions, solved as deep as the grid asks for."""
        problems = self._all(breadth_job, f"{pair.label}: distinct abstractions", pair)
        return BreadthSamples(pair.checkpoint, pair.label, self.settings.solve_temperature, problems)

    def plain(self, pair: Pair, temperature: float, count: int, budget: float = 0.0) -> PlainSamples:
        """At least `count` solutions without an abstraction per problem, enough to spend `budget` tokens on each."""
        solutions: list[list[Solution]] = []
        while True:
            label = f"{pair.label}: plain at T {temperature:g}"
            drawn = self._all(plain_job, label, pair, temperature, count, len(solutions[0]) if solutions else 0)
            solutions = [[*a, *b] for a, b in zip(solutions or [[]] * len(drawn), drawn, strict=True)]
            mean = float(np.mean([s.tokens for row in solutions for s in row]))
            count = math.ceil(budget / mean) - len(solutions[0]) + 1
            if count <= 1:
                break
        correct, tokens, keys = zip(*map(_judged, solutions), strict=True)
        # None becomes nan
        stated = np.array([[s.confidence for s in row] for row in solutions], float) if self._asks else None
        return PlainSamples(
            pair.checkpoint, pair.label, temperature, np.array(correct), np.array(tokens), list(keys), stated
        )

    def iid(self, pair: Pair) -> np.ndarray:
        """Correctness under i.i.d. abstractions, (P, K, s)."""
        return np.array(self._all(iid_job, f"{pair.label}: i.i.d. abstractions", pair))


def _chunks(items: list, size: int):
    return (items[i : i + size] for i in range(0, len(items), size))


_OPEN: dict[Pair, Reasoner] = {}
"""What this worker process has loaded: one pair at a time."""


def reasoner_for(run: RunConfig, pair: Pair) -> Reasoner:
    if pair not in _OPEN:
        _OPEN.clear()
        torch.set_num_threads(run.launch.threads_per_rank)
        _OPEN[pair] = open_pair(run, pair.abstraction, pair.solution)
    return _OPEN[pair]


def _judged(solutions: list[Solution]) -> tuple[list[bool], list[int], list[int | None]]:
    """(correct, tokens, answer keys) of some solutions of one problem; equal keys are equivalent answers."""
    keys = group([s.verdict.pred for s in solutions], lambda a, b: verify(a, b).correct)
    return [s.correct for s in solutions], [s.tokens for s in solutions], keys


def breadth_job(run: RunConfig, problems: list[Problem], seed: int, pair: Pair) -> list[BreadthProblem]:
    s = run.sweep
    widest = max(n for n, _ in s.grid)
    depth = tuple(max((m for n, m in s.grid if n > i), default=0) for i in range(widest))
    plan = Plan(
        widest,
        depth,
        Sampling(s.propose_temperature, run.abstraction.max_new_tokens, seed),
        Sampling(s.solve_temperature, run.solution.max_new_tokens, seed + 1),
        draws=round(s.draw_factor * widest),
    )
    found = []
    for tree in reasoner_for(run, pair).run(problems, plan):
        opened = [draw.branch for draw in tree.draws]
        first = [opened.index(i) for i in range(len(tree.branches))]
        correct, tokens, keys = _judged(tree.solutions)
        cuts = np.cumsum([len(branch.solutions) for branch in tree.branches])[:-1]
        split = [
            [list(part) for part in np.split(np.array(x, object), cuts)][: len(first)] for x in (correct, tokens, keys)
        ]
        found.append(BreadthProblem([len(d.completion.token_ids) for d in tree.draws], first, *split))
    return found


def plain_job(
    run: RunConfig, problems: list[Problem], seed: int, pair: Pair, temperature: float, count: int, have: int
) -> list[list[Solution]]:
    """`count` more solutions per problem, after `have` earlier ones."""
    reasoner = reasoner_for(run, pair)
    trees = [Tree(problem) for problem in problems]
    budget = run.solution.max_new_tokens
    reasoner.solve_bare(trees, count, Sampling(temperature, budget, seed + 2 + 31 * have), pair.task)
    reasoner.judge(trees)
    return [tree.bare for tree in trees]


def iid_job(run: RunConfig, problems: list[Problem], seed: int, pair: Pair) -> list[list[list[bool]]]:
    s = run.sweep
    propose = Sampling(s.propose_temperature, run.abstraction.max_new_tokens, seed + 3)
    solve = Sampling(s.solve_temperature, run.solution.max_new_tokens, seed + 4)
    plan = Plan(s.iid_abstractions, s.iid_solutions, propose, solve, distinct=False)
    found = []
    for tree in reasoner_for(run, pair).run(problems, plan):
        rows = [[x.correct for x in branch.solutions] for branch in tree.branches]
        # A draw that is no abstraction solves nothing.
        rows += [[False] * s.iid_solutions] * (s.iid_abstractions - len(rows))
        found.append(rows)
    return found
