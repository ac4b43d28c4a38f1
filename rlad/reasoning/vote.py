"""The vote among the solutions of one problem, while they come in."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

from rlad.generation.base import Completion
from rlad.reasoning.tree import Solution
from rlad.selection import RULES, Candidate, decided, group, select
from rlad.verifier import extract_answer, verify

Place = tuple[int, int]
"""(branch, number among its solutions); branch -1 = solved without an abstraction."""


@dataclass(frozen=True)
class Votes:
    """What one answer has got."""

    forms: tuple[str, ...]
    """Every equivalent form in which it was given, in the order of the tree."""
    weight: float
    share: float

    @property
    def answer(self) -> str:
        return self.forms[0]


def confidence(completion: Completion) -> float:
    """The geometric mean of a completion's token probabilities, in [0, 1]; 1 where the engine gave no log-probs.

    >>> round(confidence(Completion((5, 6), (-0.2, -0.4), "stop", 0)), 4)  # exp(-0.3)
    0.7408
    """
    if not completion.logprobs:
        return 1.0
    return min(1.0, exp(sum(completion.logprobs) / len(completion.logprobs)))


class Ballot:
    """Reads answers, groups the equal ones, counts. The result does not depend on the order of arrival.

    Not quick (the verifier compares answers), so an event loop calls `add` in a thread; one call at a time.
    """

    def __init__(self, rule: str):
        self.rule = rule
        self.answers: dict[Place, str | None] = {}
        self.scores: dict[Place, float] = {}
        self._known: dict[tuple[str, str], bool] = {}
        self._candidates: list[Candidate] = []
        self._places: list[Place] = []

    def add(self, place: Place, solution: Solution) -> str | None:
        """Counts a solution; returns the answer it gives, None when none can be read."""
        answer = extract_answer(solution.text)
        self.answers[place], self.scores[place] = answer, confidence(solution.completion)
        self._places = sorted(self.answers)
        keys = group([self.answers[p] for p in self._places], self._same)
        self._candidates = [Candidate(key, self.scores[p]) for key, p in zip(keys, self._places, strict=True)]
        return answer

    def _same(self, a: str, b: str) -> bool:
        if (a, b) not in self._known:
            self._known[a, b] = verify(a, b).correct
        return self._known[a, b]

    def votes(self) -> list[Votes]:
        """All answers, the selected one first and then by weight."""
        forms: dict[object, dict[str, None]] = {}  # in order, each once
        for candidate, place in zip(self._candidates, self._places, strict=True):
            forms.setdefault(candidate.key, {})[self.answers[place] or ""] = None
        weights = RULES[self.rule]([c for c in self._candidates if c.key is not None])
        total = sum(weights.values()) or 1.0
        chosen = self.chosen()
        first = self._candidates[self._places.index(chosen)].key if chosen else None
        order = sorted(weights, key=lambda key: (key != first, -weights[key]))
        return [Votes(tuple(forms[key]), weights[key], weights[key] / total) for key in order]

    def chosen(self) -> Place | None:
        """Where the selected solution stands; None while nothing has an answer."""
        index = select(self.rule, self._candidates)
        return None if index is None else self._places[index]

    def decided(self, outstanding: int) -> bool:
        """Whether `outstanding` more solutions cannot change the answer."""
        return decided(self.rule, self._candidates, outstanding)
