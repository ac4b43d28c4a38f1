"""A tree's abstractions as a vote sees them: what the proposer thinks of each, and the answers under it.

Shared by the rewards that train for the weighted vote (vote.py, belief.py) and by what is measured of it in a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, fsum
from typing import TYPE_CHECKING

from rlad.cli import PlainError
from rlad.config.errors import ConfigError
from rlad.reasoning.scores import proposal_logprob
from rlad.reasoning.tree import Branch, Solution, Tree
from rlad.selection import group
from rlad.verifier import verify

if TYPE_CHECKING:
    from rlad.config import RunConfig


@dataclass(frozen=True)
class Voter:
    """One abstraction with at least one solution."""

    branch: Branch
    proposal: float
    """log π_abs(z|x) at temperature 1, nats; of several texts that are one abstraction, of their sum."""
    drawn: int
    """How often it was proposed."""
    answers: tuple[int | None, ...]
    """What its solutions answer: equal keys are equivalent answers over the whole tree; None = no answer."""
    right: tuple[bool, ...]
    """Which of its solutions are right."""

    @property
    def accuracy(self) -> float:
        """Share of its solutions that are right."""
        return sum(self.right) / len(self.right)


@dataclass(frozen=True)
class Solved:
    """One abstraction and the solutions that count for it."""

    number: int
    """Of its branch."""
    branch: Branch
    solutions: list[Solution]
    answers: tuple[int | None, ...]
    """What they answer: equal keys are equivalent answers over the whole tree; None = no answer."""


def solved(tree: Tree) -> list[Solved]:
    """The abstractions of a judged tree that were solved with, by the lagged solver where there is one."""
    found = [
        (number, branch, solutions)
        for number, branch in enumerate(tree.branches)
        if (solutions := branch.lagged or branch.solutions)
    ]
    keys = iter(answer_keys([solution for *_, several in found for solution in several]))
    return [Solved(*one, tuple(next(keys) for _ in one[-1])) for one in found]


def answer_keys(solutions: Sequence[Solution]) -> list[int | None]:
    """Keys of what judged solutions of one problem answer, by the verifier; None = no answer."""
    answers = [None if one.verdict is None else one.verdict.pred for one in solutions]
    return group(answers, lambda a, b: verify(a, b).correct)


def voters(tree: Tree, known: Sequence[Solved] | None = None) -> list[Voter] | None:
    """The abstractions of a judged tree that were solved with; `known` are they, where `solved` has been asked.

    None where a sampler did not say how likely it finds one of them at temperature 1, or where nobody drew them.
    """
    found = []
    for one in solved(tree) if known is None else known:
        drawn = [d.completion for d in tree.draws if d.branch == one.number]
        if not drawn or any(completion.model_logprob is None for completion in drawn):
            return None
        proposal = proposal_logprob([c.token_ids for c in drawn], [c.model_logprob for c in drawn])
        right = tuple(solution.correct for solution in one.solutions)
        found.append(Voter(one.branch, proposal, len(drawn), one.answers, right))
    return found


def normalised(proposals: Sequence[float], power: float = 1.0) -> list[float]:
    """Shares π^power / sum of π^power over a set, from log-probabilities in nats.

    >>> from math import log
    >>> [round(q, 4) for q in normalised([log(0.3), log(0.1)])], normalised([log(0.3), log(0.1)], power=0)
    ([0.75, 0.25], [0.5, 0.5])
    """
    if not proposals:
        return []
    top = max(proposals)
    weights = [exp(power * (value - top)) for value in proposals]
    total = fsum(weights)
    return [weight / total for weight in weights]


def check_voters(run: RunConfig, reward: str) -> None:
    """Raises ConfigError where abstractions do not make one set, or π_abs at temperature 1 cannot be known.

    vLLM gives it of what it samples at temperature 1 only.
    """
    step = run.cotrain
    if step.abstractions == 1:
        raise ConfigError(f"abstraction.reward={reward} compares a problem's abstractions; set cotrain.abstractions=2.")
    if step.proposals != "distinct":
        raise ConfigError(
            f"abstraction.reward={reward} weighs different abstractions by their probabilities; use "
            f"cotrain.proposals=distinct, not {step.proposals}."
        )
    if run.engine.kind != "transformers" and run.abstraction.temperature != 1:
        raise ConfigError(
            f"abstraction.reward={reward} reads π_abs at temperature 1, which engine.kind={run.engine.kind} gives at "
            f"abstraction.temperature=1 only, not at {run.abstraction.temperature:g}."
        )


def voting(tree: Tree, reward: str) -> list[Voter]:
    """`voters`, for a reward that needs them. Raises PlainError where a sampler gave no log-probs of temperature 1."""
    found = voters(tree)
    if found is None:
        raise PlainError(
            f"abstraction.reward={reward} reads how likely the abstraction player finds its own texts, and its sampler "
            "did not say."
        )
    return found
