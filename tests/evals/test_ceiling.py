"""What could be selected with the world's own weights: on samples of which everything is known."""

import random

import pytest

from evals import ceiling
from evals.samples.trees import Condition, Draws, Grown, Guided, Sampled, Samples
from rlad.cli import PlainError
from rlad.config import load_config, save_config
from rlad.problems.induction import Induction
from rlad.verifier import extract_answer, verify

WORLD = Induction()


def solved(problem, forms):
    """The world's own solutions under some forms, each of them as likely as the other to whoever wrote it."""
    texts = [WORLD.solve(problem, form, random.Random(0)) for form in forms]
    found = [extract_answer(text) for text in texts]
    verdicts = ["correct" if verify(problem.answer, one).correct else "incorrect" for one in found]
    keys = [sorted(set(found)).index(one) for one in found]
    return Samples(texts, [20] * len(texts), [-1.0] * len(texts), verdicts, keys, [-1.0] * len(texts))


def grown(problem, forms):
    """A tree of these abstractions with a solution each; answers are grouped over all of them."""
    together = solved(problem, forms)
    branches = []
    for i, form in enumerate(forms):
        one = {
            name: [getattr(together, name)[i]]
            for name in ("text", "tokens", "logprob", "verdict", "key", "model_logprob")
        }
        branches.append(Guided(form, False, Samples(**one)))
    return Grown(Draws(list(forms), [3] * len(forms), list(range(len(forms))), [-1.0] * len(forms)), branches)


@pytest.fixture(scope="module")
def found():
    """Forty problems with all possible forms, and three useless ones, as abstractions; plain samples of the useless."""
    rng = random.Random(0)
    problems = [problem for problem in (WORLD.sample(rng) for _ in range(40)) if len(WORLD.posterior(problem)) >= 3]
    useless = ["3 max", "3 min", "3 diff"]
    width = min(len(WORLD.posterior(problem)) for problem in problems)
    sampled, forms = Sampled({"test": problems}), []
    for problem in problems:
        known = WORLD.posterior(problem)
        forms.append([*sorted(known, key=known.get, reverse=True)[:width], *useless])
    breadth = [grown(problem, some) for problem, some in zip(problems, forms, strict=True)]
    head = ("cotrained", "co-trained")
    sampled.conditions[Condition(*head, "distinct", 0.3, "test", (1,) * (width + 3))] = breadth
    plain = [solved(problem, useless * 4) for problem in problems]
    sampled.conditions[Condition(*head, "plain", 1.0)] = plain
    run = load_config(None, [f"sweep.grid=[[{width + 3},1]]", "sweep.bootstrap=100"])
    return ceiling.ceiling(run, sampled, ceiling.PosteriorJudge(WORLD, problems)), problems


def test_exact_weights_find_what_the_most_probable_form_says(found):
    """The forms of the most probable answer are among each problem's abstractions nearly always."""
    rows = {row["mode"]: row for row in found[0]["sides"]}
    assert rows["abstractions"]["exact"] == pytest.approx(found[0]["optimum"], abs=0.1)
    assert rows["abstractions"]["exact"] > rows["abstractions"]["majority"] + 0.1
    assert rows["abstractions"]["covered"] > rows["plain"]["covered"]


def test_the_optimum_is_what_the_posterior_expects(found):
    """Its share of right answers is its own probability, within the error of so few problems."""
    expected = []
    for problem in found[1]:
        mass = {}
        for form, p in WORLD.posterior(problem).items():
            answer = extract_answer(WORLD.solve(problem, form, random.Random(0)))
            mass[answer] = mass.get(answer, 0.0) + p
        expected.append(max(mass.values()))
        assert sum(mass.values()) == pytest.approx(1)
    assert found[0]["optimum"] == pytest.approx(sum(expected) / len(expected), abs=0.25)


def test_a_solution_weighs_the_forms_that_it_follows():
    problem = found_problem()
    judge, known = ceiling.PosteriorJudge(WORLD, [problem]), WORLD.posterior(problem)
    for form, p in known.items():
        weight = judge.weight(problem, WORLD.solve(problem, form, random.Random(0)))
        assert weight >= ceiling.log(p) - 1e-9  # forms that compute alike count together
    assert judge.weight(problem, "1 + 1 = 2 \\boxed{ 2 }") == ceiling.NEVER


def found_problem():
    return WORLD.sample(random.Random(3))


def test_a_world_without_a_posterior_is_refused(tmp_path):
    save_config(load_config(None, ["problems.source=countdown"]), tmp_path / "config.yaml")
    with pytest.raises(PlainError, match="countdown has no posterior"):
        ceiling.ceiling_of(str(tmp_path))
