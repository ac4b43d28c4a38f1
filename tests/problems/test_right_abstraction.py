"""Worlds that know an abstraction to be right: who follows it gets the right answer."""

import random

import pytest

from rlad.config import ProblemsConfig
from rlad.problems import make_world
from rlad.verifier import verify


@pytest.mark.parametrize("source", ["induction", "countdown", "algebra", "word_problems", "search"])
def test_the_right_abstraction_leads_to_the_answer(source):
    world, rng = make_world(ProblemsConfig(source=source)), random.Random(3)
    for _ in range(5):
        problem = world.sample(rng)
        right = world.right_abstraction(problem)
        assert right == world.right_abstraction(problem)
        solution = world.solve(problem, right, rng)
        assert verify(problem.answer, solution).correct and world.valid(problem, solution)
        assert source == "search" or world.adheres(problem, right, solution)
