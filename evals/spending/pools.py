"""What was sampled for one problem, as a budget policy is handed it piece by piece.

A policy is replayed on a pool by giving it the abstractions in their order of drawing and their solutions in theirs, so
nothing is sampled again and tokens are those that were generated.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise
from typing import Any

from evals.samples.judged import first_candidates
from evals.samples.trees import Grown
from rlad.reasoning.posterior import Seen, Standing
from rlad.reasoning.scores import Proposal, under
from rlad.selection import Candidate, credit, log_tally

Depths = tuple[int, ...]
"""Solutions under the first, second ... abstraction, 0 where nobody solved with it: a state of a tree."""


@dataclass
class Pool:
    """A sweep's tree of one problem, under the selection rule that a policy spends for."""

    grown: Grown
    select: str
    keys: Any = None
    """The rule's own keys; None = their defaults."""

    @cached_property
    def tokens(self) -> list[list[int]]:
        """Of the solutions under each abstraction."""
        return [branch.solutions.tokens for branch in self.grown.branches]

    @cached_property
    def _ends(self) -> list[int]:
        """Proposals until none, the first, the second ... different one was drawn."""
        return [0, *(self.grown.draws.branch.index(i) + 1 for i in range(len(self.grown.branches)))]

    @cached_property
    def drawing(self) -> list[int]:
        """Tokens drawn from the abstraction before it up to each, duplicates and failures included."""
        return [sum(self.grown.draws.tokens[start:end]) for start, end in pairwise(self._ends)]

    @cached_property
    def rest(self) -> int:
        """Tokens of the proposals after the last different one, where more were looked for."""
        return sum(self.grown.draws.tokens[self._ends[-1] :])

    @cached_property
    def proposals(self) -> list[float | None]:
        """log π_abs of each abstraction at temperature 1, nats, of all texts in which it was proposed."""
        return self._proposals(len(self.grown.branches), len(self.grown.branches))

    def _proposals(self, count: int, asked: int) -> list[float | None]:
        """Of the first abstractions, of the texts in which they were proposed so far."""
        drawn = self._drawn(asked)
        return [under(i, drawn, 1).proposal for i in range(count)]

    def _drawn(self, asked: int) -> list[Proposal]:
        draws = self.grown.draws
        said = draws.model_logprob or [None] * len(draws.text)  # kept by a sweep that did not ask for it
        rows = list(zip(draws.branch, draws.text, said, strict=True))
        return rows[: self._ends[asked]] if asked < len(self._ends) else rows

    def cost(self, depths: Sequence[int], asked: int = 0) -> int:
        """Tokens of the first abstractions with so many solutions under each; `asked`: how many were looked for."""
        looked = self.rest if asked > len(self.grown.branches) else 0
        solved = (sum(tokens[:depth]) for tokens, depth in zip(self.tokens, depths, strict=False))
        return looked + sum(self.drawing[: len(depths)]) + sum(solved)

    def candidates(self, depths: Sequence[int], asked: int = 0) -> list[Candidate]:
        """The solutions of a state as the rule sees them; of the proposals it knows those that were paid for."""
        proposals = self._drawn(max(asked, len(depths)))
        rows = zip(self.grown.branches, depths, strict=False)
        return [
            one
            for i, (branch, depth) in enumerate(rows)
            if depth
            for one in first_candidates(under(i, proposals, depth), branch.solutions, depth)
        ]

    def flags(self, depths: Sequence[int]) -> list[bool]:
        """Which of those are right."""
        rows = zip(self.grown.branches, depths, strict=False)
        return list(chain.from_iterable(branch.solutions.correct[:depth] for branch, depth in rows))

    def standing(self, depths: Sequence[int], asked: int = 0) -> Standing:
        """What a policy knows of a state."""
        proposals = self._proposals(len(depths), max(asked, len(depths)))
        rows = zip(self.grown.branches, proposals, depths, strict=False)
        branches = tuple(Seen(tuple(branch.solutions.key[:depth]), chance) for branch, chance, depth in rows)
        return Standing(branches, log_tally(self.select, self.candidates(depths, asked), self.keys))

    def accuracy(self, depths: Sequence[int], asked: int = 0, selected: Hashable | None = None) -> float:
        """How often the answer that the rule selects in a state is right; ties share the credit. Of a `selected` answer
        how often the solutions are right that give it."""
        if not any(depths):
            return 0.0
        if selected is None:
            return credit(self.select, self.candidates(depths, asked), self.flags(depths), self.keys)
        given = [key for b, depth in zip(self.grown.branches, depths, strict=False) for key in b.solutions.key[:depth]]
        flags = [flag for key, flag in zip(given, self.flags(depths), strict=True) if key == selected]
        return sum(flags) / len(flags)
