"""The leak gate on the cases that fool simple ones."""

import pytest

from rlad.config import ProblemsConfig
from rlad.problems import load_problems, make_world
from rlad.reasoning.leaks import leaks


@pytest.mark.parametrize(
    "abstraction, gold, leak",
    [
        ("consider 2 variables", "2", False),
        ("the answer is 2", "2", True),
        ("the answer is 23", "2", False),
        ("x = 10", "1", False),
        ("so x = 1", "1", True),
        ("equals 0.5", "1/2", True),
        (r"it is \frac{1}{2}", "1/2", True),
        ("halve it twice", "1/2", False),
        ("think of 1729", "1729", True),
        ("think of 1,729", "1729", True),
        (r"note \sqrt{2} first", r"\sqrt{2}", True),
        ("compare with <= 3", "3", False),
        ("use 2 a + 1 b", "2", False),
        ("", "5", False),
        ("it has to do with 1/2 somehow", "1/2", True),
        ("start from 2/3 of the whole", "2/3", True),
        (r"think of $\frac{2}{3}$ of it", "2/3", True),
        (r"think of \frac{2}{3} of it", r"\frac{2}{3}", True),
        ("think of 0.5 of it", "1/2", True),
        ("think of 1/2 of it", "0.5", True),
        ("compare 2 with 3", "2/3", False),
        ("take 1 of 2 parts", "1/2", False),
        ("think of 1/3 of it", "2/3", False),
        ("think of 11/2 of it", "1/2", False),
        ("think of 1/20 of it", "1/2", False),
        ("consider 2 variables", "4/2", False),
        ("consider 3 cases", "3.0", False),
        ("consider 100 of them", "100", False),
        ("consider -1 too", "-1", False),
        ("consider 1000 of them", "1000", True),
    ],
)
def test_leaks(abstraction, gold, leak):
    assert leaks(abstraction, gold) is leak


@pytest.mark.parametrize("source", ["induction", "countdown", "algebra"])
def test_the_worlds_own_demonstrations_pass_the_gate(source):
    import random

    config = ProblemsConfig(source=source, train=150)
    world, rng = make_world(config), random.Random(0)
    proposals = [(world.propose(problem, rng), problem.answer) for problem in load_problems(config, "train")]
    assert sum(leaks(text, gold) for text, gold in proposals) == 0
