"""The countdown world: its solver against brute force, its rules, its moves."""

import random
from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlad.config import ConfigError, load_config
from rlad.problems import Problem, ProblemError
from rlad.problems.countdown import Countdown, CountdownKeys, Move, moves, reachable
from rlad.verifier import verify

WORLD = Countdown()


def problem_of(target: int, *numbers: int) -> Problem:
    meta = {"numbers": tuple(sorted(numbers)), "target": target, "canonical": ""}
    return Problem("test", f"make {target} from {' '.join(map(str, numbers))}", str(target), meta=meta)


def brute_force(numbers, limit) -> set[int]:
    """All values, by combining any two numbers of a pool again and again, in exact fractions."""
    if len(numbers) == 1:
        return set(numbers)
    found = set()
    for x, y, *rest in set(permutations(numbers)):
        for value in (x + y, x - y, x * y, Fraction(x, y)):
            if value == int(value) and 0 < value <= limit:
                found |= brute_force((int(value), *rest), limit)
    return found


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=2, max_size=4))
def test_the_solver_finds_exactly_what_brute_force_finds(numbers):
    assert reachable(tuple(sorted(numbers)), 240) == brute_force(tuple(numbers), 240)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6))
def test_valid_moves_are_exactly_those_that_can_be_completed(seed):
    problem = WORLD.sample(random.Random(seed))
    numbers, target = problem.meta["numbers"], problem.meta["target"]
    for move in moves(numbers):
        rest = list(numbers)
        rest.remove(move.number)
        completes = target in {move(value, WORLD.limit) for value in brute_force(tuple(rest), WORLD.limit)}
        assert completes == (move in WORLD.valid_moves(numbers, target))


def test_every_valid_move_has_a_demonstration_that_counts_and_every_useless_one_misses():
    rng = random.Random(2)
    for _ in range(60):
        problem = WORLD.sample(rng)
        numbers, target = problem.meta["numbers"], problem.meta["target"]
        for move in WORLD.valid_moves(numbers, target):
            solution = WORLD.solve(problem, move.text, rng)
            assert verify(problem.answer, solution).correct and WORLD.valid(problem, solution)
            assert WORLD.adheres(problem, move.text, solution)
        for move in WORLD.useless_moves(numbers, target):
            solution = WORLD.solve(problem, move.text, rng)
            assert not verify(problem.answer, solution).correct and WORLD.valid(problem, solution)
            assert WORLD.adheres(problem, move.text, solution)


def test_steps_work_backwards_and_are_right():
    """Each step is true, and makes the target or a number an earlier step uses."""
    rng = random.Random(4)
    for _ in range(100):
        problem = WORLD.sample(rng)
        needed = [problem.answer]
        steps = WORLD.solve(problem, None, rng).split(" \\boxed")[0].split(" , ")
        assert len(steps) == 3
        for step in steps:
            x, op, y, equals, value = step.split()
            assert equals == "=" and value in needed
            assert {"+": int(x) + int(y), "-": int(x) - int(y), "*": int(x) * int(y)}.get(op, int(x) / int(y)) == int(
                value
            )
            needed += [x, y]


@pytest.mark.parametrize(
    "box, valid",
    [
        ("( 7 * ( 2 + 3 ) ) - 3", True),
        ("7*(2+3)-3", True),
        (r"7 \times ( 3 + 2 ) - 3", True),
        ("32", False),  # the target is in the question
        ("32 + 3 - 3", False),
        ("7 * 5 - 3", False),  # not a given number
        ("7 * 2 * 3 - 3 - 7", False),  # 7 twice
        ("7 * ( 2 + 3 )", False),  # not all numbers
        ("( 2 - 3 + 7 ) * 3", False),  # -1 on the way
        ("3 ** 2 - 7 - 3", False),
        ("7 // 3 * 3 + 2", False),
        ("7 / 3 * 3 + 2", False),  # not an integer on the way
        ("- 7 + 3 * 2 * 3", False),
        ("( 7 * ( 2 + 3 ) ) - 3 = 32", False),
        ("7 * ( 2 + 3", False),
        ("", False),
    ],
)
def test_the_box_must_keep_the_rules(box, valid):
    problem = problem_of(32, 3, 7, 2, 3)
    assert WORLD.valid(problem, f"so \\boxed{{ {box} }}") == valid


def test_the_limit_is_a_rule_too():
    world = Countdown(keys=CountdownKeys(numbers=3, max_target=10))
    assert world.limit == 40
    assert not world.valid(problem_of(8, 6, 8, 6), "\\boxed{ 6 * 8 / 6 }")
    assert world.valid(problem_of(8, 6, 8, 6), "\\boxed{ 6 / 6 * 8 }")


def test_a_move_is_found_in_the_outermost_operation():
    problem = problem_of(32, 3, 7, 2, 3)
    solution = "\\boxed{ ( 7 * ( 2 + 3 ) ) - 3 }"
    assert WORLD.adheres(problem, "- 3", solution)
    for other in ("3 -", "+ 3", "- 2", "7 *", "/ 3"):
        assert not WORLD.adheres(problem, other, solution)
    assert WORLD.adheres(problem, "7 +", "\\boxed{ ( 2 * 3 ) + 7 }") and WORLD.adheres(
        problem, "+ 7", "\\boxed{ 7 + 6 }"
    )


def test_a_commutative_move_has_one_canonical_form():
    assert WORLD.canonical_abstraction("+ 7") == WORLD.canonical_abstraction("7  +") == "7 +"
    assert WORLD.canonical_abstraction("- 7") != WORLD.canonical_abstraction("7 -")
    assert Move.parse("7 7 +") is None and Move.parse("+") is None


def test_the_canonical_form_does_not_see_the_order_of_the_numbers():
    rng = random.Random(0)
    seen: dict[tuple, set] = {}
    for _ in range(3000):
        problem = WORLD.sample(rng)
        words = problem.question.split()
        key = (words[1], tuple(sorted(words[3:])))
        seen.setdefault(key, set()).add((problem.question, problem.meta["canonical"]))
    assert any(len({question for question, _ in group}) > 1 for group in seen.values())
    assert all(len({canonical for _, canonical in group}) == 1 for group in seen.values())
    assert len({next(iter(group))[1] for group in seen.values()}) == len(seen)


def test_no_target_is_a_given_number():
    rng = random.Random(0)
    for _ in range(300):
        problem = WORLD.sample(rng)
        assert problem.meta["target"] not in problem.meta["numbers"]
        assert 1 <= problem.meta["target"] <= 60


def test_six_numbers_are_fast_enough_to_train_on():
    world, rng = Countdown(keys=CountdownKeys(numbers=6)), random.Random(0)
    for _ in range(20):
        problem = world.sample(rng)
        solution = world.solve(problem, world.propose(problem, rng), rng)
        assert world.valid(problem, solution) and solution.count("=") == 5


@pytest.mark.parametrize("numbers", [2, 7])
def test_a_wrong_number_of_numbers_is_refused(numbers):
    with pytest.raises(ProblemError, match=f"3 to 6 numbers, not {numbers}"):
        Countdown(keys=CountdownKeys(numbers=numbers))


def test_a_world_without_targets_is_refused():
    world = Countdown(keys=CountdownKeys(numbers=3, max_number=1, max_target=1))
    with pytest.raises(ProblemError, match="countdown finds no target"):
        world.sample(random.Random(0))


def test_values_as_answers_are_refused_because_the_box_holds_an_expression(tmp_path):
    (tmp_path / "run.yaml").write_text("name: x\nproblems: {source: countdown, value_answers: true}\n")
    with pytest.raises(ConfigError, match="value_answers=true refuses every answer of countdown"):
        load_config(tmp_path / "run.yaml")
