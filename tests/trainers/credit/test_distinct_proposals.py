"""Distinct proposals are sampled without replacement: the law of the first n different ones, through the reasoner."""

import random

import pytest

from rlad.generation import Completion, Sampling
from rlad.problems import Problem
from rlad.reasoning.reasoner import Reasoner
from rlad.reasoning.tree import Plan, Tree


class Proposer:
    """Draws proposals 0, 1, 2 ... with fixed probabilities."""

    def __init__(self, weights):
        self.weights, self.rng = weights, random.Random(7)

    def generate(self, prompts, sampling):
        drawn = self.rng.choices(range(len(self.weights)), self.weights, k=len(prompts))
        return [Completion((i,), (0.0,), "stop", 0) for i in drawn]


class Letters:
    """Prompts and reading of one-token proposals."""

    def ids(self, task, question):
        return [0]

    def read_abstraction(self, ids):
        return f"z{ids[0]}"


def proposed(weights, n, distinct, trees=6000):
    """The sets of proposals of many problems."""
    made = [Tree(Problem(str(i), "", "")) for i in range(trees)]
    reasoner = Reasoner(Proposer(weights), None, Letters(), Letters(), None)
    reasoner.propose(made, Plan(n, 1, Sampling(), Sampling(), distinct, draws=60))
    return [{branch.text for branch in tree.branches} for tree in made]


def test_inclusion_probabilities():
    sets = proposed((0.6, 0.3, 0.1), 2, distinct=True)
    share = [sum(f"z{i}" in found for found in sets) / len(sets) for i in range(3)]
    assert share == pytest.approx([0.9238, 0.7833, 0.2929], abs=0.025)  # four standard errors of 6,000 problems
    assert sum(share) == pytest.approx(2)


@pytest.mark.parametrize(("distinct", "coverage"), [(False, 0.2710), (True, 0.4496)])
def test_coverage_of_three_draws(distinct, coverage):
    """Five proposals of which only the fourth works."""
    sets = proposed((0.5, 0.2, 0.1, 0.1, 0.1), 3, distinct)
    assert sum("z3" in found for found in sets) / len(sets) == pytest.approx(coverage, abs=0.026)
