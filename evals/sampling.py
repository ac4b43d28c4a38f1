"""The sweep's sampling: problems in shards over worker processes, each with its own copies of the models."""

from __future__ import annotations

import math
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch

from evals.trees import Condition, Grown, Sampled, Samples
from rlad.cli import progress
from rlad.config import RunConfig
from rlad.generation import Sampling
from rlad.problems import Problem, load_problems
from rlad.reasoning.pair import open_pair
from rlad.reasoning.reasoner import Reasoner
from rlad.reasoning.tree import Plan, Solution, Tree


@dataclass(frozen=True)
class ModelPair:
    """The models of one checkpoint."""

    checkpoint: str
    """warmstart or cotrained."""
    label: str
    abstraction: str | None
    """Folder of the proposer; None = there is none, only plain sampling is measured."""
    solution: str
    task: str
    """How the solver solves without an abstraction: plain or one_pass."""


class SamplingPool:
    """Runs sampling jobs over problems in `launch.ranks` processes. A context manager."""

    def __init__(self, run: RunConfig, splits: Sequence[str] = ("test",)):
        """splits: test, of which the sweep takes `sweep.problems`, and validation, which it takes whole."""
        self.run, self.settings = run, run.sweep
        problems = {split: load_problems(run.problems, split) for split in splits}
        problems["test"] = problems["test"][: run.sweep.problems]
        self.sampled = Sampled(problems)
        # Threads of a worker are set before it imports torch: two spinning on one core crawl.
        os.environ.setdefault("OMP_NUM_THREADS", str(run.launch.threads_per_rank))
        context = multiprocessing.get_context("spawn")
        self.pool = ProcessPoolExecutor(run.launch.ranks, mp_context=context)

    def __enter__(self) -> SamplingPool:
        return self

    def __exit__(self, *exception) -> None:
        self.pool.shutdown(cancel_futures=True)

    def _all(self, job, split: str, label: str, *arguments) -> list:
        """One job over all shards of a split; the problems' results in order."""
        shards = _chunks(self.sampled.problems[split], self.settings.shard)
        futures: list[Future] = [
            self.pool.submit(job, self.run, shard, 7919 * (i + 1), *arguments) for i, shard in enumerate(shards)
        ]
        results = []
        with progress(label if split == "test" else f"{label} ({split})", total=len(futures)) as bar:
            for future in futures:
                results += future.result()
                bar.advance()
        return results

    def distinct(self, pair: ModelPair, temperature: float, split: str = "test") -> list[Grown]:
        """Distinct abstractions, solved as deep as the grid asks for."""
        grown = self._all(distinct_job, split, f"{pair.label}: distinct abstractions", pair, temperature)
        depth = depth_of(self.settings.grid)
        self.sampled.conditions[Condition(pair.checkpoint, pair.label, "distinct", temperature, split, depth)] = grown
        return grown

    def joint(self, pair: ModelPair, temperature: float) -> list[Grown]:
        """Abstractions that one text lists, as many as the grid's widest cell has, solved as deep as the grid asks."""
        grown = self._all(joint_job, "test", f"{pair.label}: lists of abstractions", pair, temperature)
        depth = depth_of(self.settings.grid)
        self.sampled.conditions[Condition(pair.checkpoint, pair.label, "joint", temperature, depth=depth)] = grown
        return grown

    def iid(self, pair: ModelPair, temperature: float, split: str = "test") -> list[Grown]:
        """`sweep.iid_abstractions` draws, whatever they are, and `sweep.iid_solutions` solutions with each."""
        grown = self._all(iid_job, split, f"{pair.label}: i.i.d. abstractions", pair, temperature)
        depth = (self.settings.iid_solutions,) * self.settings.iid_abstractions
        self.sampled.conditions[Condition(pair.checkpoint, pair.label, "iid", temperature, split, depth)] = grown
        return grown

    def plain(self, pair: ModelPair, temperature: float, budget: float = 0.0, split: str = "test") -> list[Samples]:
        """Solutions without an abstraction: `sweep.plain_samples` a problem, and as many as spend `budget` tokens."""
        solutions: list[list[Solution]] = []
        count = self.settings.plain_samples
        while True:
            label = f"{pair.label}: plain at T {temperature:g}"
            have = len(solutions[0]) if solutions else 0
            drawn = self._all(plain_job, split, label, pair, temperature, count, have)
            solutions = [[*a, *b] for a, b in zip(solutions or [[]] * len(drawn), drawn, strict=True)]
            mean = float(np.mean([s.tokens for row in solutions for s in row]))
            count = math.ceil(budget / mean) - len(solutions[0]) + 1
            if count <= 1:
                break
        samples = [Samples.of(row) for row in solutions]
        self.sampled.conditions[Condition(pair.checkpoint, pair.label, "plain", temperature, split)] = samples
        return samples


def depth_of(grid: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Solutions that a grid of [n, m] cells needs under the first, second ... abstraction.

    >>> depth_of([[4, 1], [2, 3]])
    (3, 3, 1, 1)
    """
    widest = max(n for n, _ in grid)
    return tuple(max((m for n, m in grid if n > i), default=0) for i in range(widest))


def _chunks(items: list, size: int):
    return (items[i : i + size] for i in range(0, len(items), size))


_OPEN: dict[ModelPair, Reasoner] = {}
"""What this worker process has loaded: one pair at a time."""


def reasoner_for(run: RunConfig, pair: ModelPair) -> Reasoner:
    if pair not in _OPEN:
        _OPEN.clear()
        torch.set_num_threads(run.launch.threads_per_rank)
        _OPEN[pair] = open_pair(run, pair.abstraction, pair.solution)
    return _OPEN[pair]


def distinct_job(
    run: RunConfig, problems: list[Problem], seed: int, pair: ModelPair, temperature: float
) -> list[Grown]:
    """Trees of distinct abstractions."""
    return [Grown.of(tree) for tree in reasoner_for(run, pair).run(problems, _grid_plan(run, seed, temperature))]


def joint_job(run: RunConfig, problems: list[Problem], seed: int, pair: ModelPair, temperature: float) -> list[Grown]:
    """Trees of abstractions that one text lists."""
    plan = replace(_grid_plan(run, seed + 5, temperature), joint=True)
    return [Grown.of(tree) for tree in reasoner_for(run, pair).run(problems, plan)]


def _grid_plan(run: RunConfig, seed: int, temperature: float) -> Plan:
    """As wide and deep as the grid's cells together."""
    s, depth = run.sweep, depth_of(run.sweep.grid)
    return Plan(
        len(depth),
        depth,
        Sampling(s.propose_temperature, run.abstraction.max_new_tokens, seed),
        Sampling(temperature, run.solution.max_new_tokens, seed + 1),
        draws=round(s.draw_factor * len(depth)),
    )


def iid_job(run: RunConfig, problems: list[Problem], seed: int, pair: ModelPair, temperature: float) -> list[Grown]:
    """Trees of abstractions as they come."""
    s = run.sweep
    propose = Sampling(s.propose_temperature, run.abstraction.max_new_tokens, seed + 3)
    solve = Sampling(temperature, run.solution.max_new_tokens, seed + 4)
    plan = Plan(s.iid_abstractions, s.iid_solutions, propose, solve, distinct=False)
    return [Grown.of(tree) for tree in reasoner_for(run, pair).run(problems, plan)]


def plain_job(
    run: RunConfig, problems: list[Problem], seed: int, pair: ModelPair, temperature: float, count: int, have: int
) -> list[list[Solution]]:
    """`count` more solutions per problem, after `have` earlier ones."""
    reasoner = reasoner_for(run, pair)
    trees = [Tree(problem) for problem in problems]
    budget = run.solution.max_new_tokens
    reasoner.solve_bare(trees, count, Sampling(temperature, budget, seed + 2 + 31 * have), pair.task)
    reasoner.judge(trees)
    return [tree.bare for tree in trees]
