"""What selection rules are told of a tree's solutions: candidates with everything that both players said about them.

Some of it may be missing: a sampler may give no log-probs, or only those of a temperature that is not 1, and a solver
states a confidence only where its prompt asks for one. Rules that read what is missing are refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from math import exp, fsum, log

from rlad.generation.base import Completion
from rlad.players.confidence import stated_confidence
from rlad.reasoning.tree import BARE, Place, Solution, Tree
from rlad.selection import Candidate, reads
from rlad.selection.calibrated import log_sigmoid

STATED = "stated_confidence"


def logprob_of(completion: Completion) -> float | None:
    """log p of a whole completion under the sampling distribution, nats; None where the sampler gave none.

    >>> logprob_of(Completion((5, 6), (-0.25, -0.5), "stop", 0)), logprob_of(Completion((5, 6), (), "stop", 0))
    (-0.75, None)
    """
    return sum(completion.logprobs) if completion.logprobs else None


def proposal_logprob(texts: Sequence[Hashable], logprobs: Sequence[float | None]) -> float | None:
    """log π_abs of an abstraction, nats: of all the different texts in which it was proposed, together.

    `texts` may be token ids as well. None where one of them has no log-probability.

    >>> round(proposal_logprob(["a + b", "b + a", "a + b"], [log(0.25), log(0.125), log(0.25)]), 4)  # log .375
    -0.9808
    """
    by_text = dict(zip(texts, logprobs, strict=True))
    if not by_text or None in by_text.values():
        return None
    top = max(by_text.values())
    return min(0.0, top + log(fsum(exp(value - top) for value in by_text.values())))


def belief(right: float, wrong: float) -> float:
    """P(right) of a critic that gives these two verdicts such log-probabilities, nats.

    >>> belief(log(0.3), log(0.1)), belief(-1000.0, -1000.0)
    (0.75, 0.5)
    """
    return round(exp(log_sigmoid(right - wrong)), 6)


Proposal = tuple[int | None, str, float | None]
"""(branch that it opened or repeated, text, log π_abs of the text at temperature 1 in nats) of one proposal."""


def proposals_of(tree: Tree) -> list[Proposal]:
    """A tree's proposals, in the order of drawing."""
    return [(draw.branch, draw.text, draw.proposal) for draw in tree.draws]


def under(branch: int, proposals: Sequence[Proposal], solutions: int) -> Candidate:
    """What is known of every solution of a branch before it is written; `solutions` is their number m.

    A solution without an abstraction (BARE) was not proposed: it is certain, and its own.

    >>> one = under(0, [(0, "a", -1.0), (None, "", -9.0), (0, "a", -1.0)], solutions=4)
    >>> one.proposal, one.draws, one.drawn, one.solutions
    (-1.0, 2, 3, 4)
    """
    if branch == BARE:
        return Candidate(None)
    own = [(text, logprob) for opened, text, logprob in proposals if opened == branch]
    proposal = proposal_logprob([text for text, _ in own], [logprob for _, logprob in own])
    return Candidate(
        None, branch=branch, proposal=proposal, draws=len(own), drawn=len(proposals), solutions=max(1, solutions)
    )


def with_solution(candidate: Candidate, solution: Solution, key: int | None) -> Candidate:
    """A candidate of a branch with its solution, whose answer has a key.

    A solution that states no confidence, although its prompt asks for one, counts as stating 0.
    """
    completion = solution.completion
    return replace(
        candidate,
        key=key,
        logprob=completion.model_logprob,
        unguided=completion.model_logprob if candidate.branch is None else solution.unguided,
        judgement=solution.judgement,
        certainty=completion.certainty,
        sampled=logprob_of(completion),
        tokens=solution.tokens,
        stated_confidence=stated_confidence(solution.text) or 0.0,
        text=solution.text,
    )


def candidates_of(
    tree: Tree, solutions: Mapping[Place, Solution], keys: Sequence[int | None], more: Mapping[int, int] | None = None
) -> list[Candidate]:
    """Solutions of a tree by their places, whose answers have these keys, as selection rules see them.

    `more` counts, by branch, the solutions that are still to come.
    """
    counted = Counter(branch for branch, _ in solutions) + Counter(more or {})
    proposals = proposals_of(tree)
    branches = {branch: under(branch, proposals, count) for branch, count in counted.items()}
    return [
        with_solution(branches[place[0]], solution, key)
        for (place, solution), key in zip(solutions.items(), keys, strict=True)
    ]


UNSEEN = (
    "the sampler does not see whole next-token distributions (vLLM), or nobody asked it (sweep.select, "
    "sweep.certainty_window)"
)
WHY = {
    "likelihood": "the sampler gave no log-probs",
    "logprob": "the sampler gave no log-probs of temperature 1",
    "proposal": "the sampler gave no log-probs of temperature 1 of its abstraction",
    "unguided": "nobody asked how likely the solver finds them without their abstraction",
    "judgement": "no judge was asked about them, or the solver has no words for a verdict (cotrain.critique, "
    "warmstart.mixture.critique)",
    "self_certainty": UNSEEN,
    "certainty": UNSEEN,
    STATED: "this solver is not asked to state one",
}


class ScoreMissing(ValueError):
    """A selection rule reads something that a solution has not got."""

    def __init__(self, rule: str, lacking: str | None = None):
        lacking = lacking or reads(rule)[0]
        known = ", ".join(sorted(WHY))
        super().__init__(
            f"The selection rule '{rule}' reads the {lacking} of solutions, and "
            f"{WHY.get(lacking, f'what is known of them is {known}')}."
        )
