"""What follows from the scores that a selection rule gives.

A rule is one file with a function under `@rule`: candidates with an answer -> the score of each distinct answer, of
which the highest wins. It declares `reads=` what it means nothing without (names of a `Candidate`'s attributes). Most
rules are sums of votes; those are made by `votes` and also declare what early stopping and the sweep's estimators ask
for:

- `log_weight`: (candidate, keys) -> log of a candidate's vote, -inf for none
- `once`: whether a solution that was drawn twice votes once
- `most`: (outstanding, keys) -> the most that outstanding solutions can add to one answer (rlad/selection/deciding.py)
- `additive`: in its place, that a candidate adds at most 1
- `best`: of a rule that takes the best candidate, the attribute in which it is
- `fit`: how its keys are fitted on validation problems: {key: values to try}, or a way by name (evals/cells/fitting.py)
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from math import exp, inf, isclose, isnan, log
from typing import Any

from rlad.config.registry import rule
from rlad.selection.candidate import Candidate

FAINT = -600.0
"""Where every weight's logarithm is below this, weights are relative to the largest: exp would make zeros of them."""


def reads(name: str) -> tuple[str, ...]:
    """The attributes of a candidate that a rule reads, none for one that only counts.

    >>> reads("majority"), reads("marginal")
    ((), ('proposal', 'logprob'))
    """
    found = rule[name].facts.get("reads") or ()
    return (found,) if isinstance(found, str) else tuple(found)


def certainty_window(rules: Iterable[str], window: int) -> int:
    """`window` where a rule reads how sure the solver was along a solution, else 0: to measure it while sampling costs
    about what a log-softmax of every step costs.

    >>> certainty_window(["majority"], 16), certainty_window(["majority", "self_certainty"], 16)
    (0, 16)
    """
    return window if any({"certainty", "self_certainty"} & set(reads(name)) for name in rules) else 0


def missing_attribute(name: str, candidates: Sequence[Candidate]) -> str | None:
    """The first attribute that a rule reads and some answered candidate has not got."""
    answered = [candidate for candidate in candidates if candidate.key is not None]
    return next((one for one in reads(name) if any(getattr(c, one) is None for c in answered)), None)


def votes(
    candidates: Sequence[Candidate], log_weight: Callable[[Candidate], float], once: bool = False
) -> dict[Hashable, float]:
    """The sum of the candidates' weights by answer; with `once` equal texts of an abstraction are one vote.

    Weights come as logarithms, so that the probabilities of long texts do not vanish; where all of them would, they are
    relative to the largest. Raises ValueError for a weight that is not a number.

    >>> votes([Candidate("A", text="x"), Candidate("A", text="x"), Candidate("B")], lambda one: 0.0, once=True)
    {'A': 1.0, 'B': 1.0}
    """
    logs = _log_weights(candidates, log_weight, once)
    shift = shift_of([value for values in logs.values() for value in values])
    return {key: sum(exp(value - shift) for value in values) for key, values in logs.items()}


def _log_weights(
    candidates: Sequence[Candidate], log_weight: Callable[[Candidate], float], once: bool
) -> dict[Hashable, list[float]]:
    """The logarithms of the weights that each answer has."""
    logs: dict[Hashable, list[float]] = {}
    seen = set()
    for candidate in candidates:
        name = (candidate.branch, candidate.text)
        if once and candidate.text is not None and name in seen:
            logs.setdefault(candidate.key, [])
            continue
        seen.add(name)
        value = log_weight(candidate)
        if isnan(value):
            raise ValueError("A vote's weight is not a number.")
        logs.setdefault(candidate.key, []).append(value)
    return logs


def shift_of(logs: Sequence[float]) -> float:
    """What to take from logarithms of weights before they become weights: nothing, unless all of them would vanish.

    >>> shift_of([-1.0, -2.0]), shift_of([-800.0, -900.0])
    (0.0, -800.0)
    """
    top = max(logs, default=0.0)
    return top if -inf < top < FAINT else 0.0


def tally(name: str, candidates: Sequence[Candidate], keys: Any = None) -> dict[Hashable, float]:
    """The score of each distinct answer under a rule (a name or `module:attribute`), in the order of first appearance.

    Args:
        keys: the rule's own keys; None = their defaults.

    Raises ValueError for an unknown rule and for a candidate without what the rule reads: no rule runs on scores that
    nobody gave.

    >>> tally("majority", [Candidate("A"), Candidate("B"), Candidate("B"), Candidate(None)])
    {'A': 1.0, 'B': 2.0}
    """
    return rule[name].bound(keys)(_answered(name, candidates))


def _answered(name: str, candidates: Sequence[Candidate]) -> list[Candidate]:
    if lacking := missing_attribute(name, candidates):
        raise ValueError(f"The selection rule '{name}' reads the {lacking} of every candidate, and one has none.")
    return [candidate for candidate in candidates if candidate.key is not None]


def log_tally(name: str, candidates: Sequence[Candidate], keys: Any = None) -> dict[Hashable, float]:
    """The logarithms of the scores that `tally` gives, -inf for none: of sums of votes exactly, however small.

    >>> from math import log
    >>> drawn = [Candidate("A", branch=0, proposal=-2000.0), Candidate("A", branch=1, proposal=-2000.0 - log(2))]
    >>> round(log_tally("proposer", drawn)["A"] + 2000, 4)  # log 1.5
    0.4055
    """
    facts = rule[name].facts
    if "log_weight" not in facts:
        return {key: log(score) if score > 0 else -inf for key, score in tally(name, candidates, keys).items()}
    keys = keys or (rule[name].keys() if rule[name].keys else None)
    weigh = partial(facts["log_weight"], keys=keys)
    weights = _log_weights(_answered(name, candidates), weigh, facts.get("once", False))
    return {key: _log_sum(logs) for key, logs in weights.items()}


def _log_sum(logs: Sequence[float]) -> float:
    top = max(logs, default=-inf)
    return top if top == -inf else top + log(sum(exp(value - top) for value in logs))


def winners(name: str, candidates: Sequence[Candidate], keys: Any = None) -> list[Hashable]:
    """All answers tied for the highest score, in the order in which they first appear; empty without any answer.

    >>> winners("majority", [Candidate("A"), Candidate("B"), Candidate(None)])
    ['A', 'B']
    """
    scores = tally(name, candidates, keys)
    best = max(scores.values(), default=0.0)
    # Sums of the same weights in another order differ in the last bit; that is still a tie.
    return [key for key, score in scores.items() if isclose(score, best, rel_tol=1e-12, abs_tol=1e-300)]


def select(name: str, candidates: Sequence[Candidate], keys: Any = None) -> int | None:
    """Index of the candidate to answer with, or None when none has an answer.

    Of the winning answer it is the candidate whose own vote is the largest, or that is best in what the rule reads;
    ties fall to the earliest, so the choice is reproducible.

    >>> select("majority", [Candidate("A"), Candidate("B"), Candidate("B")])
    1
    """
    tied = winners(name, candidates, keys)
    if not tied:
        return None
    indices = [i for i, candidate in enumerate(candidates) if candidate.key == tied[0]]
    return max(indices, key=lambda i: _own(name, candidates[i], keys))


def _own(name: str, candidate: Candidate, keys: Any) -> float:
    """How much one candidate of a winning answer counts by itself."""
    method = rule[name]
    if weight := method.facts.get("log_weight"):
        return weight(candidate, keys or (method.keys() if method.keys else None))
    score = method.facts.get("best") or next(iter(reads(name)), None)
    return getattr(candidate, score) if score else 0.0


def credit(name: str, candidates: Sequence[Candidate], correct: Sequence[bool], keys: Any = None) -> float:
    """Probability that the selected answer is right when ties are broken at random; `correct[i]` judges candidate i.

    >>> credit("majority", [Candidate("A"), Candidate("B")], [True, False])
    0.5
    """
    tied = winners(name, candidates, keys)
    if not tied:
        return 0.0
    right = [
        [bool(flag) for candidate, flag in zip(candidates, correct, strict=True) if candidate.key == key]
        for key in tied
    ]
    return sum(sum(flags) / len(flags) for flags in right) / len(tied)
