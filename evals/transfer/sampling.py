"""What is sampled when a run's abstractions are given to another solver: abstractions first, then solutions with them.

Both are jobs of a sweep's `SamplingPool`: seeded by place, kept in a journal, gone on with after a kill. A source of
abstractions takes the place of a sweep's checkpoint, so its rules, cells and estimators apply as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from evals.cells.selecting import BREADTH, book_of
from evals.cells.temperatures import guided_grid
from evals.samples.shards import Kept
from evals.samples.trees import Condition, Draws, Grown, Guided, ModelPair, Sampled, Samples, record_of
from evals.samples.workers import SamplingPool, depth_of, grid_plan, measured, reasoner_for
from evals.transfer.measuring import largest, sides_of
from evals.transfer.solvers import Solver
from evals.transfer.sources import LABELS, irrelevant, right_abstraction, shuffled
from rlad.config import RunConfig, is_url
from rlad.generation import Sampling
from rlad.problems import Problem
from rlad.reasoning.leaks import gives_away
from rlad.reasoning.tree import Branch, Plan, Tree

Given = Mapping[str, Grown]
"""Problem -> the abstractions that a solver is given for it, not yet solved with."""


def propose_job(
    run: RunConfig, problems: list[Problem], seed: int, pair: ModelPair, temperature: float, own: RunConfig
) -> list[Grown]:
    """Distinct abstractions of a pair's proposer, as many as the grid wants; `own` is the run that it comes from."""
    reasoner, trees = reasoner_for(own, pair), [Tree(problem) for problem in problems]
    reasoner.propose(trees, grid_plan(own, seed, temperature))
    reasoner.gate(trees)
    return [Grown.of(tree) for tree in trees]


def oracle_job(
    run: RunConfig, problems: list[Problem], seed: int, pair: ModelPair, temperature: float, own: RunConfig
) -> list[Grown]:
    """The right abstraction of every problem, with the tokens that the proposer would have needed for it, and how
    likely it would have been to write it."""
    reasoner = reasoner_for(own, pair)
    texts = [right_abstraction(problem, reasoner.world) for problem in problems]
    ids = [reasoner.propose_prompts.completion_ids(text, "propose") for text in texts]
    prompts = [reasoner.propose_ids(Tree(problem)) for problem in problems]
    rows = zip(problems, texts, ids, reasoner.proposer.score(prompts, ids), strict=True)
    return [
        Grown(
            Draws([text], [len(tokens)], [0], [round(nats, 6)]),
            [Guided(text, gives_away(problem, text, reasoner.world), Samples.of([]))],
        )
        for problem, text, tokens, nats in rows
    ]


def guided_job(
    run: RunConfig, problems: list[Problem], seed: int, pair: ModelPair, temperature: float, given: Given,
    depth: tuple[int, ...],
) -> list[Grown]:  # fmt: skip
    """The solver's solutions with the abstractions that it is given, judged, with the scores that the rules read."""
    reasoner = reasoner_for(run, pair)
    trees = [
        Tree(one, branches=[Branch(b.abstraction, b.abstraction, b.leak) for b in given[one.id].branches[: len(depth)]])
        for one in problems
    ]
    sampling = Sampling(temperature, run.solution.max_new_tokens, seed + 1, certainty=measured(run.sweep))
    reasoner.solve(trees, Plan(len(depth), depth, sampling, sampling))
    reasoner.judge(trees)
    reasoner.score_for(trees, run.sweep.select)
    return [replace(Grown.of(tree), draws=given[tree.problem.id].draws) for tree in trees]


class TransferPool(SamplingPool):
    """A sweep's sampling processes, asked for abstractions by themselves and for solutions with given ones."""

    def proposed(self, job, source: str, split: str, pair: ModelPair, own: RunConfig) -> list[Grown]:
        """The abstractions of a source, not solved with."""
        condition = Condition(source, LABELS[source], "proposed", own.sweep.propose_temperature, split)
        records = self._all(job, split, LABELS[source], condition, pair, condition.temperature, own)
        return [record_of(one, condition.temperature) for one in records]

    def guided(self, source: str, pair: ModelPair, temperature: float, split: str, given: Sequence[Grown]) -> None:
        """Solutions with the abstractions of a source."""
        depth = depth_for(source, self.run)
        condition = Condition(source, LABELS[source], "distinct", temperature, split, depth)
        table = {problem.id: one for problem, one in zip(self.problems[split], given, strict=True)}
        self._grown(guided_job, split, f"with {LABELS[source]}", condition, pair, table, depth)


def drawn(
    run: RunConfig, solver: Solver, proposer: str, sources: Sequence[str], problems: dict[str, list[Problem]],
    kept: Kept | None = None,
) -> Sampled:  # fmt: skip
    """Samples everything that is measured: with each source the validation problems at all guided temperatures and the
    test problems at the one that selects best there, and both without abstractions at all plain temperatures."""
    asked = replace(solver.run, sweep=run.sweep, launch=run.launch)
    if solver.served or is_url(proposer):  # a server says how much it takes at a time
        asked = replace(asked, launch=replace(run.launch, ranks=1))
    grid = guided_grid(run)
    with TransferPool(asked, problems, kept) as pool:
        splits = [split for split in ("validation", "test") if problems.get(split)]
        given = {split: _given(run, asked, pool, solver, proposer, sources, split) for split in splits}
        best = dict.fromkeys(sources, grid[0])
        for split in splits:
            for source in sources:
                for temperature in grid if split == "validation" else [best[source]]:
                    pool.guided(source, solver.pair, temperature, split, given[split][source])
            budget = largest(run, pool.sampled, split)
            for temperature in run.sweep.plain_temperatures:
                pool.plain(solver.pair, temperature, budget, split)
            if split == "validation":
                book = book_of(asked, split, sides_of(run, pool.sampled, split))
                best = {source: book.best(source, BREADTH, grid).temperature for source in sources}
        return pool.sampled


def _given(
    run: RunConfig, asked: RunConfig, pool: TransferPool, solver: Solver, proposer: str, sources: Sequence[str],
    split: str,
) -> dict[str, list[Grown]]:  # fmt: skip
    """The abstractions of every source for the problems of a split."""
    made: dict[str, list[Grown]] = {}
    writer = ModelPair("own", LABELS["own"], proposer, proposer, "plain")
    own = pool.proposed(propose_job, "own", split, writer, run)
    for source in sources:
        if source == "oracle":
            made[source] = pool.proposed(oracle_job, source, split, writer, run)
        elif source == "pair":
            other = ModelPair("pair", LABELS["pair"], solver.proposer, solver.proposer, "plain")
            made[source] = pool.proposed(propose_job, source, split, other, asked)
        else:
            made[source] = {"own": lambda known, _: known, "irrelevant": irrelevant, "shuffled": shuffled}[source](
                own, f"{run.seed}|{split}"
            )
    return made


def depth_for(source: str, run: RunConfig) -> tuple[int, ...]:
    """Solutions under the first, second ... abstraction of a source. The oracle has one abstraction, and under it as
    many solutions as the grid's largest cell has."""
    return (max(n * m for n, m in run.sweep.grid),) if source == "oracle" else depth_of(run.sweep.grid)
