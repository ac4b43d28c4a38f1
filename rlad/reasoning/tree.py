"""The types of a reasoning tree: a problem, the abstractions drawn for it, and the solutions under each of them."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field, replace

from rlad.generation.base import Completion, Sampling
from rlad.players.confidence import stated_confidence
from rlad.problems.base import Problem
from rlad.selection import group
from rlad.verifier import Verdict, verify

BARE = -1
"""The branch of solutions without an abstraction."""
Place = tuple[int, int]
"""(branch, number among its solutions); branch BARE = solved without an abstraction."""


@dataclass
class Solution:
    """One solution of a problem, under an abstraction or bare."""

    prompt: list[int]
    completion: Completion
    text: str
    verdict: Verdict | None = None
    adheres: bool | None = None
    reward: float | None = None
    """What it earned in training, where that isn't its verdict."""
    index: int = 0
    """Its number among its branch's samples, where those come in one by one and in any order."""
    unguided: float | None = None
    """log p of its tokens for the same solver without the abstraction, at temperature 1, nats; None = nobody asked."""
    judgement: float | None = None
    """A judge's probability that it is right, 0 to 1; None = nobody asked one. It knows no right answer."""
    further: bool = False
    """Sampled because of how others came out: how many such there are depends on those."""
    seconds: float = 0.0
    """From sending its request to its end, where somebody waits for it."""

    @property
    def correct(self) -> bool:
        return self.verdict is not None and self.verdict.correct

    @property
    def confidence(self) -> float | None:
        """The confidence it states about itself, 0 to 1; None when it states none."""
        return stated_confidence(self.text)

    @property
    def tokens(self) -> int:
        """Generated ones."""
        return self.completion.generated


@dataclass
class Draw:
    """One sample of the abstraction player."""

    prompt: list[int]
    completion: Completion
    text: str
    branch: int | None
    """Index of the branch that this draw opened or repeated; None when it is empty or unfinished."""
    listed: bool = False
    """Whether it is an item of a list: its prompt then holds the items before it."""
    alone: float | None = None
    """Of an item of a list, log p of its text as a single proposal with its end, at temperature 1, nats; None = nobody
    asked."""

    @property
    def proposal(self) -> float | None:
        """log π_abs(z|x) of its whole text, at temperature 1, nats: what selection rules are told. None where nobody
        can tell; how likely an item of a list is in view of others is not it."""
        return self.alone if self.listed else self.completion.model_logprob


@dataclass
class Branch:
    """One abstraction that is solved with."""

    text: str
    key: str
    """Its identity: draws with the same key are duplicates."""
    leak: bool = False
    solutions: list[Solution] = field(default_factory=list)
    reward: float | None = None
    """What it is worth in training, where that isn't its accuracy."""
    lagged: list[Solution] = field(default_factory=list)
    """Solutions of the lagged solver, which then pay the abstraction instead of the learning solver's."""
    refined: list[Solution] = field(default_factory=list)
    """Second attempts written under a critique; their prompt is that of the first attempts."""

    @property
    def accuracy(self) -> float | None:
        """Share of its solutions that are correct; None without solutions (masked, not zero)."""
        return sum(s.correct for s in self.solutions) / len(self.solutions) if self.solutions else None


@dataclass
class Written:
    """A text that another role than the pair's wrote about a tree."""

    prompt: list[int]
    completion: Completion
    text: str
    correct: bool
    """Whether it did what its role is for."""


@dataclass
class Tree:
    """Everything that was tried on one problem."""

    problem: Problem
    draws: list[Draw] = field(default_factory=list)
    branches: list[Branch] = field(default_factory=list)
    bare: list[Solution] = field(default_factory=list)
    refined: list[Solution] = field(default_factory=list)
    """Second attempts at bare solutions."""
    shape: tuple[int, int] | None = None
    """(n, m) of this problem, where they are not the plan's."""
    filtered: bool = False
    """A filter left the problem out: its abstractions earn nothing and are not learnt from."""
    extra_tokens: int = 0
    """Generated beside the samples kept here: critiques, and second attempts that were dropped."""
    written: dict[str, list[Written]] = field(default_factory=dict)
    """What other roles than the pair's wrote, by role."""
    settled: dict[str, tuple[bool, bool]] = field(default_factory=dict)
    """By role that chooses among the answers: (whether its choice is right, whether the most frequent answer is)."""

    def add(self, branch: int, solution: Solution) -> None:
        """Puts a solution where its index belongs in its branch, or among those without an abstraction (BARE)."""
        insort(self.under(branch), solution, key=lambda other: other.index)

    def at(self, place: Place) -> Solution:
        """The solution at a place that has come in."""
        return next(solution for solution in self.under(place[0]) if solution.index == place[1])

    def under(self, branch: int) -> list[Solution]:
        """The solutions of a branch, or those without an abstraction (BARE)."""
        return self.bare if branch == BARE else self.branches[branch].solutions

    @property
    def solutions(self) -> list[Solution]:
        """All guided solutions."""
        return [solution for branch in self.branches for solution in branch.solutions]

    @property
    def sampled(self) -> list[Solution]:
        """All solutions, whoever wrote them and why."""
        beside = [solution for branch in self.branches for solution in [*branch.lagged, *branch.refined]]
        return [*self.solutions, *self.bare, *beside, *self.refined]

    @property
    def tokens(self) -> int:
        """Generated tokens, those of duplicate and failed draws included; what a tool has put into texts is prefill."""
        drawn = sum(draw.completion.generated for draw in self.draws)
        beside = sum(one.completion.generated for texts in self.written.values() for one in texts)
        return drawn + beside + self.extra_tokens + sum(s.tokens for s in self.sampled)

    def add_written(self, role: str, prompt: list[int], completion: Completion, text: str, correct: bool) -> None:
        """Adds a text of another role than the pair's."""
        self.written.setdefault(role, []).append(Written(prompt, completion, text, correct))

    def answers(self) -> list[tuple[str, list[Solution]]]:
        """(answer, the solutions that give it) of what was judged, equal answers together, in order of appearance."""
        given = [s for s in [*self.solutions, *self.bare] if s.verdict is not None and s.verdict.pred is not None]
        keys = group([s.verdict.pred for s in given], lambda a, b: verify(a, b).correct)
        together: dict[int, list[Solution]] = {}
        for key, solution in zip(keys, given, strict=True):
            together.setdefault(key, []).append(solution)
        return [(solutions[0].verdict.pred, solutions) for solutions in together.values()]


@dataclass(frozen=True)
class Plan:
    """How to spend the samples on each problem."""

    abstractions: int
    solutions: tuple[int, ...] | int
    """m, the same for all abstractions or one number per abstraction in the order they were drawn."""
    propose: Sampling
    solve: Sampling
    distinct: bool = True
    """Draw until all abstractions differ (sampling without replacement at sequence level) or the draws run out."""
    draws: int = 0
    """Most draws per problem when distinct; at least `abstractions`."""
    reference: bool = False
    """Parts of the problem's worked solution stand in for abstractions, and nothing is drawn."""
    joint: bool = False
    """One text lists all abstractions, of at most `abstractions` times the tokens of one."""
    first: int = 0
    """Solutions of an abstraction that are sampled before it is decided where the others go; 0 = all of them."""

    def of(self, tree: Tree) -> Plan:
        """The plan with the tree's own n and m, where it has them."""
        return replace(self, abstractions=tree.shape[0], solutions=tree.shape[1]) if tree.shape else self

    @property
    def most_draws(self) -> int:
        return max(self.draws, self.abstractions) if self.distinct else self.abstractions

    def first_of(self, branch: int) -> int:
        """How many solutions of a branch are sampled at once."""
        return min(self.first or self.solutions_of(branch), self.solutions_of(branch))

    def solutions_of(self, branch: int) -> int:
        return self.solutions if isinstance(self.solutions, int) else self.solutions[branch]
