"""The vote among the solutions of one problem, while they come in."""

from __future__ import annotations

from typing import Any

from rlad.reasoning.events import AnswerVotes
from rlad.reasoning.scores import ScoreMissing, logprob_of, score
from rlad.reasoning.tree import Place, Solution
from rlad.selection import Candidate, decided, group, reads, select, tally
from rlad.verifier import extract_answer, verify


class Vote:
    """Reads answers, groups the equal ones, counts. The result does not depend on the order of arrival.

    Not quick (the verifier compares answers), so an event loop calls `add` in a thread; one call at a time.
    """

    def __init__(self, rule: str, keys: Any = None):
        self.rule, self.keys = rule, keys
        self.answers: dict[Place, str | None] = {}
        self.scores: dict[Place, float | None] = {}
        self._known: dict[tuple[str, str], bool] = {}
        self._candidates: list[Candidate] = []
        self._places: list[Place] = []

    def add(self, place: Place, solution: Solution) -> str | None:
        """Counts a solution; returns the answer it gives, None when none can be read.

        Raises ScoreMissing when the rule reads a score that the solution has not got.
        """
        answer = extract_answer(solution.text)
        believed = score(self.rule, solution.text, logprob_of(solution.completion), solution.tokens)
        if answer is not None and believed is None and reads(self.rule):
            raise ScoreMissing(self.rule)
        self.answers[place], self.scores[place] = answer, believed
        self._places = sorted(self.answers)
        keys = group([self.answers[p] for p in self._places], self._same)
        self._candidates = [Candidate(key, self.scores[p]) for key, p in zip(keys, self._places, strict=True)]
        return answer

    def _same(self, a: str, b: str) -> bool:
        if (a, b) not in self._known:
            self._known[a, b] = verify(a, b).correct
        return self._known[a, b]

    def votes(self) -> list[AnswerVotes]:
        """All answers, the selected one first and then by weight."""
        forms: dict[object, dict[str, None]] = {}  # in order, each once
        for candidate, place in zip(self._candidates, self._places, strict=True):
            forms.setdefault(candidate.key, {})[self.answers[place] or ""] = None
        weights = tally(self.rule, self._candidates, self.keys)
        total = sum(weights.values()) or 1.0
        chosen = self.chosen()
        first = self._candidates[self._places.index(chosen)].key if chosen else None
        order = sorted(weights, key=lambda key: (key != first, -weights[key]))
        return [_counted(list(forms[key]), weights[key], weights[key] / total) for key in order]

    def chosen(self) -> Place | None:
        """Where the selected solution stands; None while nothing has an answer."""
        index = select(self.rule, self._candidates, self.keys)
        return None if index is None else self._places[index]

    def decided(self, outstanding: int) -> bool:
        """Whether `outstanding` more solutions cannot change the answer."""
        return decided(self.rule, self._candidates, outstanding, keys=self.keys)


def _counted(forms: list[str], weight: float, share: float) -> AnswerVotes:
    return AnswerVotes(answer=forms[0], forms=forms, weight=round(weight, 6), share=round(share, 6))
