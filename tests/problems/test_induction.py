"""The induction world: rules, what is consistent with the evidence, and adherence."""

import doctest
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rlad.problems.induction as induction
from rlad.config import InductionConfig, ProblemsConfig
from rlad.problems import ProblemError
from rlad.problems.induction import Induction, Rule
from rlad.verifier import verify


def world_of(**changes) -> Induction:
    return Induction(ProblemsConfig(induction=InductionConfig(**changes)))


WORLDS = {
    "one": world_of(),
    "two": world_of(examples=2),
    "deep": world_of(depth=2),
    "minmax": world_of(families=["minmax"]),
}


def test_docstring_examples():
    assert doctest.testmod(induction).failed == 0


@pytest.mark.parametrize("name", list(WORLDS))
def test_the_hidden_rule_is_consistent_and_gives_the_answer(name):
    world, rng = WORLDS[name], random.Random(0)
    for _ in range(100):
        problem = world.sample(rng)
        rule = Rule.parse(problem.meta["rule"])
        rules, weights = world.consistent(problem)
        assert rule in rules and min(weights) > 0
        assert all(r(a, b) == value for r in rules for a, b, value in problem.meta["examples"])
        assert str(rule(*problem.meta["query"])) == problem.answer
        solution = world.solve(problem, rule.text, rng)
        assert verify(problem.answer, solution).correct and world.adheres(problem, rule.text, solution)


@pytest.mark.parametrize("name", list(WORLDS))
def test_every_rule_parses_back_from_its_text(name):
    assert all(Rule.parse(rule.text) == rule for rule in WORLDS[name].prior)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 9))
def test_steps_are_right_arithmetic(seed, a, b):
    world = WORLDS["deep"]
    rule = random.Random(seed).choice(list(world.prior))
    combine = {"times": a * b, "max": max(a, b), "min": min(a, b), "diff": abs(a - b)}
    for left, value in rule.steps(a, b):
        words = left.split()
        if words[0] in combine:
            assert (words[1:], value) == ([str(a), str(b)], combine[words[0]])
        else:
            p, op, q = int(words[0]), words[1], int(words[2])
            assert value == {"+": p + q, "*": p * q, "mod": p % q if q else None}[op]


def test_more_examples_leave_fewer_rules():
    rng = random.Random(0)
    left = {
        name: sum(len(WORLDS[name].consistent(WORLDS[name].sample(rng))[0]) for _ in range(200))
        for name in ("one", "two")
    }
    assert left["two"] < left["one"] / 3


def test_the_canonical_form_does_not_see_the_order_of_the_examples():
    world, rng = world_of(examples=2, max_input=3, families=["minmax"]), random.Random(0)
    seen: dict[tuple, set] = {}
    for _ in range(15_000):
        problem = world.sample(rng)
        first, second, query = problem.question.split(" ; ")
        seen.setdefault((frozenset((first, second)), query), set()).add((problem.question, problem.meta["canonical"]))
    swapped = [group for group in seen.values() if len({question for question, _ in group}) > 1]
    assert swapped and all(len({canonical for _, canonical in group}) == 1 for group in swapped)
    assert len({canonical for group in seen.values() for _, canonical in group}) == len(seen)


def test_adherence_sees_a_rule_that_was_not_applied():
    world, rng = WORLDS["one"], random.Random(0)
    crossed = total = 0
    for _ in range(200):
        problem = world.sample(rng)
        one, two = (world.propose(problem, rng) for _ in range(2))
        if one != two:
            total += 1
            crossed += world.adheres(problem, one, world.solve(problem, two, rng))
    assert total > 100 and crossed < 0.05 * total


def test_unknown_families_are_refused():
    with pytest.raises(ProblemError, match="families"):
        world_of(families=["cubic"])
    with pytest.raises(ProblemError, match="families"):
        world_of(families=[])
