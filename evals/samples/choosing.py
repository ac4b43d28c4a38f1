"""What a further player chooses among the answers of a sweep's trees: it reads what was grown, and grows nothing.

A cell n x m of a tree is its first n abstractions with their first m solutions, for this player as for every selection
rule, so its choices are paired with theirs. Many cells of a tree show the same answers in the same order: of a prompt
the player is asked once, and every cell pays for what it would have been asked alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from evals.samples.trees import Choices, Grown, ModelPair
from evals.samples.workers import opened
from rlad.config import RunConfig
from rlad.generation import Completion, Sampling
from rlad.players.roles import role_of
from rlad.problems import Problem, world_of
from rlad.reasoning.judge import Judge
from rlad.reasoning.pair import open_reader
from rlad.reasoning.tree import Solution, Tree

Ask = Callable[[list[list[int]]], list[Completion]]


def choose_job(
    run: RunConfig, problems: list[Problem], seed: int, pair: ModelPair, role: str, grown: Sequence[Grown]
) -> list[Choices]:
    """A player's choices in every cell of the grid, of trees as they were kept."""
    choose, solutions = reader_of(run, problems, seed, pair, role, grown)
    cells = [tuple(cell) for cell in run.sweep.grid]
    boards = [
        (Tree(problem), answers_in(one, own, (cell[1],) * cell[0]))
        for problem, one, own in zip(problems, grown, solutions, strict=True)
        for cell in cells
    ]
    asked = [(tree, list(answers.values())) for tree, answers in boards]
    places = choose(asked)
    rows = iter(zip(boards, places, strict=True))
    return [_choices(role, cells, [next(rows) for _ in cells]) for _ in problems]


def reader_of(
    run: RunConfig, problems: Sequence[Problem], seed: int, pair: ModelPair, role: str, grown: Sequence[Grown]
) -> tuple[Callable[[Sequence], list[int | None]], list[list[list[Solution]]]]:
    """(what chooses among the answers of (tree, answers), as `TreeReader.choose` does; the judged solutions of trees as
    they were kept)."""
    folder = dict(pair.choosers)[role]
    sampler, prompts = opened(run, (role, folder), lambda: open_reader(run, folder))
    section, copies = run.players[role], run.sweep.selections
    sampling = Sampling(section.temperature if copies > 1 else 0.0, section.max_new_tokens, seed + 8)
    ask = remembered(partial(sampler.generate, sampling=sampling), copies)
    judge = Judge(run.verifier, world_of(run.problems), run.problems.value_answers)
    try:
        solutions = judged(problems, grown, judge)
    finally:
        judge.close()
    return lambda asked: role_of(role, run).choose(asked, prompts, ask, run), solutions


def _choices(role: str, cells: Sequence[tuple[int, int]], rows: Sequence) -> Choices:
    """Of one problem: (tree, its answers by key) and the place of the chosen one, cell by cell."""
    written = [tree.written.get(role, []) for (tree, _), _ in rows]
    return Choices(
        [list(cell) for cell in cells],
        [None if place is None else list(answers)[place] for (_, answers), place in rows],
        [sum(one.completion.generated for one in texts) for texts in written],
        [sum(len(one.prompt) for one in texts) for texts in written],
    )


def judged(problems: Sequence[Problem], grown: Sequence[Grown], judge: Judge) -> list[list[list[Solution]]]:
    """The solutions of every problem's branches, with the verdicts that say how their answers are written."""
    empty = Completion((), (), "stop", 0)
    trees = [[[Solution([], empty, text) for text in b.solutions.text] for b in one.branches] for one in grown]
    asked = [(problem, one) for problem, tree in zip(problems, trees, strict=True) for row in tree for one in row]
    verdicts = judge([(problem, solution.text) for problem, solution in asked])
    for (_, solution), verdict in zip(asked, verdicts, strict=True):
        solution.verdict = verdict
    return trees


def answers_in(grown: Grown, solutions: list[list[Solution]], depths: Sequence[int]) -> dict[int, tuple[str, list]]:
    """Key -> (answer, its solutions) of the first solutions, so many, under the first, second ... abstraction, in order
    of appearance; equal ones are those that are kept as equal."""
    found: dict[int, tuple[str, list[Solution]]] = {}
    for branch, own, depth in zip(grown.branches, solutions, depths, strict=False):
        for key, solution in zip(branch.solutions.key[:depth], own, strict=False):
            if key is not None:
                found.setdefault(key, (solution.verdict.pred or "", []))[1].append(solution)
    return found


def remembered(ask: Ask, copies: int) -> Ask:
    """Asks each prompt once, for `copies` texts, and gives these again wherever it is asked for as many.

    >>> def echo(prompts): return [f"{prompt[0]} of {len(prompts)}" for prompt in prompts]
    >>> known = remembered(echo, 2)
    >>> known([[7], [7], [8], [8], [7], [7]]), known([[8], [8]])
    (['7 of 4', '7 of 4', '8 of 4', '8 of 4', '7 of 4', '7 of 4'], ['8 of 4', '8 of 4'])
    """
    known: dict[tuple[int, ...], list[Completion]] = {}

    def asked(prompts: list[list[int]]) -> list[Completion]:
        rows = [tuple(prompt) for prompt in prompts]
        fresh = [row for row in dict.fromkeys(rows) if row not in known]
        found = iter(ask([list(row) for row in fresh for _ in range(copies)]) if fresh else ())
        known.update({row: [next(found) for _ in range(copies)] for row in fresh})
        turn: Counter[tuple[int, ...]] = Counter()
        given = []
        for row in rows:
            given.append(known[row][turn[row] % copies])
            turn[row] += 1
        return given

    return asked
