"""Word problems: templates and plans as promised, and real rows as the test problems of a world."""

import json
import random
import re
from collections import Counter
from pathlib import Path

import pytest

from rlad.config import ConfigError, ProblemsConfig, load_config
from rlad.problems import ProblemError, load_problems, make_world
from rlad.problems.base import SPLITS, Problem
from rlad.problems.word_problems import beyond
from rlad.problems.word_problems.plans import LARGEST, THREE, TWO
from rlad.problems.word_problems.stories import STORIES
from rlad.problems.word_problems.templates import AMOUNTS, TEMPLATES
from rlad.problems.word_problems.world import amounts_of, answer

GSM8K = Path(__file__).parent.parent / "data" / "gsm8k_rows.jsonl"


def config(**changes) -> ProblemsConfig:
    return ProblemsConfig(source="word_problems", train=400, validation=40, test=200, **changes)


def test_every_kind_has_stories_to_learn_it_from_and_one_each_to_choose_and_to_test_by():
    """From two stories of a kind a model learns the stories, not what they have in common."""
    assert set(AMOUNTS) == set(STORIES)
    assert len({template.text for template in TEMPLATES}) == len(TEMPLATES)
    for kind in STORIES:
        splits = Counter(template.split for template in TEMPLATES if template.kind == kind)
        assert splits["test"] == splits["validation"] == 1 and splits["train"] >= 5


def test_calculations_beyond_the_training_problems_are_asked_in_the_test_alone():
    new = list(beyond.STORIES)
    sizes = ["problems.source=word_problems", "problems.train=400", "problems.validation=40", "problems.test=200"]
    problems = load_config(None, [*sizes, f"problems.word_problems.beyond=[{', '.join(new)}]"]).problems
    world, splits = make_world(problems), {name: load_problems(problems, name) for name in SPLITS}
    kinds = {name: {problem.meta["kind"] for problem in problems} for name, problems in splits.items()}
    assert not (kinds["train"] | kinds["validation"]) & set(new) and set(new) < kinds["test"]
    taken = {world.recipe(problem) for problem in splits["train"]}
    by_kind = {problem.meta["kind"]: problem for problem in splits["test"]}
    known = {operation for recipe in taken for operation in recipe}
    for kind, problem in by_kind.items():
        assert (world.recipe(problem) in taken) == (kind not in new)
        assert (set(world.recipe(problem)) <= known) == (kind != "x % y")
    for problem in splits["test"]:
        kind, _, amounts = problem.meta["canonical"].split(" | ")
        assert amounts_of(problem) == tuple(map(int, amounts.split())) and len(amounts_of(problem)) in (2, 3)
        if kind in new:
            named = [plan.hints[0] for plan in world._plans(problem)[0]]
            assert kind == "x % y" or any(
                hint.startswith(("Multiply the first two", "Divide the first")) for hint in named
            )
    assert set(make_world(config()).vocabulary()) < set(world.vocabulary())
    with pytest.raises(ConfigError, match="x % y"):
        load_config(None, [*sizes, "problems.word_problems.beyond=[x % z]"])


def test_test_stories_are_never_told_in_training():
    def stories(split):
        return {problem.meta["canonical"].rpartition("|")[0] for problem in load_problems(config(), split)}

    train, validation, test = (stories(split) for split in ("train", "validation", "test"))
    assert len(test) == len(STORIES) and 2 * len(validation) > len(STORIES)
    assert not train & test and not train & validation and not validation & test


def test_amounts_stand_in_the_question_in_their_order():
    for problem in load_problems(config(), "train"):
        kind, _, amounts = problem.meta["canonical"].split(" | ")
        assert amounts_of(problem) == tuple(map(int, amounts.split()))
        assert str(answer(kind, amounts_of(problem))) == problem.answer


def test_every_kind_has_a_right_plan_and_most_problems_have_several():
    world, several = make_world(config()), 0
    problems = load_problems(config(), "train") + load_problems(config(), "test")
    for problem in problems:
        right, wrong = world._plans(problem)
        assert right and wrong
        several += len(right) > 1
    assert several > 0.5 * len(problems)


def test_hints_state_no_number_and_no_two_plans_share_one():
    hints = [hint for plan in (*TWO, *THREE) for hint in plan.hints]
    assert len(set(hints)) == len(hints)
    assert not any(re.search(r"\d", hint) for hint in hints)


@pytest.mark.parametrize(
    ("hint", "solution"),
    [
        ("Subtract the smaller amount from the larger.", "46 - 18 = 28. \\boxed{28}"),
        ("Count up from the smaller amount to the larger.", "18 + 28 = 46. \\boxed{28}"),
        ("Add the tens first, then the ones.", "40 + 10 = 50, 6 + 8 = 14, 50 + 14 = 64. \\boxed{64}"),
    ],
)
def test_a_solution_follows_its_hint_right_or_wrong(hint, solution):
    world = make_world(config())
    problem = Problem("x", "Anna had 46 coins and gave 18 to Ben. How many are left?", "28")
    assert world.solve(problem, hint, random.Random(0)) == solution
    assert world.adheres(problem, hint, solution)
    assert not world.adheres(problem, "Multiply the two amounts.", solution)


def test_wordings_of_a_plan_are_one_abstraction():
    world = make_world(config())
    assert world.canonical_abstraction("Put both amounts together.") == "Add the two amounts."
    assert world.canonical_abstraction("Think  HARD .") == "think hard ."


def test_no_equation_is_too_large_to_be_shown():
    plan = next(plan for plan in TWO if plan.hints[0] == "Multiply the two amounts.")
    assert plan.written((40, 50)) is not None and plan.written((40, LARGEST)) is None


def test_real_rows_can_be_the_test_problems_of_a_world():
    """What was learnt on generated stories is tried on files; their problems know nothing of plans."""
    held_out = config(test_path=str(GSM8K))
    problems = load_problems(held_out, "test")
    rows = [json.loads(line) for line in GSM8K.read_text().splitlines()]
    assert {problem.question for problem in problems} == {row["problem"] for row in rows}
    assert load_problems(held_out, "train") == load_problems(config(), "train")
    world = make_world(held_out)
    for problem in problems:
        assert not world.adheres(problem, "nonsense", "1 + 1 = 2")
        assert world.valid(problem, "\\boxed{1}")
    with pytest.raises(ProblemError, match="are read from .jsonl"):
        load_problems(config(test_path="openai/gsm8k"), "test")
