"""The vote among the solutions of one problem, while they come in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any

from rlad.reasoning.events import AnswerVotes
from rlad.reasoning.scores import ScoreMissing, candidates_of, proposals_of, under
from rlad.reasoning.tree import Place, Solution, Tree
from rlad.selection import (
    Candidate,
    Outstanding,
    decided,
    group,
    left,
    log_tally,
    missing_attribute,
    reads,
    select,
    tally,
)
from rlad.verifier import extract_answer, verify


class Vote:
    """Reads answers, groups the equal ones, counts. The result does not depend on the order of arrival.

    Not quick (the verifier compares answers), so an event loop calls `add` in a thread; one call at a time.
    """

    def __init__(self, tree: Tree, rule: str, keys: Any = None):
        """`tree` is where the solutions stand that are added; its draws weigh the abstractions."""
        self.tree, self.rule, self.keys = tree, rule, keys
        self.answers: dict[Place, str | None] = {}
        self._known: dict[tuple[str, str], bool] = {}
        self._groups: list[int | None] = []
        self._solutions: dict[Place, Solution] = {}  # in the order of the tree
        self.preferred: Place | None = None
        """The solution that is selected whatever the rule says: of the answer that a player has chosen."""

    def add(self, place: Place, solution: Solution) -> str | None:
        """Counts a solution of the tree; returns the answer it gives, None when none can be read.

        Raises ScoreMissing when the rule reads something that the solution has not got.
        """
        answer = extract_answer(solution.text)
        self.answers[place] = answer
        self._solutions = dict(sorted({**self._solutions, place: solution}.items(), key=lambda item: item[0]))
        self._groups = group([self.answers[place] for place in self._solutions], self._same)
        if answer is not None and (lacking := missing_attribute(self.rule, self._candidates)):
            raise ScoreMissing(self.rule, lacking)
        return answer

    def _same(self, a: str, b: str) -> bool:
        if (a, b) not in self._known:
            self._known[a, b] = verify(a, b).correct
        return self._known[a, b]

    @property
    def _candidates(self) -> list[Candidate]:
        """As they are now: an abstraction that is proposed once more may weigh more."""
        return candidates_of(self.tree, self._solutions, self._groups)

    def votes(self) -> list[AnswerVotes]:
        """All answers, the selected one first and then by weight."""
        forms: dict[object, dict[str, None]] = {}  # in order, each once
        for key, place in zip(self._groups, self._solutions, strict=True):
            forms.setdefault(key, {})[self.answers[place] or ""] = None
        weights = tally(self.rule, self._candidates, self.keys)
        total = sum(weights.values()) or 1.0
        chosen = self.chosen()
        first = self._groups[list(self._solutions).index(chosen)] if chosen else None
        order = sorted(weights, key=lambda key: (key != first, -weights[key]))
        return [_counted(list(forms[key]), weights[key], weights[key] / total) for key in order]

    def weights(self) -> list[float]:
        """Of each abstraction, the part of all weight that its own solutions have."""
        own = [replace(one, key=None if one.key is None else one.branch) for one in self._candidates]
        weights = tally(self.rule, own, self.keys)
        total = sum(weights.values()) or 1.0
        return [float(f"{weights.get(branch, 0.0) / total:.4g}") for branch in range(len(self.tree.branches))]

    def under(self) -> dict[int, tuple[int | None, ...]]:
        """Branch -> the answers of its solutions so far; equal keys are equivalent answers, None is none."""
        found: dict[int, tuple[int | None, ...]] = {}
        for key, (branch, _) in zip(self._groups, self._solutions, strict=True):
            found[branch] = (*found.get(branch, ()), key)
        return found

    def given(self) -> dict[int, tuple[str, list[Place]]]:
        """Key of an answer -> (how it is written first, where its solutions stand), in order of appearance."""
        found: dict[int, tuple[str, list[Place]]] = {}
        for key, place in zip(self._groups, self._solutions, strict=True):
            if key is not None:
                found.setdefault(key, (self.answers[place] or "", []))[1].append(place)
        return found

    def prefer(self, key: int | None) -> None:
        """Selects an answer by its key, of its solutions the rule's or else the first; None = as the rule says."""
        self.preferred = None
        if key is not None:
            places, chosen = self.given()[key][1], self.chosen()
            self.preferred = chosen if chosen in places else places[0]

    def log_votes(self) -> dict[Hashable, float]:
        """Key of an answer -> the logarithm of its votes."""
        return log_tally(self.rule, self._candidates, self.keys)

    def chosen(self) -> Place | None:
        """Where the selected solution stands; None while nothing has an answer."""
        if self.preferred is not None:
            return self.preferred
        index = select(self.rule, self._candidates, self.keys)
        return None if index is None else list(self._solutions)[index]

    def decided(self, outstanding: Mapping[int, int], branches: int = 0, solutions: int = 1, draws: int = 0) -> bool:
        """Whether what is outstanding cannot change the answer.

        `outstanding` counts, by branch, the solutions that may still come in; `branches` more abstractions of
        `solutions` each may still be proposed, by at most `draws` proposals.
        """
        counted = Counter(branch for branch, _ in self._solutions)
        drawn = proposals_of(self.tree)
        known = [
            under(branch, drawn, counted[branch] + more) for branch, more in outstanding.items() for _ in range(more)
        ]
        believed = [under(branch, drawn, 1).proposal for branch in range(len(self.tree.branches))]
        if "proposal" in reads(self.rule) and None in believed:
            return False
        mass = 1.0 if None in believed else left(believed)
        # As the vote will be counted at its end: an abstraction's weight is shared by all the solutions that it gets.
        now = candidates_of(self.tree, self._solutions, self._groups, outstanding)
        return decided(self.rule, now, Outstanding(known, branches, solutions, draws, mass), self.keys)


def _counted(forms: list[str], weight: float, share: float) -> AnswerVotes:
    return AnswerVotes(answer=forms[0], forms=forms, weight=float(f"{weight:.6g}"), share=round(share, 6))
