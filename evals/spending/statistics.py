"""The numbers of a budget policy (rlad/reasoning/posterior.py), counted and fitted on validation trees."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import log

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from evals.spending.pools import Pool
from rlad.reasoning.posterior import Statistics

Values = NDArray[np.float64]
NOISE = 16
"""Quantiles that stand for how far a vote is from what its π_abs foretells."""
FAINTEST = -700.0
"""Least logarithm of a vote."""
BOUNDS = ((0.01, None), (None, None), (None, None))
"""Of the power of votes and the two numbers of what nobody gave: more votes never speak against an answer."""
SHRINK = 1e-3
"""Penalty on the squared powers, per state: what few problems cannot say stays near 0."""


def statistics(pools: Sequence[Pool]) -> Statistics:
    """The numbers of `Statistics`, of problems with at least one abstraction."""
    pools = [pool for pool in pools if pool.grown.branches]
    widest = max(len(pool.drawing) for pool in pools)
    firsts = [
        (branch.solutions.key[0], branch.solutions.correct[0]) for pool in pools for branch in pool.grown.branches
    ]
    wrong = [key for key, right in firsts if not right]
    proposals = _by_number([[value or 0.0 for value in pool.proposals] for pool in pools], 2)
    away = [(value or 0.0) - proposals[i] for pool in pools for i, value in enumerate(pool.proposals)]
    rates = _by_number([[float(b.solutions.correct[0]) for b in pool.grown.branches] for pool in pools], 1)
    drawn = [[pool.drawing[i] for pool in pools if len(pool.drawing) > i] for i in range(widest)]
    follow, echo = repetition(pools)
    return Statistics(
        **powers(pools),
        success=tuple(float(rate) for rate in np.clip(rates, 0.01, 0.99)),
        alike=alike([[b.solutions.correct[0] for b in pool.grown.branches] for pool in pools]),
        collision=collision(pools),
        silent=float(np.mean([key is None for key in wrong])) if wrong else 0.0,
        proposals=tuple(proposals),
        proposal_spread=float(np.std(away)),
        **vote_sizes(pools),
        follow=follow,
        echo=echo,
        abstraction_tokens=tuple(float(np.mean(column)) for column in drawn),
        solution_tokens=float(np.mean([t for pool in pools for row in pool.tokens for t in row])),
    )


def _by_number(rows: Sequence[Sequence[float]], degree: int) -> list[float]:
    """What the first, second ... entries are on average, by a polynomial: the last are few, and noisy.

    >>> [round(value, 6) for value in _by_number([[1.0, 2.0, 3.0], [1.0, 2.0]], 1)]
    [1.0, 2.0, 3.0]
    """
    places = [i for row in rows for i in range(len(row))]
    degree = min(degree, max(places))
    fit = np.polynomial.Polynomial.fit(places, [value for row in rows for value in row], degree)
    return [float(value) for value in fit(np.arange(max(places) + 1))]


def powers(pools: Sequence[Pool]) -> dict[str, float]:
    """The power of votes and the share of the answers that nobody gave, by maximum likelihood over the states of every
    pool with one solution under each of its first abstractions: a conditional logit of which answer is right."""
    states = [state for pool in pools for state in _states(pool)]
    widest = max(len(votes) for votes, _, _ in states)
    features, given = np.zeros((3, len(states), widest + 1)), np.zeros((len(states), widest + 1), bool)
    given[:, -1] = True
    for i, (votes, _, solved) in enumerate(states):
        features[0, i, : len(votes)], given[i, : len(votes)] = votes, True
        features[1:, i, -1] = 1.0, log(solved)
    truth = np.array([widest if place is None else place for _, place, _ in states])
    found = minimize(_loss, np.zeros(3), (features, given, truth), jac=True, method="L-BFGS-B", bounds=BOUNDS)
    return dict(zip(("vote_power", "unseen", "unseen_power"), map(float, found.x), strict=True))


def _states(pool: Pool) -> list[tuple[Values, int | None, int]]:
    """(log votes of the answers, place of the right one or None, abstractions solved) of its states."""
    branches, found = pool.grown.branches, []
    pairs = [pair for b in branches for pair in zip(b.solutions.key, b.solutions.correct, strict=True)]
    right = {key for key, flag in pairs if flag}
    for number in range(1, len(branches) + 1):
        votes = pool.standing([1] * number).votes
        place = next((i for i, answer in enumerate(votes) if answer in right), None)
        found.append((np.maximum(FAINTEST, list(votes.values())), place, number))
    return found


def _loss(values: Values, features: Values, given: NDArray[np.bool_], truth: NDArray[np.int64]):
    """Mean negative log-likelihood with its penalty, and the gradient."""
    logs = np.where(given, np.tensordot(values, features, 1), -np.inf)
    top = logs.max(1, keepdims=True)
    shares = np.exp(logs - top)
    total = shares.sum(1, keepdims=True)
    rows = np.arange(len(truth))
    loss = float((top[:, 0] + np.log(total[:, 0]) - logs[rows, truth]).mean())
    away = shares / total
    away[rows, truth] -= 1
    gradient = np.einsum("sk,fsk->f", away, features) / len(truth)
    return loss + SHRINK * float(values @ values), gradient + 2 * SHRINK * values


def vote_sizes(pools: Sequence[Pool]) -> dict[str, object]:
    """How large the vote of a first solution is, by π_abs of its abstraction: a line, and the deviations from it."""
    seen = []
    for pool in pools:
        for i, proposal in enumerate(pool.proposals):
            alone = [int(i == j) for j in range(i + 1)]
            seen += [(proposal or 0.0, max(vote, FAINTEST)) for vote in pool.standing(alone).votes.values()]
    known, votes = np.array(seen, float).T
    slope = float(np.cov(known, votes)[0, 1] / known.var(ddof=1)) if len(seen) > 2 and known.std() > 1e-9 else 0.0
    start = float(votes.mean() - slope * known.mean())
    away = votes - start - slope * known
    noise = tuple(float(value) for value in np.quantile(away, (np.arange(NOISE) + 0.5) / NOISE))
    return {"vote": start, "vote_slope": slope, "vote_noise": noise, "vote_most": float(votes.max())}


def repetition(pools: Sequence[Pool]) -> tuple[float, float]:
    """(how often another solution under an abstraction repeats the answer, what that adds to the votes of the first);
    .95 and nothing where there is only one under each."""
    same, added = [], []
    for pool in pools:
        for i, branch in enumerate(pool.grown.branches):
            same += [a == b for a, b in combinations([key for key in branch.solutions.key if key is not None], 2)]
            first, second, *_ = [*branch.solutions.key, None, None]
            if first is not None and first == second:
                one, two = (pool.standing([0] * i + [depth]).votes[first] for depth in (1, 2))
                added.append(np.expm1(min(two - one, log(2))) if np.isfinite(one) else 0.0)
    follow = float(np.clip(np.mean(same), 0.3, 0.995)) if same else 0.95
    return follow, float(max(0.0, np.mean(added))) if added else 0.0


def alike(flags: Sequence[Sequence[bool]]) -> float:
    """The weight of a beta distribution with the moments of the problems' success rates, the spread that comes from
    counting few samples taken out: many where problems are alike, few where some are easy and some are hopeless.

    >>> round(alike([[True] * 8, [False] * 8]), 2), alike([[True, False]] * 9)
    (0.05, 1000.0)
    """
    rates = np.array([np.mean(row) for row in flags])
    mean, noise = float(np.clip(rates.mean(), 0.01, 0.99)), float(np.mean([1 / len(row) for row in flags]))
    # Var(observed) = Var(p) (1 - noise) + mean (1 - mean) noise
    spread = (float(rates.var()) - mean * (1 - mean) * noise) / max(1e-9, 1 - noise)
    return float(np.clip(mean * (1 - mean) / spread - 1, 0.05, 1000.0)) if spread > 0 else 1000.0


def collision(pools: Sequence[Pool]) -> float:
    """How often two wrong answers under different abstractions are one; at least once in 1,000."""
    same = []
    for pool in pools:
        firsts = [(b.solutions.key[0], b.solutions.correct[0]) for b in pool.grown.branches]
        wrong = [answer for answer, right in firsts if not right and answer is not None]
        same += [a == b for a, b in combinations(wrong, 2)]
    return float(np.clip(np.mean(same), 1e-3, 0.5)) if same else 0.05
