"""The induction world: forms, what is consistent with the evidence, fitting, and adherence."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlad.problems import ProblemError
from rlad.problems.induction import Form, Induction, InductionKeys
from rlad.verifier import verify


def world_of(**changes) -> Induction:
    return Induction(keys=InductionKeys(**changes))


FAMILIES = ("linear", "product", "minmax", "difference")
WORLDS = {"one": world_of(), "two": world_of(examples=2), "deep": world_of(depth=2)}
WORLDS |= {family: world_of(families=[family]) for family in FAMILIES}


@pytest.mark.parametrize("name", list(WORLDS))
def test_the_hidden_form_is_consistent_and_its_solution_is_right(name):
    world, rng = WORLDS[name], random.Random(0)
    for _ in range(100):
        problem = world.sample(rng)
        form, offset = Form.parse(problem.meta["form"]), problem.meta["offset"]
        forms, weights = world.consistent(problem)
        assert form in forms and min(weights) > 0
        assert all(form(a, b) + offset == value for a, b, value in problem.meta["examples"])
        assert str(form(*problem.meta["query"]) + offset) == problem.answer
        solution = world.solve(problem, form.text, rng)
        assert verify(problem.answer, solution).correct and world.adheres(problem, form.text, solution)


@pytest.mark.parametrize("name", list(WORLDS))
def test_consistent_forms_are_exactly_those_that_explain_every_example(name):
    world, rng = WORLDS[name], random.Random(1)
    for _ in range(30):
        problem = world.sample(rng)
        explains = {
            form
            for form in world.prior
            for offset in range(10)
            if all(form(a, b) + offset == value for a, b, value in problem.meta["examples"])
        }
        assert set(world.consistent(problem)[0]) == explains


@pytest.mark.parametrize("name", list(WORLDS))
def test_every_form_parses_back_from_its_text_and_the_prior_is_a_distribution(name):
    prior = WORLDS[name].prior
    assert all(Form.parse(form.text) == form for form in prior)
    assert sum(prior.values()) == pytest.approx(1)


@pytest.mark.parametrize("name", list(WORLDS))
def test_every_word_is_in_the_vocabulary(name):
    """Also those of useless forms, whose fitted constant can be negative."""
    world, rng = WORLDS[name], random.Random(2)
    vocabulary = set(world.vocabulary())
    for _ in range(400):
        problem = world.sample(rng)
        for form in rng.sample(list(world.prior), min(4, len(world.prior))):
            text = f"{problem.question} {form.text} {world.solve(problem, form.text, rng)}"
            assert set(text.split()) <= vocabulary, set(text.split()) - vocabulary


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_steps_are_right_arithmetic(seed):
    """Every `left = right` of a demonstration holds, for any form."""
    world, rng = WORLDS["deep"], random.Random(seed)
    problem, form = world.sample(rng), rng.choice(list(world.prior))
    for step in world.solve(problem, form.text, rng).split(" \\boxed")[0].split(" ; "):
        left, right = step.split(" = ")
        assert eval(left.replace("mod", "%")) == int(right.replace(" ", ""))


def test_more_examples_leave_fewer_forms():
    rng = random.Random(0)
    left = {}
    for name in ("one", "two"):
        problems = [WORLDS[name].sample(rng) for _ in range(200)]
        left[name] = sum(len(WORLDS[name].consistent(problem)[0]) for problem in problems)
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


def test_adherence_sees_a_form_that_was_not_applied():
    world, rng = WORLDS["one"], random.Random(0)
    crossed = total = 0
    for _ in range(200):
        problem = world.sample(rng)
        one, two = (world.propose(problem, rng) for _ in range(2))
        if one != two:
            total += 1
            crossed += world.adheres(problem, one, world.solve(problem, two, rng))
    assert total > 100 and crossed < 0.06 * total


def test_unknown_families_are_refused():
    with pytest.raises(ProblemError, match="families"):
        world_of(families=["cubic"])
    with pytest.raises(ProblemError, match="families"):
        world_of(families=[])


def test_texts_that_are_no_form():
    for text in ("", "2 a", "2 a + b", "2 max mod 0", "2 max + 3", "a + b", "² max", "2 max * x"):
        assert Form.parse(text) is None
    assert not re.search(r"\s\s", WORLDS["one"].canonical_abstraction(" no   form "))
