"""The sweep's sampling: problems in shards over worker processes, each with its own copies of the models."""

from __future__ import annotations

import json
import math
import multiprocessing
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from itertools import islice
from operator import attrgetter
from typing import Any

import numpy as np
import torch

from evals.samples.shards import Kept, Unfinished
from evals.samples.trees import (
    ASKED,
    CHOSEN,
    Answered,
    Condition,
    Grown,
    ModelPair,
    Sampled,
    Samples,
    as_record,
    record_of,
    samples_of,
)
from rlad.cli import end_with_parent, environment_default, progress
from rlad.config import RunConfig, SweepConfig
from rlad.generation import Completion, Sampling
from rlad.problems import Problem, load_problems
from rlad.reasoning.endpoint import open_served, served
from rlad.reasoning.pair import open_pair
from rlad.reasoning.reasoner import Reasoner
from rlad.reasoning.tree import Draw, Plan, Tree
from rlad.selection import certainty_window


class SamplingPool:
    """Runs sampling jobs over problems in `launch.ranks` processes, none of them twice. A context manager."""

    def __init__(
        self,
        run: RunConfig,
        problems: dict[str, list[Problem]],
        kept: Kept | None = None,
        part: Callable[[int], bool] | None = None,
        pilot: bool = False,
    ):
        """`problems`: by split. `kept`: what was sampled before, and where to keep what is sampled now. `part`: which
        jobs' test problems are sampled, by the job's number from 0; None = all. `pilot`: they are to choose by, so
        every shard may sample them, as it may the validation problems."""
        self.run, self.settings, self.kept, self.part, self.pilot = run, run.sweep, kept, part, pilot
        self.problems, self._environment = problems, ExitStack()
        own = [one for _, chunk in self._chunks("test") for one in chunk]
        self.sampled = Sampled(problems | {"test": own})

    def __enter__(self) -> SamplingPool:
        # Threads of a worker are set before it imports torch: two spinning on one core crawl.
        threads = str(self.run.launch.threads_per_rank)
        self._environment.enter_context(environment_default("OMP_NUM_THREADS", threads))
        return self

    def __exit__(self, *exception) -> None:
        with self._environment:
            if "pool" in self.__dict__:
                self.pool.shutdown(cancel_futures=True)

    @cached_property
    def pool(self) -> ProcessPoolExecutor:
        """The processes; a sweep whose jobs were all done before starts none."""
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.run.launch.ranks, context, end_with_parent)

    def _chunks(self, split: str, checkpoint: str = "") -> list[tuple[int, list[Problem]]]:
        """The problems that a checkpoint is asked, by jobs with their numbers; of test problems those of this part."""
        few = self.settings.pretrained_problems if checkpoint == "pretrained" else 0
        chunks = enumerate(_chunks(self.problems[split][: few or None], self.settings.shard))
        return [(i, chunk) for i, chunk in chunks if split != "test" or self.part is None or self.part(i)]

    def _all(
        self, job, split: str, label: str, condition: Condition, *arguments,
        more: str = "", each: Sequence = (), fine: Callable[[Any], bool] = lambda one: False,
    ) -> list:  # fmt: skip
        """One job over all problems of a split; their records in order. `more` tells apart a condition's rounds. Of
        `each`, one for every problem, a job also gets those of its own problems; where all of them are `fine`, they are
        its records and nothing is asked."""
        chunks = self._chunks(split, condition.checkpoint)
        taken = iter(each)
        beside = {i: [list(islice(taken, len(chunk)))] if each else [] for i, chunk in chunks}
        way = f"{split}/{condition.checkpoint}/{condition.mode}/{condition.temperature:g}/{more}"
        found = {i: self.kept and self.kept.find(f"{way}{i}") for i, _ in chunks}
        for i, own in beside.items():
            if found[i] is None and own and all(map(fine, own[0])):
                found[i] = [as_record(one) for one in own[0]]
        missing = [(i, chunk) for i, chunk in chunks if found[i] is None]
        everybodys = self.pilot or split != "test"
        others = [i for i, _ in missing if self.kept and not self.kept.mine(i, everybodys)]
        missing = [(i, chunk) for i, chunk in missing if i not in others]
        futures: dict[Future, int] = {
            self.pool.submit(job, self.run, chunk, 7919 * (i + 1), *arguments, *beside[i]): i for i, chunk in missing
        }
        with progress(
            label if split == "test" else f"{label} ({split})", len(chunks), len(chunks) - len(missing)
        ) as bar:
            for future in as_completed(futures):
                records, i = [as_record(one) for one in future.result()], futures[future]
                if self.kept:
                    self.kept.add(f"{way}{i}", records)
                found[i] = json.loads(json.dumps(records))
                bar.advance()
        if others:
            raise self.kept.unfinished(others)
        return [record for i, _ in chunks for record in found[i]]

    def _grown(self, job, split: str, label: str, condition: Condition, pair: ModelPair, *more, **kept) -> list[Grown]:
        told = (pair, condition.temperature, *more)
        records = self._all(job, split, f"{pair.label}: {label}", condition, *told, **kept)
        grown = [record_of(one, condition.temperature) for one in records]
        self.sampled.conditions[condition] = grown
        return grown

    def distinct(self, pair: ModelPair, temperature: float, split: str = "test") -> list[Grown]:
        """Distinct abstractions, solved as deep as the grid asks for."""
        depth = depth_of(self.settings.grid)
        condition = Condition(pair.checkpoint, pair.label, "distinct", temperature, split, depth)
        return self._grown(distinct_job, split, "distinct abstractions", condition, pair)

    def joint(self, pair: ModelPair, temperature: float, split: str = "test") -> list[Grown]:
        """Abstractions that one text lists, as many as the grid's widest cell has, solved as deep as the grid asks.

        Lists in a journal of before, whose items were not scored, are scored now; by a merge, which has no players,
        they are left as they are.
        """
        depth = depth_of(self.settings.grid)
        condition = Condition(pair.checkpoint, pair.label, "joint", temperature, split, depth)
        grown = self._grown(joint_job, split, "lists of abstractions", condition, pair)
        if all(one.scored for one in grown):
            return grown
        kept = {"more": "scored/", "each": grown, "fine": attrgetter("scored")}
        try:
            return self._grown(scored_job, split, "scores of listed abstractions", condition, pair, **kept)
        except Unfinished:
            if self.kept.own is not None:
                raise
            return grown

    def iid(self, pair: ModelPair, temperature: float, split: str = "test") -> list[Grown]:
        """`sweep.iid_abstractions` draws, whatever they are, and `sweep.iid_solutions` solutions with each."""
        depth = (self.settings.iid_solutions,) * self.settings.iid_abstractions
        condition = Condition(pair.checkpoint, pair.label, "iid", temperature, split, depth)
        return self._grown(iid_job, split, "i.i.d. abstractions", condition, pair)

    def chosen(self, pair: ModelPair, role: str, temperature: float, job: Callable, split: str = "test") -> None:
        """What a further player of the pair chooses among the answers under its distinct abstractions, by its job."""
        depth = depth_of(self.settings.grid)
        drawn = Condition(pair.checkpoint, pair.label, "distinct", temperature, split, depth)
        condition = replace(drawn, mode=f"{CHOSEN}{role}")
        rounds = f"{self.run.cotrain.selector_rounds}/"  # not among a sweep's own keys
        each, label = self.sampled.conditions[drawn], f"{pair.label}: the {role}'s choices"
        found = self._all(job, split, label, condition, pair, role, more=rounds, each=each)
        self.sampled.conditions[condition] = [record_of(one, temperature) for one in found]

    def asked(self, pair: ModelPair, role: str, temperature: float, way: Any, job: Callable, split: str) -> None:
        """What a further player of the pair chooses where a budget policy asks it, going a way under a `rule`; by its
        job."""
        drawn = Condition(pair.checkpoint, pair.label, "distinct", temperature, split, depth_of(self.settings.grid))
        condition = replace(drawn, mode=f"{ASKED}{role}")
        # The policy's own numbers have no part in the name: shards from other machines have others in the last digits.
        rounds = f"{self.run.cotrain.selector_rounds}/{way.rule}/"
        each, label = self.sampled.conditions[drawn], f"{pair.label}: the {role} along budget=auto"
        found = self._all(job, split, label, condition, pair, role, way, more=rounds, each=each)
        self.sampled.conditions[condition] = [record_of(one, temperature) for one in found]

    def decoded(
        self, pair: ModelPair, setting: str, temperature: float, job: Callable[..., list[Answered]], split: str = "test"
    ) -> None:
        """What a decoding method writes in one of its settings, by its job."""
        condition = Condition(pair.checkpoint, pair.label, f"decoding:{setting}", temperature, split)
        label = f"{pair.label}: {setting} at T {temperature:g}"
        records = self._all(job, split, label, condition, pair, temperature, setting)
        found = [Answered(samples_of(one["samples"], temperature), one["answers"]) for one in records]
        self.sampled.conditions[condition] = [one.grouped() for one in found]

    def plain(
        self, pair: ModelPair, temperature: float, budget: float = 0.0, split: str = "test", expected: int = 0
    ) -> list[Samples]:
        """Solutions without an abstraction: `sweep.plain_samples` a problem, as many more as are `expected` to be
        wanted, and as many as spend `budget` tokens (0 = no more)."""
        condition = Condition(pair.checkpoint, pair.label, "plain", temperature, split)
        label = f"{pair.label}: plain at T {temperature:g}"
        found: list[Answered] = []
        have, count = 0, self.settings.plain_samples
        while count > 0:
            more = f"{have}+{count}/"
            records = self._all(plain_job, split, label, condition, pair, temperature, count, have, more=more)
            drawn = [Answered(samples_of(one["samples"], temperature), one["answers"]) for one in records]
            found = [a.joined(b) for a, b in zip(found, drawn, strict=True)] if found else drawn
            have += count
            count = expected - have
            if count <= 0 and budget:
                mean = float(np.mean([tokens for one in found for tokens in one.samples.tokens]))
                count = math.ceil(budget / mean) + 1 - have
        self.sampled.conditions[condition] = [one.grouped() for one in found]
        return self.sampled.conditions[condition]


def problems_of(run: RunConfig, splits: Sequence[str] = ("test",)) -> dict[str, list[Problem]]:
    """Problems by split: test, of which the sweep takes `sweep.problems`, and validation, which it takes whole."""
    problems = {split: load_problems(run.problems, split) for split in splits}
    return problems | {"test": problems["test"][: run.sweep.problems]}


def depth_of(grid: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Solutions that a grid of [n, m] cells needs under the first, second ... abstraction.

    >>> depth_of([[4, 1], [2, 3]])
    (3, 3, 1, 1)
    """
    widest = max(n for n, _ in grid)
    return tuple(max((m for n, m in grid if n > i), default=0) for i in range(widest))


def _chunks(items: list, size: int):
    return (items[i : i + size] for i in range(0, len(items), size))


_OPEN: dict[Hashable, Any] = {}
"""What this worker process has loaded: one pair, or one further player, at a time."""


def opened(run: RunConfig, what: Hashable, load: Callable[[], Any]) -> Any:
    """What was loaded last, where that is `what`; else what `load` loads in its place."""
    if what not in _OPEN:
        _OPEN.clear()
        torch.set_num_threads(run.launch.threads_per_rank)
        _OPEN[what] = load()
    return _OPEN[what]


def reasoner_for(run: RunConfig, pair: ModelPair) -> Reasoner:
    def load() -> Reasoner:
        open_both = open_served if served(pair.abstraction, pair.solution) else open_pair
        return open_both(run, pair.abstraction, pair.solution)

    return opened(run, pair, load)


def distinct_job(
    run: RunConfig, problems: list[Problem], seed: int, pair: ModelPair, temperature: float
) -> list[Grown]:
    """Trees of distinct abstractions."""
    return _grown(run, pair, problems, grid_plan(run, seed, temperature))


def joint_job(run: RunConfig, problems: list[Problem], seed: int, pair: ModelPair, temperature: float) -> list[Grown]:
    """Trees of abstractions that one text lists."""
    plan = replace(grid_plan(run, seed + 5, temperature), joint=True)
    return _grown(run, pair, problems, plan)


def scored_job(
    run: RunConfig, problems: list[Problem], seed: int, pair: ModelPair, temperature: float, kept: list[Grown]
) -> list[Grown]:
    """Lists that were kept, with how likely each item is as a single proposal."""
    unsaid, reasoner = Completion((), (), "stop", 0), reasoner_for(run, pair)
    trees = []
    for problem, one in zip(problems, kept, strict=True):
        items = zip(one.draws.text, one.draws.branch, one.draws.model_logprob, strict=True)
        trees.append(Tree(problem, [Draw([], unsaid, text, branch, True, value) for text, branch, value in items]))
    reasoner.score_listed(trees)
    return [one.scored_as(tree) for one, tree in zip(kept, trees, strict=True)]


def _grown(run: RunConfig, pair: ModelPair, problems: list[Problem], plan: Plan) -> list[Grown]:
    """Judged trees, with the scores that the sweep's rules read."""
    reasoner = reasoner_for(run, pair)
    trees = reasoner.run(problems, plan)
    reasoner.score_listed(trees)  # whatever the rules: kept trees are measured again by others
    reasoner.score_for(trees, run.sweep.select)
    return [Grown.of(tree) for tree in trees]


def measured(sweep: SweepConfig) -> int:
    """The window over which the sampler measures certainty; 0 where none of the sweep's rules reads it."""
    return certainty_window(sweep.select, sweep.certainty_window)


def grid_plan(run: RunConfig, seed: int, temperature: float) -> Plan:
    """The plan of trees as wide and deep as the grid's cells together."""
    s, depth = run.sweep, depth_of(run.sweep.grid)
    return Plan(
        len(depth),
        depth,
        Sampling(s.propose_temperature, run.abstraction.max_new_tokens, seed),
        Sampling(temperature, run.solution.max_new_tokens, seed + 1, certainty=measured(s)),
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
) -> list[Answered]:
    """`count` more solutions per problem, after `have` earlier ones."""
    reasoner = reasoner_for(run, pair)
    trees = [Tree(problem) for problem in problems]
    budget = run.solution.max_new_tokens
    sampling = Sampling(temperature, budget, seed + 2 + 31 * have, certainty=measured(run.sweep))
    reasoner.solve_bare(trees, count, sampling, pair.task)
    reasoner.judge(trees)
    reasoner.score_for(trees, run.sweep.select)
    return [Answered.of(tree.bare) for tree in trees]
