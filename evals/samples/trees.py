"""The trees of a sweep, as they are kept: what was sampled for every test problem, and how it was judged.

`sweep_trees.jsonl` holds one problem a line with all its conditions: distinct and i.i.d. abstractions, plain samples at
every temperature, of every checkpoint. A sweep measures these records and nothing else, so they give its numbers again
without sampling, and those of any other selection rule (`./launch.sh sweep RUN --rescore 'sweep.select=[...]'`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path

from rlad.cli import PlainError
from rlad.generation.base import Certainty
from rlad.players.confidence import stated_confidence
from rlad.problems import Problem
from rlad.reasoning.scores import logprob_of
from rlad.reasoning.tree import Solution, Tree
from rlad.selection import group
from rlad.verifier import Outcome, verify

NAME = "sweep_trees.jsonl"
CHOSEN = "chosen:"
"""Before a role's name, the mode of what it chose."""
ASKED = "asked:"
"""Before a role's name, the mode of what it chose where a budget policy asked it."""


@dataclass(frozen=True)
class ModelPair:
    """The models of one checkpoint."""

    checkpoint: str
    """warmstart or cotrained."""
    label: str
    abstraction: str | None
    """Folder of the proposer, or the URL of its server; None = there is none, only plain sampling is measured."""
    solution: str
    """Folder of the solver, or the URL of the server behind which it is."""
    task: str
    """How the solver solves without an abstraction: plain or one_pass."""
    choosers: tuple[tuple[str, str], ...] = ()
    """(role, folder) of further players that choose among a tree's answers."""

    @property
    def places(self) -> list[tuple[str, str | None]]:
        """(role, folder or URL) of the proposer and the solver."""
        return [("abstraction", self.abstraction), ("solution", self.solution)]

    @classmethod
    def of(cls, kept: dict) -> ModelPair:
        """From what JSON has made of one."""
        return cls(**kept | {"choosers": tuple((role, folder) for role, folder in kept.get("choosers", ()))})


@dataclass(frozen=True)
class Condition:
    """One way of sampling, of one checkpoint's pair."""

    checkpoint: str
    """warmstart or cotrained."""
    label: str
    """The checkpoint in words."""
    mode: str
    """distinct (abstractions drawn until they differ), joint (one text lists them), iid (abstractions as they come),
    plain (none), decoding: and a method's name with the value of its axis, chosen: and the role that chose among the
    answers of the distinct ones in the grid's cells, or asked: and that role where a budget policy asked it."""
    temperature: float
    """Temperature of the solutions."""
    split: str = "test"
    """test, or validation: the problems on which temperatures are chosen."""
    depth: tuple[int, ...] = ()
    """Solutions planned under the first, second ... abstraction."""

    @property
    def solves(self) -> bool:
        """Whether its records hold solutions; those of a player that chooses hold what it chose among others'."""
        return not self.mode.startswith((CHOSEN, ASKED))


@dataclass
class Samples:
    """Some solutions of one problem, column by column."""

    text: list[str]
    tokens: list[int]
    logprob: list[float | None]
    """log p of the whole solution under the sampling distribution, nats; None where the sampler gave none."""
    verdict: list[str]
    key: list[int | None]
    """Equal keys are equivalent answers, within one condition of a problem; None = no answer could be read."""
    model_logprob: list[float | None] = field(default_factory=list)
    """log p of the whole solution at temperature 1, whatever it was sampled at, nats; None where nobody can tell."""
    unguided: list[float | None] = field(default_factory=list)
    """The same without the abstraction; None where nobody asked, empty in files of earlier sweeps."""
    weight: list[float] = field(default_factory=list)
    """The vote that a decoding method gives to each; empty for samples that are weighed by selection rules."""
    judgement: list[float | None] = field(default_factory=list)
    """A judge's probability that each is right; empty where nobody asked one."""
    certainty: list[list[float] | None] = field(default_factory=list)
    """The numbers of each one's `Certainty` (rlad/generation/base.py); empty where nobody measured them."""

    @classmethod
    def of(cls, solutions: Sequence[Solution], keys: Sequence[int | None] | None = None) -> Samples:
        """Judged solutions; without `keys` their answers are grouped among themselves."""
        logprobs = [logprob_of(solution.completion) for solution in solutions]
        return cls(
            [solution.text for solution in solutions],
            [solution.tokens for solution in solutions],
            [_rounded(value) for value in logprobs],
            [solution.verdict.outcome.value for solution in solutions],
            list(answer_keys([solution.verdict.pred for solution in solutions]) if keys is None else keys),
            [_rounded(solution.completion.model_logprob) for solution in solutions],
            [_rounded(solution.unguided) for solution in solutions],
            judgement=_known([solution.judgement for solution in solutions]),
            certainty=_known([_sure(solution.completion.certainty) for solution in solutions]),
        )

    @property
    def correct(self) -> list[bool]:
        return [verdict == Outcome.correct.value for verdict in self.verdict]

    @cached_property
    def stated(self) -> list[float]:
        """The confidence that each states about itself; silence counts as 0."""
        return [stated_confidence(text) or 0.0 for text in self.text]


@dataclass
class Answered:
    """Some solutions of one problem before all of them are there, so that no answers have been compared yet."""

    samples: Samples
    answers: list[str | None]
    """What each answers; None where no answer could be read."""

    @classmethod
    def of(cls, solutions: Sequence[Solution]) -> Answered:
        """Judged solutions."""
        answers = [solution.verdict.pred for solution in solutions]
        return cls(Samples.of(solutions, [None] * len(answers)), answers)

    def joined(self, more: Answered) -> Answered:
        """These, and after them `more` of the same problem."""
        columns = {name: getattr(self.samples, name) + getattr(more.samples, name) for name in asdict(self.samples)}
        return Answered(Samples(**columns), self.answers + more.answers)

    def grouped(self) -> Samples:
        """All of them, with their answers' keys."""
        return replace(self.samples, key=answer_keys(self.answers))


@dataclass
class Draws:
    """Proposals in the order of drawing, column by column."""

    text: list[str]
    tokens: list[int]
    branch: list[int | None]
    """Index of the abstraction that a draw opened or repeated; None when it is empty or unfinished."""
    model_logprob: list[float | None] = field(default_factory=list)
    """log p of the whole proposal at temperature 1, whatever it was drawn at, nats; None where nobody can tell. Of an
    item of a list, that of its text as a single proposal; None in files of earlier sweeps."""


@dataclass
class Guided:
    """One abstraction and what was solved with it."""

    abstraction: str
    leak: bool
    solutions: Samples


@dataclass
class Grown:
    """One problem's proposals and the abstractions among them."""

    draws: Draws
    branches: list[Guided] = field(default_factory=list)

    @classmethod
    def of(cls, tree: Tree) -> Grown:
        """A judged tree. Answers are grouped over all its branches."""
        keys = iter(answer_keys([s.verdict.pred for s in tree.solutions]))
        branches = [
            Guided(b.text, b.leak, Samples.of(b.solutions, [next(keys) for _ in b.solutions])) for b in tree.branches
        ]
        texts, branch = [draw.text for draw in tree.draws], [draw.branch for draw in tree.draws]
        tokens = [draw.completion.generated for draw in tree.draws]
        believed = [_rounded(draw.proposal) for draw in tree.draws]
        return cls(Draws(texts, tokens, branch, believed), branches)

    @property
    def scored(self) -> bool:
        """Whether every proposal that opened or repeated a branch has a log π_abs."""
        found = zip(self.draws.branch, self.draws.model_logprob, strict=True)
        return all(value is not None for branch, value in found if branch is not None)

    def scored_as(self, tree: Tree) -> Grown:
        """The same with what the draws of a tree say of π_abs."""
        return replace(self, draws=replace(self.draws, model_logprob=[_rounded(draw.proposal) for draw in tree.draws]))


@dataclass
class Choices:
    """What a player chose among one problem's answers, cell by cell."""

    cells: list[list[int]]
    """[n, m]: it was shown the answers of the first m solutions of each of the first n abstractions."""
    key: list[int | None]
    """Of the chosen answer, among those of the tree; None where the cell has no answer."""
    tokens: list[int]
    """Generated to choose; 0 where there were not two answers."""
    read: list[int]
    """Tokens of the prompts that it read for that."""


@dataclass
class Asked:
    """What a player chose among one problem's answers, in the states of the tree where a budget policy asked it."""

    states: list[list[int]]
    """Solutions under the first, second ... abstraction."""
    key: list[int]
    """Of the chosen answer, among those of the tree."""
    tokens: list[int]
    """Generated to choose."""
    read: list[int]
    """Tokens of the prompts that it read for that."""


def _rounded(nats: float | None) -> float | None:
    return None if nats is None else round(nats, 6)


def _sure(certainty: Certainty | None) -> list[float] | None:
    return None if certainty is None else [round(value, 4) for value in certainty]


def _known(column: list) -> list:
    """A column that few sweeps have: nothing where nobody asked."""
    return [] if all(value is None for value in column) else column


def answer_keys(answers: Sequence[str | None]) -> list[int | None]:
    """Keys of some answers to one problem: equal keys are equivalent answers, by the verifier; None stays None."""
    return group(answers, lambda a, b: verify(a, b).correct)


def as_record(sampled: Grown | Answered | Choices | Asked) -> dict:
    """What a job gave for one problem, for JSON."""
    return asdict(sampled)


Found = list[Samples] | list[Grown] | list[Choices] | list[Asked]
"""One record per problem: samples of plain solving, what grew, or what was chosen of that."""


@dataclass
class Sampled:
    """Everything that a sweep sampled: of each condition one record per problem of its split, in the same order, or per
    problem that its checkpoint was asked of them, the first ones."""

    problems: dict[str, list[Problem]]
    conditions: dict[Condition, Found] = field(default_factory=dict)

    def of(self, mode: str, split: str = "test") -> dict[str, list[tuple[Condition, Found]]]:
        """Conditions of a mode by checkpoint, each in the order in which they were sampled."""
        found: dict[str, list[tuple[Condition, Found]]] = {}
        for condition, records in self.conditions.items():
            if (condition.mode, condition.split) == (mode, split):
                found.setdefault(condition.checkpoint, []).append((condition, records))
        return found

    def write(self, path: Path) -> None:
        """One line of JSON per problem."""
        with path.open("w", encoding="utf-8", errors="surrogatepass") as file:
            for split, problems in self.problems.items():
                for i, problem in enumerate(problems):
                    found = ((c, r) for c, r in self.conditions.items() if c.split == split and i < len(r))
                    trees = [asdict(condition) | asdict(records[i]) for condition, records in found]
                    head = {"split": split, "problem": problem.id, "question": problem.question}
                    head |= {"number": i + 1, "of": len(problems)}
                    line = head | {"answer": problem.answer, "trees": trees}
                    file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")

    @classmethod
    def read(cls, path: Path) -> Sampled:
        """The trees of a run folder. Raises PlainError when it has none, and when a line is damaged or missing."""
        if not path.is_file():
            raise PlainError(f"There is no '{path}'; run the sweep first, it keeps its trees there.")
        sampled, whole = cls({}), {}
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    split, of = sampled._add(json.loads(line.decode("utf-8", errors="surrogatepass")))
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    raise _damaged(path, f"line {number} cannot be read") from error
                whole[split] = of
        if not sampled.problems:
            raise _damaged(path, "it is empty")
        for split, of in whole.items():
            if of is not None and of != len(sampled.problems[split]):
                raise _damaged(path, f"it has {len(sampled.problems[split])} of {of} {split} problems")
        return sampled

    def _add(self, line: dict) -> tuple[str, int | None]:
        """Takes a problem's line; gives its split and how many the split has, which files of before do not say.

        Raises ValueError where a line before it is missing.
        """
        problems = self.problems.setdefault(line["split"], [])
        if line.get("number", len(problems) + 1) != len(problems) + 1:
            raise ValueError("a line before it is missing")
        for tree in line["trees"]:
            head = {name: tree.pop(name) for name in Condition.__dataclass_fields__}
            condition = Condition(**head | {"depth": tuple(head["depth"])})
            records = self.conditions.setdefault(condition, [])
            if len(records) != len(problems):
                raise ValueError("a problem before it was not asked of this condition")
            records.append(record_of(tree, condition.temperature))
        problems.append(Problem(line["problem"], line["question"], line["answer"]))
        return line["split"], line.get("of")


def _damaged(path: Path, how: str) -> PlainError:
    return PlainError(f"'{path}' is damaged: {how}; take it from a copy or sweep anew, nothing was measured.")


def record_of(tree: dict, temperature: float) -> Samples | Grown | Choices | Asked:
    """A problem's record under one condition as it was kept."""
    if "states" in tree:
        return Asked(**tree)
    if "cells" in tree:
        return Choices(**tree)
    if "draws" not in tree:
        return samples_of(tree, temperature)
    draws = {"model_logprob": [None] * len(tree["draws"]["text"])} | tree["draws"]
    branches: Iterable[dict] = tree["branches"]
    return Grown(
        Draws(**draws),
        [Guided(b["abstraction"], b["leak"], samples_of(b["solutions"], temperature)) for b in branches],
    )


def samples_of(columns: dict, temperature: float) -> Samples:
    """Solutions as they were kept; trees of before `model_logprob` have it where they were sampled at temperature 1."""
    known = columns["logprob"] if temperature == 1 else [None] * len(columns["text"])
    return Samples(**{"model_logprob": known} | columns)
