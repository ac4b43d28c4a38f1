"""Solutions without an abstraction, steered at their first token: by ranked features and by random ones alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from evals.features.autoencoder import TopKAutoencoder
from evals.features.streams import SteeredSampler
from evals.statistics import estimators as est
from evals.statistics.rounding import rounded
from rlad.generation import Sampling
from rlad.problems import Problem
from rlad.reasoning.reasoner import Reasoner
from rlad.reasoning.tree import Tree

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Outcome:
    """What became of some problems under one vector, greedily."""

    right: Values
    """(P,) 0 or 1."""
    ids: tuple[tuple[int, ...], ...]
    """The tokens of every solution."""

    def changed(self, other: Outcome) -> float:
        """Share of the problems whose solution is another text."""
        return float(np.mean([one != two for one, two in zip(self.ids, other.ids, strict=True)]))


class Steering:
    """Solves the same problems under one vector after the other."""

    def __init__(self, reasoner: Reasoner, sampler: SteeredSampler, problems: Sequence[Problem], task: str, most: int):
        """most: tokens of a solution; task: plain or one_pass."""
        self.reasoner, self.sampler, self.most = reasoner, sampler, most
        self.problems = list(problems)
        self.prompts = [reasoner.bare_ids(Tree(problem), task) for problem in self.problems]

    def under(self, vector: torch.Tensor) -> Outcome:
        """Greedy solutions with the vector (D,) added at the first token."""
        self.sampler.steer(vector)
        written = self.sampler.generate(self.prompts, Sampling(0.0, self.most))
        trees = [Tree(problem) for problem in self.problems]
        for tree, prompt, completion in zip(trees, self.prompts, written, strict=True):
            tree.bare.append(self.reasoner.solution(prompt, completion))
        self.reasoner.judge(trees)
        right = np.array([tree.bare[0].correct for tree in trees], float)
        return Outcome(right, tuple(completion.token_ids for completion in written))


@dataclass(frozen=True)
class Choice:
    """The feature and the strength of a set that were best on the validation problems."""

    feature: int
    strength: float
    accuracy: float


def best_of(grid: dict[tuple[int, float], float]) -> Choice:
    """The (feature, strength) of the highest accuracy; of equal ones the weakest, then the first.

    >>> best_of({(7, 1.0): 0.25, (7, 2.0): 0.3, (9, 1.0): 0.3})
    Choice(feature=9, strength=1.0, accuracy=0.3)
    """
    (feature, strength), accuracy = max(grid.items(), key=lambda pair: (pair[1], -pair[0][1]))
    return Choice(feature, strength, accuracy)


def vector_of(autoencoder: TopKAutoencoder, feature: int, strength: float, norm: float) -> torch.Tensor:
    """strength * norm * the feature's direction, (D,): features of one strength are equally long."""
    return strength * norm * autoencoder.decoder[feature]


def chosen(steering: Steering, autoencoder: TopKAutoencoder, features: Sequence[int], strengths: Sequence[float],
           norm: float, plain: Outcome) -> tuple[Choice, list[dict[str, Any]]]:  # fmt: skip
    """The best of a set on the problems of `steering`, and a row per feature and strength."""
    grid, rows = {}, []
    for feature in features:
        for strength in strengths:
            found = steering.under(vector_of(autoencoder, feature, strength, norm))
            grid[feature, strength] = float(found.right.mean())
            rows.append({"feature": feature, "strength": strength, "accuracy": rounded(grid[feature, strength]),
                         "changed": rounded(found.changed(plain))})  # fmt: skip
    return best_of(grid), rows


def compared(plain: Outcome, guided: Values, steered: Outcome, controls: Sequence[Outcome], resamples: int) -> dict:
    """Accuracies with 95 % intervals over problems: plain, under an abstraction, steered by what was chosen of the
    ranked features, the mean of what was chosen of every random set, and the paired differences."""
    random = np.mean([one.right for one in controls], axis=0)
    rows = {"plain": plain.right, "guided": guided, "ranked": steered.right, "random": random}
    found: dict[str, Any] = {}
    for name, right in rows.items():
        own = est.bootstrap(right, resamples=resamples)
        found[name] = {"accuracy": rounded(own.estimate), "ci95": rounded(own.ci95)}
        if name != "plain":
            gap = est.paired_difference(right, plain.right, resamples=resamples)
            found[name] |= {"difference": rounded(gap.estimate), "difference_ci95": rounded(gap.ci95)}
    found["ranked"]["changed"] = rounded(steered.changed(plain))
    found["random"]["changed"] = rounded(float(np.mean([one.changed(plain) for one in controls])))
    found["random"]["of_sets"] = [rounded(float(one.right.mean())) for one in controls]
    excess = est.paired_difference(steered.right, random, resamples=resamples)
    found["ranked_minus_random"] = {"difference": rounded(excess.estimate), "difference_ci95": rounded(excess.ci95)}
    return found
